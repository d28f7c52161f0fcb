"""From a SpikeSCR module to the network of integers, with the delays by which all parts of a position meet.

A layer of lag L sends position t in step t + L. A synapse to it from a layer of lag l, which reads position t - back,
has a delay of `L - l - 1 + back` steps. Where that is more than delays can be, relays repeat what the source sends.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from lapilli.netx_exports import Network, Readout
from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.neurons.kinds import CubaLif, Neuron, Sum
from lapilli.netx_exports.synapses.kinds import INPUT, MAX_DELAY, DenseSynapse, IdentitySynapse, Synapse
from lapilli.training.networks.spikescr.layers import Folded, NormedLayer
from lapilli.training.networks.spikescr.nodes.node import AT_ONCE, KEYS, VALID

if TYPE_CHECKING:
    from lapilli.training.networks.spikescr.network import SpikeScrNetwork

Integers = npt.NDArray[np.int64]


def exported(module: "SpikeScrNetwork") -> Network:
    """The network that a module computes in evaluation mode, each layer later by its lag."""
    builder = Builder(module, dict(module.lags))
    with torch.no_grad():
        builder.add_line(VALID, module.n_channels)
        if module.config.key_mask:
            builder.add_line(KEYS, module.n_channels + 1)
        for node in module.nodes:
            builder.add(node.name, node.width, *node.exported(builder))
    readout = Readout(module.config.readout)
    return Network((module.n_inputs,), tuple(builder.layers), {}, module.graded_input, readout)


@dataclass
class Builder:
    """The layers so far, and the parts of which further ones are made.

    Arguments:
        module: what is exported.
        lag: of each layer that there is or will be.
    """

    module: "SpikeScrNetwork"
    lag: dict[str, int]
    layers: list[Layer] = field(default_factory=list)

    def add_line(self, name: str, channel: int) -> None:
        """A neuron that repeats a channel of the input a step later."""
        weights = np.zeros((1, self.module.n_inputs), np.int64)
        weights[0, channel] = 1
        self.add(name, 1, _repeating(), [DenseSynapse(INPUT, weights, weight_bits=9)])

    def add(self, name: str, size: int, neuron: Neuron, synapses: list[Synapse]) -> None:
        """A layer behind those so far."""
        self.layers.append(Layer(name, (size,), neuron, tuple(synapses)))

    def folded(self, name: str) -> Folded:
        """The weights of a layer with its batch norm, as integers."""
        layer = self.module.layers[name]
        assert isinstance(layer, NormedLayer)
        return layer.folded(self.module.config.largest_threshold)

    @staticmethod
    def integers(values: torch.Tensor) -> Integers:
        """Whole numbers as such."""
        return values.detach().cpu().numpy().astype(np.int64)

    def gate(self, name: str, size: int, gate: str) -> Synapse:
        """What lets a layer of so many neurons receive: a layer of as many, or the line "valid"."""
        if gate != VALID:
            return self.identity(name, gate, port="gate")
        return self.dense(name, VALID, np.ones((size, 1), np.int64), bits=9, port="gate")

    def dense(
        self,
        name: str,
        source: str,
        weights: Integers,
        back: int = 0,
        exponent: int = 0,
        bits: int = 8,
        port: str | None = None,
    ) -> DenseSynapse:
        """A dense synapse by which layer `name` reads position t - back of a source."""
        source, delay = self.meeting(name, source, back)
        delays = np.array([[delay]]) if delay else None
        return DenseSynapse(source, weights, exponent, delays, bits, port=port)

    def identity(self, name: str, source: str, back: int = 0, port: str | None = None) -> IdentitySynapse:
        """Likewise from each neuron to that of its number."""
        source, delay = self.meeting(name, source, back)
        return IdentitySynapse(source, 1, delay=delay, port=port)

    def meeting(self, name: str, source: str, back: int = 0, largest: int = MAX_DELAY) -> tuple[str, int]:
        """By which layer, and with which delay, a layer reads position t - back of a source; relays are made."""
        delay = self.lag[name] - self.lag[source] - 1 + back
        number = 0
        original = source
        while delay > largest:
            step = min(MAX_DELAY, delay - 1)
            number += 1
            source, before = f"{original}_later_{number}", source
            if source not in self.lag:
                self._relay(source, before, original, step)
            delay = self.lag[name] - self.lag[source] - 1 + back
        return source, delay

    def _relay(self, name: str, source: str, original: str, delay: int) -> None:
        """Repeat what a layer sends, `delay` + 1 steps later."""
        self.lag[name] = self.lag[source] + delay + 1
        found = next(layer for layer in self.layers if layer.name == original)
        neuron = Sum() if found.neuron.graded else _repeating()
        self.add(name, found.size, neuron, [IdentitySynapse(source, 1, delay=delay)])


def _repeating() -> CubaLif:
    """Neurons that spike in the step in which a spike arrives."""
    return CubaLif(0, AT_ONCE, AT_ONCE)
