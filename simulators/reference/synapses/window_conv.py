"""Convolutions of one window of a map."""

from collections.abc import Iterator

from lapilli.netx_exports.synapses.synapse import shift_sum
from lapilli.simulators.reference.synapses.conv import convolve, wrap24
from lapilli.simulators.reference.synapses.pathway import Int64, Pathway


class WindowConvPathway(Pathway):
    """What lies outside of the window is cut off, and zeros are padded around the rest."""

    def sums(self, step: int, sent: Int64) -> Iterator[tuple[int, Int64]]:
        """(delay, sums at the neurons) of what the source sent in a step."""
        synapse = self.synapse
        (y, x), (rows, columns) = synapse.origin, synapse.window
        maps = sent.reshape(-1, *self.source_shape)[:, :, y : y + rows, x : x + columns]
        total = wrap24(convolve(synapse.within, maps, self.shape))
        yield synapse.delay, shift_sum(total, synapse.weight_exp).astype("int64").reshape(len(sent), -1)
