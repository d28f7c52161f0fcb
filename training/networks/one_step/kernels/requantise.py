"""Sums as 8-bit numbers, through a table or not."""

import numpy as np

from lapilli.simulators.compiled import compiled, spliced


@compiled
def requantise(first, last, total, skip, has_skip, scale, back, table, index, found):
    """`table` of each sum, rounded to a multiple of 1 / scale and held to -128…127 of them.

    Arguments:
        first, last: places to run.
        total: real sums, (places); skip: added to them where `has_skip`.
        scale: a power of two; back: 1 / scale.
        table: of 256 whole numbers, float32, the index counted from -128.
        index: uint8, (places), what the table was asked for, plus 128; found: what it gave, times `back`; both filled.
    """
    sums, more, places, out = total[first:last], skip[first:last], index[first:last], found[first:last]
    if has_skip:
        for i in range(len(sums)):
            places[i] = _place((sums[i] + more[i]) * scale)
    else:
        for i in range(len(sums)):
            places[i] = _place(sums[i] * scale)
    for i in range(len(sums)):
        out[i] = table[places[i]] * back


@spliced
def _place(value):
    """Index in the table of a number in its steps."""
    level = min(max(np.floor(value + np.float32(0.5)), np.float32(-128)), np.float32(127))
    return np.uint8(np.int32(level) + np.int32(128))


@compiled
def requantise_back(first, last, gradient, index, slope, found):
    """The gradient of the sums: `slope` is the table's derivative by index, float32, (256)."""
    given, places, out = gradient[first:last], index[first:last], found[first:last]
    for i in range(len(given)):
        out[i] = given[i] * slope[places[i]]
