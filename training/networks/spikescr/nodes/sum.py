"""The sum of what the layers of a block send, between two blocks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from lapilli.netx_exports.neurons.kinds import Neuron, Sum
from lapilli.netx_exports.synapses.kinds import Synapse
from lapilli.training.networks.spikescr.nodes.node import Node, Sent, stream

if TYPE_CHECKING:
    from lapilli.training.networks.spikescr.export import Builder
    from lapilli.training.networks.spikescr.network import SpikeScrNetwork


@dataclass(frozen=True)
class Total(Node):
    """Sends what arrives as values."""

    graded = True

    def answer(self, module: "SpikeScrNetwork", sent: Sent, write: torch.Tensor) -> torch.Tensor:
        """The sum."""
        return stream(sent, self.reads)

    def exported(self, builder: "Builder") -> tuple[Neuron, list[Synapse]]:
        """`Sum` neurons."""
        return Sum(), [builder.identity(self.name, source) for source in self.reads]
