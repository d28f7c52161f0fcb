"""What every layer answers for."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch

from lapilli.netx_exports.neurons.kinds import Neuron
from lapilli.netx_exports.one_step import Cut, Join
from lapilli.netx_exports.synapses.kinds import Synapse
from lapilli.training.networks.one_step.config import OneStepConfig
from lapilli.training.networks.one_step.layers import Reach
from lapilli.training.networks.one_step.topology import Cutting

if TYPE_CHECKING:
    from lapilli.training.networks.one_step.export import Builder
    from lapilli.training.networks.one_step.network import OneStepNetwork

AT_ONCE = 4096
"""A decay: nothing is kept."""


class Map(NamedTuple):
    """What a layer sends for a batch.

    Arguments:
        values: (samples, rows, columns, channels), or (windows, samples, …) of windows; real.
        unit: multiples of 2^-unit.
        potential: of window neurons, as `values`.
    """

    values: torch.Tensor
    unit: int
    potential: torch.Tensor | None = None


Exported = tuple[Neuron, tuple[Synapse | Cut | Join, ...]]
"""Neurons and synapses of a layer, not yet laid out in time."""

Sent = dict[str, Map]
"""What layers send, by their names, and the input."""


@dataclass(frozen=True)
class Node:
    """A layer.

    Arguments:
        name: unique in the network.
        reads: the layer whose events it reads.
        shape: (channels, rows, columns) of its neurons.
    """

    name: str
    reads: str
    shape: tuple[int, int, int]

    @property
    def windows(self) -> Cutting | None:
        """How the map is cut whose windows its neurons see; None: they see the whole map at once."""
        return None

    def layer(self, config: OneStepConfig) -> torch.nn.Module | None:
        """Its weights, with random values; None: it has none."""
        return None

    def reach(self, config: OneStepConfig) -> Reach | None:
        """Of its 8-bit activations; None: it has none."""
        return None

    def answer(self, module: "OneStepNetwork", sent: Sent) -> Map:
        """What it sends.

        Arguments:
            module: whose layer it is.
            sent: what the layers in front send.
        """
        raise NotImplementedError

    def exported(self, builder: "Builder") -> Exported:
        """Its neurons and synapses in the exported network; it tells the builder its unit."""
        raise NotImplementedError

    def products(self, source_channels: int) -> tuple[int, int]:
        """Products of a weight with a spike, and with a real number, of one image where nothing is sparse.

        Arguments:
            source_channels: of the layer that it reads.
        """
        return 0, 0
