"""Convolutions of whole maps: real sums, held to 8 bits, or neurons without memory that spike."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from lapilli.netx_exports.neurons.kinds import CubaLif, Requantiser
from lapilli.netx_exports.synapses.kinds import ConvSynapse, IdentitySynapse
from lapilli.training.networks.one_step.carry import activation
from lapilli.training.networks.one_step.config import OneStepConfig
from lapilli.training.networks.one_step.functions.requantise import requantised
from lapilli.training.networks.one_step.functions.spikes import fired
from lapilli.training.networks.one_step.layers import LARGEST_SUM_UNIT, Folded, Reach, Weighted, whole
from lapilli.training.networks.one_step.nodes.node import AT_ONCE, Exported, Map, Node, Sent

if TYPE_CHECKING:
    from lapilli.training.networks.one_step.export import Builder
    from lapilli.training.networks.one_step.network import OneStepNetwork

LARGEST_BIAS = (1 << 15) - 1
_LARGEST_SUM = (1 << 22) - 1
_LARGEST_IDENTITY_EXPONENT = 7


@dataclass(frozen=True)
class Convolution(Node):
    """A convolution of a map.

    Arguments:
        source_channels: of the map.
        kernel, stride, padding: of the convolution, the same for rows and columns.
        skip: a layer of the same shape that is added to the sums; None: none is.
        function: of the sums: "identity", "relu", "gelu", or "spike".
        reads_spikes: whether what it reads are spikes.
    """

    source_channels: int
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    skip: str | None = None
    function: str = "identity"
    reads_spikes: bool = False

    def layer(self, config: OneStepConfig) -> Weighted:
        """Its weights."""
        shape = self.shape[0], self.source_channels, self.kernel, self.kernel
        momentum = config.momentum if config.norm == "batch" else None
        return Weighted(shape, self.stride, self.padding, momentum)

    def reach(self, config: OneStepConfig) -> Reach | None:
        """Of what is sent, or of what the function is given."""
        return None if self.function == "spike" or config.form == "ann" else Reach(config.largest_sigma)

    def answer(self, module: "OneStepNetwork", sent: Sent) -> Map:
        """What it sends."""
        source, skip = sent[self.reads], None if self.skip is None else sent[self.skip]
        added = None if skip is None else skip.values
        if module.config.form == "ann":
            return Map(_apply(self.function, _plus(self._floating(module, source.values), added)), 0)
        if self.function == "spike":
            total = self._total(module, source, None, None)
            return Map(fired(total, module.config.surrogate_width), 0)
        reach = module.reaches[self.name]
        assert isinstance(reach, Reach)
        if module.training and not reach.seen:
            with torch.no_grad():
                reach.see(self._total(module, source, skip, reach.unit), added)
        unit = reach.unit
        total = self._total(module, source, skip, unit)
        if module.training and module.learns_units:
            reach.see(total, added)
        return Map(requantised(total, added, unit, activation(self.function, unit)), unit)

    def _floating(self, module: "OneStepNetwork", values: torch.Tensor) -> torch.Tensor:
        """Sums in floating point, behind the statistics of the batch in training."""
        layer = module.weighted(self.name)
        found = layer.convolved(values, layer.weight, layer.bias)
        return found if layer.norm is None else layer.norm(found, module.training)

    def _total(self, module: "OneStepNetwork", source: Map, skip: Map | None, unit: int | None) -> torch.Tensor:
        """Sums with their biases, without what is added to them."""
        if module.normalises:
            return self._floating(module, source.values)
        folded = self.folded(module, source.unit)
        sum_unit = self.sum_unit(folded, source.unit, None if skip is None else skip.unit, unit)
        bias = self.bias(folded, sum_unit) if module.rounded else folded.bias
        return module.weighted(self.name).convolved(source.values, folded.weight, bias)

    def folded(self, module: "OneStepNetwork", source_unit: int) -> Folded:
        """The weights that run, for a source of that unit."""
        return module.weighted(self.name).folded(LARGEST_SUM_UNIT - source_unit, module.rounded)

    @staticmethod
    def sum_unit(folded: Folded, source_unit: int, skip_unit: int | None, unit: int | None) -> int:
        """The unit of the sums: the finest of all that are added and of what is sent."""
        return max(folded.unit + source_unit, skip_unit or 0, unit or 0)

    def bias(self, folded: Folded, sum_unit: int) -> torch.Tensor:
        """The biases as they are when exported."""
        limit = LARGEST_BIAS if self.function == "spike" else _LARGEST_SUM
        return whole(folded.bias, sum_unit, limit)

    def exported(self, builder: "Builder") -> Exported:
        """A convolution, an identity where something is added, and neurons without memory."""
        source_unit = builder.units[self.reads]
        folded = self.folded(builder.module, source_unit)
        unit = None if self.function == "spike" else builder.unit_of(self.name)
        skip_unit = None if self.skip is None else builder.units[self.skip]
        sum_unit = self.sum_unit(folded, source_unit, skip_unit, unit)
        bias = builder.integers(self.bias(folded, sum_unit), sum_unit)
        exponent = sum_unit - source_unit - folded.unit
        weights = builder.integers(folded.weight, folded.unit)
        sides = (self.stride, self.stride), (self.padding, self.padding)
        conv = ConvSynapse(self.reads, weights, *sides, weight_exp=exponent)
        if self.function == "spike":
            builder.units[self.name] = 0
            return CubaLif(1 << (sum_unit - 1), AT_ONCE, AT_ONCE, bias), (conv,)
        assert unit is not None
        builder.units[self.name] = unit
        shift = sum_unit - unit
        # A half, so that shifting right rounds to the nearest.
        half = (1 << shift) >> 1
        table = None if self.function == "identity" else activation(self.function, unit).integers
        neuron = Requantiser(1, shift, bias + half, table=table)
        if self.skip is None or skip_unit is None:
            return neuron, (conv,)
        up = sum_unit - skip_unit
        more = max(0, up - _LARGEST_IDENTITY_EXPONENT)
        return neuron, (conv, IdentitySynapse(self.skip, 1 << (up - more), more))

    def products(self, source_channels: int) -> tuple[int, int]:
        """As of `Node`."""
        met = int(np.prod(self.shape)) * source_channels * self.kernel**2
        return (met, 0) if self.reads_spikes else (0, met)


def _plus(total: torch.Tensor, added: torch.Tensor | None) -> torch.Tensor:
    return total if added is None else total + added


def _apply(function: str, values: torch.Tensor) -> torch.Tensor:
    """A function in floating point; what spikes elsewhere has none."""
    if function == "identity":
        return values
    return torch.nn.functional.gelu(values) if function == "gelu" else torch.relu(values)
