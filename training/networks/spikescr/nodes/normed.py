"""Layers with weights and a batch norm: dense ones, dense taps in time, and taps of each channel by itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lapilli.netx_exports.neurons.kinds import CubaLif, GatedLif, Neuron
from lapilli.netx_exports.synapses.kinds import INPUT, MAX_DELAY, Synapse, TapsSynapse
from lapilli.training.networks.spikescr.config import SpikeScrConfig
from lapilli.training.networks.spikescr.functions.neurons import integer_neurons, moments, normed_lif
from lapilli.training.networks.spikescr.functions.taps import tapped
from lapilli.training.networks.spikescr.layers import EPSILON, Folded, NormedLayer
from lapilli.training.networks.spikescr.nodes.node import AT_ONCE, TAU_2, VALID, Node, Sent, stream

if TYPE_CHECKING:
    from lapilli.training.networks.spikescr.export import Builder, Integers
    from lapilli.training.networks.spikescr.network import SpikeScrNetwork

SEM_TAPS = 3


@dataclass(frozen=True)
class Dense(Node):
    """Each channel reads all; a base of those that read several steps."""

    def layer(self, config: SpikeScrConfig) -> NormedLayer:
        """Weights (channels, inputs)."""
        return NormedLayer((self.width, self.n_inputs), self.bias, config.momentum)

    def answer(self, module: "SpikeScrNetwork", sent: Sent, write: torch.Tensor) -> torch.Tensor:
        """Spikes, in the way of the phase of training."""
        layer: Any = module.layers[self.name]
        read, gate, firing = stream(sent, self.reads), sent.get(self.gate or ""), module.firing(self.drops)
        if module.rounded and (module.integers or not module.training):
            folded = layer.folded(module.config.largest_threshold)
            arriving = self.product(module.config, read, folded.weight)
            return integer_neurons(arriving, folded.threshold, firing, folded.bias, gate)
        arriving = self.product(module.config, read, layer.weight)
        of_batch = moments(arriving) if module.training else layer.frozen()
        if module.training:
            layer.norm.add(of_batch, layer.bias)
        return normed_lif(arriving, layer.norm.scale, layer.norm.shift, of_batch, EPSILON, firing, gate)

    def product(self, config: SpikeScrConfig, read: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """What arrives, for weights of the shape of its layer's."""
        return torch.matmul(read, weight.t())

    def exported(self, builder: "Builder") -> tuple[Neuron, list[Synapse]]:
        """Integer weights and biases behind their threshold."""
        folded: Folded = builder.folded(self.name)
        threshold = int(folded.threshold[0])
        synapses = [*self.synapses(builder, builder.integers(folded.weight)), *self._bias(builder, folded)]
        if self.gate is None:
            return CubaLif(threshold, AT_ONCE, TAU_2), synapses
        return GatedLif(threshold, AT_ONCE, TAU_2), [*synapses, builder.gate(self.name, self.width, self.gate)]

    def synapses(self, builder: "Builder", weights: "Integers") -> list[Synapse]:
        """The synapses of the weights."""
        return [builder.dense(self.name, source, weights) for source in self.reads]

    def _bias(self, builder: "Builder", folded: Folded) -> Iterator[Synapse]:
        """Biases as weights of the line "valid": without it they would act before and behind the sample too."""
        weights = builder.integers(folded.bias)[:, None] >> folded.exponent
        if not weights.any():
            return
        # What the input's first step reaches at once comes before the line has been repeated.
        source = VALID if builder.lag[self.name] > builder.lag[VALID] else INPUT
        if source == INPUT:
            weights = weights * (np.arange(builder.module.n_inputs) == builder.module.n_channels)
        yield builder.dense(self.name, source, weights, exponent=folded.exponent, bits=9)

    def fan_out(self, module: "SpikeScrNetwork") -> torch.Tensor:
        """Weights other than 0."""
        layer: Any = module.layers[self.name]
        return self.met((layer.folded(module.config.largest_threshold).weight != 0).double())

    def met(self, there: torch.Tensor) -> torch.Tensor:
        """From which weights there are to how many of them an event of each source channel meets."""
        return there.flatten(0, -2).sum(0)

    def matrix_operations(self, config: SpikeScrConfig, n_steps: int) -> int:
        """Weights of a source channel."""
        return self.width


@dataclass(frozen=True)
class Conv(Dense):
    """Three taps in time, each from all channels to all."""

    def layer(self, config: SpikeScrConfig) -> NormedLayer:
        """Weights (taps, channels, inputs)."""
        return NormedLayer((SEM_TAPS, self.width, self.n_inputs), self.bias, config.momentum)

    def ahead(self, config: SpikeScrConfig) -> int:
        """One step where convolutions are centred."""
        return SEM_TAPS // 2 if config.convolutions == "centred" else 0

    def product(self, config: SpikeScrConfig, read: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """One product with the taps side by side."""
        side_by_side = _taps_side_by_side(read, self.ahead(config))
        return torch.matmul(side_by_side, weight.transpose(0, 1).flatten(1).t())

    def synapses(self, builder: "Builder", weights: "Integers") -> list[Synapse]:
        """A dense synapse of the input for each tap."""
        # The lines beside the channels have no weights.
        wide = np.pad(weights, ((0, 0), (0, 0), (0, builder.module.n_inputs - self.n_inputs)))
        back = self.ahead(builder.module.config)
        return [builder.dense(self.name, INPUT, wide[k], k - back) for k in range(len(wide))]

    def matrix_operations(self, config: SpikeScrConfig, n_steps: int) -> int:
        """Weights of a source channel."""
        return SEM_TAPS * self.width


@dataclass(frozen=True)
class Taps(Dense):
    """Taps in time, each channel by itself."""

    def layer(self, config: SpikeScrConfig) -> NormedLayer:
        """Weights (taps, channels)."""
        return NormedLayer((config.kernel, self.width), self.bias, config.momentum, diagonal=True)

    def ahead(self, config: SpikeScrConfig) -> int:
        """Half of the taps where convolutions are centred."""
        return config.kernel // 2 if config.convolutions == "centred" else 0

    def product(self, config: SpikeScrConfig, read: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """The taps of each channel."""
        return tapped(read, weight, self.ahead(config))

    def synapses(self, builder: "Builder", weights: "Integers") -> list[Synapse]:
        """One synapse of taps."""
        back, largest = self.ahead(builder.module.config), MAX_DELAY - len(weights) + 1
        source, delay = builder.meeting(self.name, self.reads[0], -back, largest)
        return [TapsSynapse(source, weights, delay=delay)]

    def met(self, there: torch.Tensor) -> torch.Tensor:
        """Each channel's own taps."""
        return there.sum(0)

    def matrix_operations(self, config: SpikeScrConfig, n_steps: int) -> int:
        """Taps of a channel."""
        return config.kernel


def _taps_side_by_side(values: torch.Tensor, back: int) -> torch.Tensor:
    """For taps k = 0, 1, …: values of step t - k + back, side by side, zeros outside of the sample."""
    n_steps = values.shape[1]
    padded = torch.nn.functional.pad(values, (0, 0, SEM_TAPS - 1 - back, back))
    first = SEM_TAPS - 1
    return torch.cat([padded[:, first - k : first - k + n_steps] for k in range(SEM_TAPS)], 2)
