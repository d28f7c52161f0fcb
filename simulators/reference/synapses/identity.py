"""Skip paths. Source: `lava.proc.sparse` of lava-nc 0.10.0, tag `fixed_pt`."""

from collections.abc import Iterator

import numpy as np

from lapilli.netx_exports.synapses.synapse import shift_sum
from lapilli.simulators.reference.synapses.pathway import Int64, Pathway, wrap32


class IdentityPathway(Pathway):
    """One weight for each neuron."""

    def sums(self, step: int, sent: Int64) -> Iterator[tuple[int, Int64]]:
        """(delay, sums at the neurons) of what the source sent in a step."""
        total = wrap32(sent * self.synapse.weight)
        yield self.synapse.delay, shift_sum(total, self.synapse.weight_exp).astype(np.int64)
