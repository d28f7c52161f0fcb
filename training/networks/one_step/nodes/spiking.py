"""Layers without weights: the encoder in front of windows, the join behind them, sums of spikes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lapilli.netx_exports.neurons.kinds import CubaLif, Requantiser
from lapilli.netx_exports.one_step import Join as Windowed
from lapilli.netx_exports.synapses.kinds import IdentitySynapse
from lapilli.training.networks.one_step.carry import activation
from lapilli.training.networks.one_step.functions.requantise import requantised
from lapilli.training.networks.one_step.functions.spikes import drawn, fired
from lapilli.training.networks.one_step.functions.windows import joined
from lapilli.training.networks.one_step.nodes.node import AT_ONCE, Exported, Map, Node, Sent
from lapilli.training.networks.one_step.topology import Cutting

if TYPE_CHECKING:
    from lapilli.training.networks.one_step.export import Builder
    from lapilli.training.networks.one_step.network import OneStepNetwork

_COVER_UNIT = 2
"""Of means over at most 4 windows: quarters."""


@dataclass(frozen=True)
class Encoder(Node):
    """A spike where the map is above 0.5, or in training with the probability that it is."""

    def answer(self, module: "OneStepNetwork", sent: Sent) -> Map:
        """What it sends."""
        values, width = sent[self.reads].values, module.config.surrogate_width
        if not module.config.encoder_gradient:
            values = values.detach()
        draws = module.training and module.config.encoder == "bernoulli"
        return Map(drawn(values, width) if draws else fired(values, width), 0)

    def exported(self, builder: "Builder") -> Exported:
        """Neurons without memory: a whole number above 2^unit / 2 is a value above 0.5."""
        builder.units[self.name] = 0
        threshold = (1 << builder.units[self.reads]) >> 1
        return CubaLif(threshold, AT_ONCE, AT_ONCE), (IdentitySynapse(self.reads, 1),)


@dataclass(frozen=True)
class Join(Node):
    """The map of windows: a spike of any, or means.

    Arguments:
        cutting: of the map.
    """

    cutting: Cutting

    def answer(self, module: "OneStepNetwork", sent: Sent) -> Map:
        """What it sends."""
        median = module.config.join == "median"
        values = joined(sent[self.reads].values, self.cutting, median)
        return Map(values, _COVER_UNIT if median and self.cutting.dilated else 0)

    def exported(self, builder: "Builder") -> Exported:
        """Neurons without memory whose threshold is below one window's weight, or that send the sum of quarters."""
        side, windows = self.cutting.side, self.cutting.windows
        if builder.module.config.join == "median" and self.cutting.dilated:
            builder.units[self.name] = _COVER_UNIT
            weights = (1 << _COVER_UNIT) // windows.cover(side, side)
            return Requantiser(1, 0), (Windowed(self.reads, windows.dilated, weights),)
        builder.units[self.name] = 0
        return CubaLif(1, AT_ONCE, AT_ONCE), (Windowed(self.reads, windows.dilated, 2),)


@dataclass(frozen=True)
class SpikeSum(Node):
    """A residual sum of spikes: small whole numbers.

    Arguments:
        skip: the sum so far, of the same shape.
    """

    skip: str

    def answer(self, module: "OneStepNetwork", sent: Sent) -> Map:
        """What it sends."""
        values = requantised(sent[self.reads].values, sent[self.skip].values, 0, activation("identity", 0))
        return Map(values, 0)

    def exported(self, builder: "Builder") -> Exported:
        """Neurons without memory that send what arrives."""
        builder.units[self.name] = 0
        return Requantiser(1, 0), (IdentitySynapse(self.reads, 1), IdentitySynapse(self.skip, 1))
