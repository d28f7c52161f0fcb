"""The readout."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from lapilli.netx_exports.neurons.cuba_lif import NEVER_SPIKES
from lapilli.netx_exports.neurons.kinds import GatedLif, Neuron
from lapilli.netx_exports.synapses.kinds import Synapse
from lapilli.training.networks.spikescr.config import SpikeScrConfig
from lapilli.training.networks.spikescr.functions.dropout import dropped_out
from lapilli.training.networks.spikescr.layers import HEAD_UNIT, whole_weights
from lapilli.training.networks.spikescr.nodes.node import AT_ONCE, VALID, Node, Sent, stream

if TYPE_CHECKING:
    from lapilli.training.networks.spikescr.export import Builder
    from lapilli.training.networks.spikescr.network import SpikeScrNetwork


@dataclass(frozen=True)
class Head(Node):
    """Weights to the classes, no neurons that spike; `width` classes."""

    def answer(self, module: "SpikeScrNetwork", sent: Sent, write: torch.Tensor) -> torch.Tensor:
        """Voltages in SLAYER's unit."""
        read = dropped_out(stream(sent, self.reads), module.firing(True).dropout)
        weight = whole_weights(module.head, HEAD_UNIT) / HEAD_UNIT if module.rounded else module.head
        return torch.matmul(read, weight.t())

    def exported(self, builder: "Builder") -> tuple[Neuron, list[Synapse]]:
        """Neurons that never spike, and receive while the sample lasts."""
        weights = builder.integers(whole_weights(builder.module.head, HEAD_UNIT))
        synapses: list[Synapse] = [builder.dense(self.name, source, weights) for source in self.reads]
        return GatedLif(NEVER_SPIKES, AT_ONCE, AT_ONCE), [*synapses, builder.gate(self.name, self.width, VALID)]

    def fan_out(self, module: "SpikeScrNetwork") -> torch.Tensor:
        """Weights other than 0."""
        return (whole_weights(module.head, HEAD_UNIT) != 0).double().sum(0)

    def matrix_operations(self, config: SpikeScrConfig, n_steps: int) -> int:
        """Weights of a source channel."""
        return self.width
