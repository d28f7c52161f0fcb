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
from lapilli.netx_exports.neurons.cuba_lif import NEVER_SPIKES
from lapilli.netx_exports.neurons.kinds import CubaLif, GatedLif, Neuron, SpikeAttention, Sum
from lapilli.netx_exports.synapses.kinds import (
    INPUT,
    MAX_DELAY,
    DenseSynapse,
    IdentitySynapse,
    RotarySynapse,
    Synapse,
    TapsSynapse,
)
from lapilli.training.networks.spikescr.layers import HEAD_UNIT, Folded, NormedLayer, whole_weights
from lapilli.training.networks.spikescr.rotary import ROTARY_UNIT, rotary_table
from lapilli.training.networks.spikescr.topology import KEYS, VALID, Node, ahead

if TYPE_CHECKING:
    from lapilli.training.networks.spikescr.network import SpikeScrNetwork

Integers = npt.NDArray[np.int64]

_AT_ONCE = 4096
_TAU_2 = 2048


def exported(module: "SpikeScrNetwork") -> Network:
    """The network that a module computes in evaluation mode, each layer later by its lag."""
    builder = _Builder(module, dict(module.lags))
    with torch.no_grad():
        builder.add_line(VALID, module.n_channels)
        if module.config.key_mask:
            builder.add_line(KEYS, module.n_channels + 1)
        for node in module.nodes:
            builder.add(node)
    readout = Readout(module.config.readout)
    return Network((module.n_inputs,), tuple(builder.layers), {}, module.graded_input, readout)


@dataclass
class _Builder:
    """The layers so far.

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
        self._append(name, 1, _repeating(), [DenseSynapse(INPUT, weights, weight_bits=9)])

    def add(self, node: Node) -> None:
        """The layer of a node, and the relays that it needs."""
        neuron, synapses = {
            "conv": self._normed,
            "dense": self._normed,
            "taps": self._normed,
            "rotary": self._rotary,
            "attention": self._attention,
            "sum": self._sum,
            "head": self._head,
        }[node.kind](node)
        self._append(node.name, node.width, neuron, synapses)

    def _append(self, name: str, size: int, neuron: Neuron, synapses: list[Synapse]) -> None:
        self.layers.append(Layer(name, (size,), neuron, tuple(synapses)))

    def _normed(self, node: Node) -> tuple[Neuron, list[Synapse]]:
        layer = self.module.layers[node.name]
        assert isinstance(layer, NormedLayer)
        folded = layer.folded(self.module.config.largest_threshold)
        threshold = int(folded.threshold[0])
        synapses = [*self._weighted(node, _integers(folded.weight)), *self._bias(node, folded)]
        if node.gate is None:
            return CubaLif(threshold, _AT_ONCE, _TAU_2), synapses
        return GatedLif(threshold, _AT_ONCE, _TAU_2), [*synapses, self._gate(node, node.gate)]

    def _weighted(self, node: Node, weights: Integers) -> list[Synapse]:
        back = ahead(self.module.config, node.kind)
        if node.kind == "taps":
            source, delay = self._meeting(node.name, node.reads[0], -back, MAX_DELAY - len(weights) + 1)
            return [TapsSynapse(source, weights, delay=delay)]
        if node.kind == "conv":
            # The lines beside the channels have no weights.
            wide = np.pad(weights, ((0, 0), (0, 0), (0, self.module.n_inputs - node.n_inputs)))
            return [self._dense(node.name, INPUT, wide[k], k - back) for k in range(len(wide))]
        return [self._dense(node.name, source, weights) for source in node.reads]

    def _bias(self, node: Node, folded: Folded) -> list[Synapse]:
        """Biases as weights of the line "valid": without it they would act before and behind the sample too."""
        weights = _integers(folded.bias)[:, None] >> folded.exponent
        if not weights.any():
            return []
        # What the input's first step reaches at once comes before the line has been repeated.
        source = VALID if self.lag[node.name] > self.lag[VALID] else INPUT
        if source == INPUT:
            weights = weights * (np.arange(self.module.n_inputs) == self.module.n_channels)
        return [self._dense(node.name, source, weights, exponent=folded.exponent, bits=9)]

    def _gate(self, node: Node, gate: str) -> Synapse:
        if gate != VALID:
            return self._identity(node.name, gate, port="gate")
        return self._dense(node.name, VALID, np.ones((node.width, 1), np.int64), bits=9, port="gate")

    def _rotary(self, node: Node) -> tuple[Neuron, list[Synapse]]:
        table = _integers(rotary_table(self.module.n_steps, self.module.config.head))
        source = node.reads[0]
        synapse = RotarySynapse(source, table, start=self.lag[source])
        return CubaLif(ROTARY_UNIT, _AT_ONCE, _TAU_2), [synapse]

    def _attention(self, node: Node) -> tuple[Neuron, list[Synapse]]:
        config, (query, key, value) = self.module.config, node.reads
        waiting, line = config.waiting(self.module.n_steps), KEYS if config.key_mask else VALID
        neuron = SpikeAttention(config.head, config.attention_threshold, _TAU_2, config.memory_decay)
        synapses = [
            self._identity(node.name, query, port="query"),
            self._identity(node.name, key, -waiting, port="key"),
            self._identity(node.name, value, -waiting, port="value"),
            self._dense(node.name, line, np.ones((node.width, 1), np.int64), -waiting, bits=9, port="write"),
        ]
        return neuron, synapses

    def _sum(self, node: Node) -> tuple[Neuron, list[Synapse]]:
        return Sum(), [self._identity(node.name, source) for source in node.reads]

    def _head(self, node: Node) -> tuple[Neuron, list[Synapse]]:
        weights = _integers(whole_weights(self.module.head, HEAD_UNIT))
        synapses: list[Synapse] = [self._dense(node.name, source, weights) for source in node.reads]
        return GatedLif(NEVER_SPIKES, _AT_ONCE, _AT_ONCE), [*synapses, self._gate(node, VALID)]

    def _dense(
        self,
        name: str,
        source: str,
        weights: Integers,
        back: int = 0,
        exponent: int = 0,
        bits: int = 8,
        port: str | None = None,
    ) -> DenseSynapse:
        source, delay = self._meeting(name, source, back)
        delays = np.array([[delay]]) if delay else None
        return DenseSynapse(source, weights, exponent, delays, bits, port=port)

    def _identity(self, name: str, source: str, back: int = 0, port: str | None = None) -> IdentitySynapse:
        source, delay = self._meeting(name, source, back)
        return IdentitySynapse(source, 1, delay=delay, port=port)

    def _meeting(self, name: str, source: str, back: int = 0, largest: int = MAX_DELAY) -> tuple[str, int]:
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
        self._append(name, found.size, neuron, [IdentitySynapse(source, 1, delay=delay)])


def _repeating() -> CubaLif:
    """Neurons that spike in the step in which a spike arrives."""
    return CubaLif(0, _AT_ONCE, _AT_ONCE)


def _integers(values: torch.Tensor) -> Integers:
    return values.detach().numpy().astype(np.int64)
