"""Rotary positions: pairs of neurons are turned by the angle of a sample's step."""

from collections.abc import Iterator

import numpy as np

from lapilli.netx_exports.synapses.synapse import shift_sum
from lapilli.simulators.reference.synapses.pathway import Int64, Pathway, wrap32


class RotaryPathway(Pathway):
    """A row of the table for each position."""

    def sums(self, step: int, sent: Int64) -> Iterator[tuple[int, Int64]]:
        """(delay, sums at the neurons) of what the source sent in a step."""
        table = self.synapse.effective_weights.astype(np.int64)
        position = step - self.synapse.start
        if not 0 <= position < len(table):
            return
        cosine, sine = table[position, :, 0], table[position, :, 1]
        pairs = sent.reshape(len(sent), -1, len(cosine), 2)
        x, y = pairs[..., 0], pairs[..., 1]
        turned = np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=-1)
        total = wrap32(turned.reshape(len(sent), -1))
        yield self.synapse.delay, shift_sum(total, self.synapse.weight_exp).astype(np.int64)
