"""Potentials of a block's neurons as a map, from which the windows of the next block begin."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lapilli.training.networks.one_step.config import OneStepConfig
from lapilli.training.networks.one_step.functions.windows import joined
from lapilli.training.networks.one_step.layers import Weighted
from lapilli.training.networks.one_step.nodes.node import Map, Node, Sent
from lapilli.training.networks.one_step.topology import Cutting

if TYPE_CHECKING:
    from lapilli.training.networks.one_step.network import OneStepNetwork

_SIDE = 2
"""Of the places that are merged into one."""


@dataclass(frozen=True)
class PotentialMap(Node):
    """The potentials of windows as one map, their mean where windows overlap.

    Arguments:
        cutting: of the map.
    """

    cutting: Cutting

    def answer(self, module: "OneStepNetwork", sent: Sent) -> Map:
        """What it sends, in floating point."""
        potential = sent[self.reads].potential
        assert potential is not None
        return Map(joined(potential, self.cutting, True), 0)


@dataclass(frozen=True)
class PotentialMerge(Node):
    """2 × 2 places of a map of potentials as one place, by weights of its own, where a stage ends.

    Arguments:
        source_channels: of the map.
    """

    source_channels: int

    def layer(self, config: OneStepConfig) -> Weighted:
        """Its weights and a bias, in floating point."""
        return Weighted((self.shape[0], self.source_channels, _SIDE, _SIDE), _SIDE, 0, None)

    def answer(self, module: "OneStepNetwork", sent: Sent) -> Map:
        """What it sends, in floating point."""
        layer = module.weighted(self.name)
        return Map(layer.convolved(sent[self.reads].values, layer.weight, layer.bias), 0)

    def products(self, source_channels: int) -> tuple[int, int]:
        """As of `Node`."""
        channels, rows, columns = self.shape
        return 0, channels * rows * columns * source_channels * _SIDE**2
