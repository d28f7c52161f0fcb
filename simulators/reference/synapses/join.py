"""Join: windows go to their places in the map, and wait for the last of their image."""

from collections.abc import Iterator

import numpy as np

from lapilli.netx_exports.synapses.synapse import shift_sum
from lapilli.simulators.reference.synapses.pathway import Int64, Pathway, wrap32


class JoinPathway(Pathway):
    """One product for each neuron of the window, rounded by itself."""

    def sums(self, step: int, sent: Int64) -> Iterator[tuple[int, Int64]]:
        """(delay, sums at the neurons) of what the source sent in a step."""
        synapse = self.synapse
        if step < synapse.phase:
            return
        window = (step - synapse.phase) % synapse.windows
        targets = synapse.targets(self.shape)[window]
        total = np.zeros((len(sent), self._on_the_way.shape[2]), np.int64)
        total[:, targets] = wrap32(sent * synapse.weights_of(self.shape)[targets])
        yield synapse.windows - 1 - window, shift_sum(total, synapse.weight_exp).astype(np.int64)
