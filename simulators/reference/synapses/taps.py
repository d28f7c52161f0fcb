"""Taps in time: a convolution over time of each neuron by itself."""

from collections.abc import Iterator

from lapilli.netx_exports.synapses.synapse import shift_sum
from lapilli.simulators.reference.synapses.pathway import Int64, Pathway, wrap32


class TapsPathway(Pathway):
    """One product for each neuron and tap, rounded by itself."""

    def sums(self, step: int, sent: Int64) -> Iterator[tuple[int, Int64]]:
        """(delay, sums at the neurons) of what the source sent in a step."""
        for tap, weights in enumerate(self.synapse.effective_weights.astype("int64")):
            total = wrap32(sent * weights)
            yield self.synapse.delay + tap, shift_sum(total, self.synapse.weight_exp).astype("int64")
