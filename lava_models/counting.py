"""Counting inside a Lava Process: what the spikes of one source do in each time step, as a row of a file."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lapilli.lava_models.rows import RowWriter

# A value needs one bit more for each of these that its magnitude (of a negative one: without its sign) reaches.
_POWERS = 1 << np.arange(32, dtype=np.int64)


class CountWriter:
    """Writes rows [events, bits of their values, operations of each synapse that reads them], int64.

    Arguments:
        path: `.npy` file, made here.
        n_steps: its rows.
        shape: of the port that sends the spikes: (N,), or lava-dl's (W, H, C).
        fan_outs: non-zero connections of each neuron in each synapse that reads it: int64, (synapses, neurons), flat in
            (C, H, W) order.
        graded: whether events carry values; the bits of binary spikes are 0.
    """

    def __init__(
        self, path: str, n_steps: int, shape: Sequence[int], fan_outs: npt.NDArray[np.int64], graded: bool
    ) -> None:
        # (neurons, synapses): the rows of the few neurons that spike lie together.
        self._fan_outs = np.ascontiguousarray(_in_order_of(shape, fan_outs).T)
        self._graded = graded
        self._rows = RowWriter(path, n_steps, (2 + len(fan_outs),), np.int64)

    def write(self, number: int, spikes: npt.NDArray[np.int32]) -> None:
        """Count the spikes of a step into row `number`."""
        sent = np.flatnonzero(spikes)
        bits = _bits(np.ravel(spikes)[sent].astype(np.int64)) if self._graded else 0
        self._rows.write(number, np.array([len(sent), bits, *self._fan_outs[sent].sum(axis=0)], np.int64))


def _in_order_of(shape: Sequence[int], fan_outs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Columns in the C order of a port of this shape."""
    if len(shape) != 3:
        return fan_outs
    places = np.arange(fan_outs.shape[1]).reshape(tuple(shape)[::-1])
    return fan_outs[:, places.transpose(2, 1, 0).ravel()]


def _bits(values: npt.NDArray[np.int64]) -> int:
    """Bits of the shortest two's complement of each value, summed."""
    magnitudes = np.where(values < 0, -1 - values, values)
    return int(np.searchsorted(_POWERS, magnitudes, side="right").sum()) + len(values)
