"""Sums as 8-bit numbers, through a table or not."""

import numpy as np

from lapilli.simulators.compiled import compiled


@compiled
def requantise(first, last, total, skip, has_skip, scale, back, table, index, found):
    """`table` of each sum, rounded to a multiple of 1 / scale and held to -128…127 of them.

    Arguments:
        first, last: places to run.
        total: real sums, (places); skip: added to them where `has_skip`.
        scale: a power of two; back: 1 / scale.
        table: of 256 whole numbers, float32, the index counted from -128.
        index: int8, (places), what the table was asked for; found: what it gave, times `back`; both filled.
    """
    for i in range(first, last):
        value = total[i] + skip[i] if has_skip else total[i]
        level = min(max(np.floor(value * scale + np.float32(0.5)), np.float32(-128)), np.float32(127))
        place = np.int32(level)
        index[i] = np.int8(place)
        found[i] = table[place + 128] * back


@compiled
def requantise_back(first, last, gradient, index, slope, found):
    """The gradient of the sums: `slope` is the table's derivative by index from -128, float32, (256)."""
    for i in range(first, last):
        found[i] = gradient[i] * slope[np.int32(index[i]) + 128]
