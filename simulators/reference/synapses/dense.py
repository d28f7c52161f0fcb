"""All-to-all connections. Sources: `lava.proc.dense` of lava-nc 0.10.0, tag `fixed_pt`."""

from collections.abc import Iterator

import numpy as np

from lapilli.netx_exports.synapses.synapse import shift_sum
from lapilli.simulators.reference.synapses.pathway import Int64, Pathway, wrap32


class DensePathway(Pathway):
    """Connections of different delay are summed and rounded apart, as in Lava's DelayDense."""

    def sums(self, step: int, sent: Int64) -> Iterator[tuple[int, Int64]]:
        """(delay, sums at the neurons) of what the source sent in a step."""
        synapse = self.synapse
        delays = np.zeros((1, 1), int) if synapse.delays is None else np.asarray(synapse.delays)
        weights = synapse.effective_weights.astype(np.int64)
        for delay in np.unique(delays):
            total = sent @ np.where(delays == delay, weights, 0).T
            yield int(delay), shift_sum(wrap32(total), synapse.weight_exp).astype(np.int64)
