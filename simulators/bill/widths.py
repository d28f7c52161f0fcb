"""Widths in bits of what a network keeps in memory and sends."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from lapilli.netx_exports.chip.limits import STATE_BITS, WEIGHT_BITS
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.synapses.synapse import Synapse


@dataclass(frozen=True)
class Widths:
    """Widths that replace the network's own; 0: the network's own.

    Arguments:
        weight: of a weight; own: 8, or the fewer that a dense synapse asks for.
        state: of a state, a bias or a sum; own: 24, as on Loihi.
        activation: of a dense network's activation; own: as many as tell the spike counts 0…T apart, at most 8.
    """

    weight: int = 0
    state: int = 0
    activation: int = 0

    @classmethod
    def from_table(cls, bits: Mapping[str, int]) -> "Widths":
        """Those that a cost table's prices are for."""
        return cls(**bits)

    def of_weight(self, synapse: Synapse) -> int:
        """Bits of a stored weight of this synapse."""
        return self.weight or min(synapse.weight_bits, WEIGHT_BITS)

    @property
    def of_state(self) -> int:
        """Bits of a state, a bias or a sum."""
        return self.state or STATE_BITS

    def of_activation(self, n_steps: int) -> int:
        """Bits of an activation that stands for a spike count of `n_steps` steps: ceil(log2(T + 1)), at most 8.

        Source: Yan et al., "Reconsidering the energy efficiency of spiking neural networks", arXiv 2409.08290.
        """
        return self.activation or min(n_steps.bit_length(), 8)

    @staticmethod
    def of_address(network: Network, source: str) -> int:
        """Bits that tell a source's neurons apart: what a spike consists of."""
        return max(1, (prod(network.shapes[source]) - 1).bit_length())


OWN_WIDTHS = Widths()
"""Nothing replaced."""
