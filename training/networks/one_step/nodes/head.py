"""The readout: the mean of the last map over its positions, times weights."""

from dataclasses import dataclass
from math import ceil, log2
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from lapilli.netx_exports.neurons.cuba_lif import NEVER_SPIKES
from lapilli.netx_exports.neurons.kinds import CubaLif
from lapilli.netx_exports.synapses.kinds import DenseSynapse
from lapilli.training.networks.one_step.config import OneStepConfig
from lapilli.training.networks.one_step.layers import LARGEST_SUM_UNIT, WEIGHT_UNITS, Folded, Weighted
from lapilli.training.networks.one_step.nodes.convolution import LARGEST_BIAS
from lapilli.training.networks.one_step.nodes.node import AT_ONCE, Exported, Map, Node, Sent

if TYPE_CHECKING:
    from lapilli.training.networks.one_step.export import Builder
    from lapilli.training.networks.one_step.network import OneStepNetwork

HEAD = "readout"
_LARGEST_VALUE = 128
_SUM_BITS, _CURRENT_BITS = 23, 16
"""Sums must stay below 2^23, and 2^exponent times them below 2^16, so that currents stay within 24 bits."""


class Scaled(NamedTuple):
    """The readout's weights, and by how much its sums are scaled.

    Arguments:
        folded: weights and biases.
        exponent: sums are multiplied by 2^exponent, 0 or less, rounding down.
        unit: a mean of 1.0 is `positions` 2^unit in the neurons.
    """

    folded: Folded
    exponent: int
    unit: int


@dataclass(frozen=True)
class Head(Node):
    """Neurons without memory that never spike.

    Arguments:
        source_shape: (channels, rows, columns) of the last map.
    """

    source_shape: tuple[int, int, int]

    @property
    def positions(self) -> int:
        """Of the last map."""
        return self.source_shape[1] * self.source_shape[2]

    def layer(self, config: OneStepConfig) -> Weighted:
        """Its weights."""
        return Weighted((self.shape[0], self.source_shape[0], 1, 1), 1, 0, None)

    def answer(self, module: "OneStepNetwork", sent: Sent) -> Map:
        """Scores of the classes, (samples, classes)."""
        source = sent[self.reads]
        pooled = source.values.sum((1, 2))
        layer = module.weighted(self.name)
        assert layer.bias is not None
        if module.config.form == "ann" or not module.rounded:
            return Map(torch.nn.functional.linear(pooled / self.positions, layer.weight[:, :, 0, 0], layer.bias), 0)
        folded, _, unit = self.scaled(module, source.unit)
        total = torch.nn.functional.linear(pooled, folded.weight[:, :, 0, 0])
        floored = (total.detach() * 2.0**unit).floor() * 2.0**-unit
        total = total + (floored - total).detach()
        return Map((total + self.bias(folded, unit)) / self.positions, unit)

    def scaled(self, module: "OneStepNetwork", source_unit: int) -> Scaled:
        """The weights for a source of that unit; smaller ones where sums could leave 24 bits."""
        layer = module.weighted(self.name)
        largest = LARGEST_SUM_UNIT - source_unit
        folded = layer.folded(largest, True)
        while self._bound(folded) >= _SUM_BITS and folded.unit > WEIGHT_UNITS[0]:
            folded = layer.folded(folded.unit - 1, True)
        exponent = min(0, _CURRENT_BITS - self._bound(folded))
        return Scaled(folded, exponent, folded.unit + source_unit + exponent)

    def _bound(self, folded: Folded) -> int:
        """Bits that no sum exceeds."""
        weights = folded.weight.detach() * 2.0**folded.unit
        largest = float(weights.abs().sum((1, 2, 3)).max()) * self.positions * _LARGEST_VALUE
        return ceil(log2(max(largest, 1)))

    def bias(self, folded: Folded, unit: int) -> torch.Tensor:
        """Biases in the neurons' unit, as they are when exported."""
        biases = folded.bias * self.positions
        rounded = (biases.detach() * 2.0**unit + 0.5).floor().clamp(-LARGEST_BIAS, LARGEST_BIAS) * 2.0**-unit
        return biases + (rounded - biases.detach())

    def exported(self, builder: "Builder") -> Exported:
        """Dense connections from all positions."""
        folded, exponent, unit = self.scaled(builder.module, builder.units[self.reads])
        weights = builder.integers(folded.weight, folded.unit)
        tiled = np.broadcast_to(weights, (*weights.shape[:2], *self.source_shape[1:])).reshape(len(weights), -1)
        bias = builder.integers(self.bias(folded, unit), unit)
        builder.units[self.name] = unit
        feed = DenseSynapse(self.reads, tiled, exponent, weight_bits=9)
        return CubaLif(NEVER_SPIKES, AT_ONCE, AT_ONCE, bias), (feed,)

    def products(self, source_channels: int) -> tuple[int, int]:
        """As of `Node`; the mean is taken first."""
        return 0, source_channels * self.shape[0]
