"""The events of a batch: found in its values, kept as bits, listed again."""

import numpy as np

from lapilli.simulators.compiled import compiled, spliced
from lapilli.training.fused.kernels.flags import bits_that_differ, lowest_bit, number_of_bits
from lapilli.training.fused.kernels.limits import OVERFLOW, UNIT


@spliced
def _list_nonzero(values, found):
    """Write the places of what is not 0 into `found`. Returns their number, and whether all values are 0 or 1."""
    total, at = 0, 0
    graded = np.uint64(0)
    while at + 64 <= len(values):
        bits = bits_that_differ(values, at, np.float32(0))
        if bits:
            graded |= bits & bits_that_differ(values, at, np.float32(1))
            while bits:
                found[total] = np.int32(at + lowest_bit(bits))
                bits &= bits - np.uint64(1)
                total += 1
        at += 64
    while at < len(values):
        if values[at] != 0:
            graded |= np.uint64(values[at] != 1)
            found[total] = np.int32(at)
            total += 1
        at += 1
    return total, graded == 0


@compiled
def events_by_channel(values, n_steps, starts, sources, found, counts):
    """Find what is not 0 in (samples, channels * steps).

    Fills `starts` (samples * steps + 1) and `sources` (channels of the events of each sample and step); `found` has
    room for a sample, `counts` for a number for each step. Returns the number of events or OVERFLOW, and whether all
    values are 0 or 1.
    """
    binary = True
    starts[0] = 0
    for n in range(len(values)):
        number, of_sample = _list_nonzero(values[n], found)
        binary = binary and of_sample
        first = n * n_steps
        begin = starts[first]
        if begin + number > len(sources):
            return OVERFLOW, binary
        counts[:] = 0
        channel, row_begin = 0, 0
        for event in range(number):
            while found[event] >= row_begin + n_steps:
                row_begin += n_steps
            counts[found[event] - row_begin] += 1
        at = begin
        for t in range(n_steps):
            starts[first + t] = at
            at += counts[t]
            counts[t] = at - counts[t]
        starts[first + n_steps] = at
        row_begin = 0
        for event in range(number):
            while found[event] >= row_begin + n_steps:
                row_begin += n_steps
                channel += 1
            t = found[event] - row_begin
            sources[counts[t]] = np.int32(channel)
            counts[t] += 1
    return starts[len(values) * n_steps], binary


@compiled
def events_by_step(values, n_channels, starts, sources, found):
    """The same in (samples, steps * channels)."""
    n_steps = values.shape[1] // n_channels
    binary = True
    total = 0
    starts[0] = 0
    for n in range(len(values)):
        number, of_sample = _list_nonzero(values[n], found)
        binary = binary and of_sample
        if total + number > len(sources):
            return OVERFLOW, binary
        event = 0
        for t in range(n_steps):
            row_begin = t * n_channels
            while event < number and found[event] < row_begin + n_channels:
                sources[total + event] = np.int32(found[event] - row_begin)
                event += 1
            starts[n * n_steps + t + 1] = total + event
        total += number
    return total, binary


@compiled
def to_bits(starts, sources, bits):
    """Set the bits (rows, words) of the events of each row."""
    for row in range(len(bits)):
        for event in range(starts[row], starts[row + 1]):
            bits[row, sources[event] >> 6] |= np.uint64(1) << np.uint64(sources[event] & 63)


@compiled
def count_bits(bits, starts):
    """Find where the events of each row of bits (rows, words) start. Returns their number."""
    total = np.int64(0)
    starts[0] = 0
    for row in range(len(bits)):
        for word in range(bits.shape[1]):
            total += number_of_bits(bits[row, word])
        starts[row + 1] = total
    return total


@compiled
def from_bits(bits, sources):
    """List the events of all rows."""
    total = np.int64(0)
    for row in range(len(bits)):
        for word in range(bits.shape[1]):
            left = bits[row, word]
            while left:
                sources[total] = np.int32(word * 64 + lowest_bit(left))
                left &= left - np.uint64(1)
                total += 1


@compiled
def largest_sum(starts, graded):
    """The largest sum of magnitudes in one step, and whether all values are multiples of 1 / UNIT."""
    largest = np.float32(0)
    on_grid = True
    for row in range(len(starts) - 1):
        total = np.float32(0)
        for event in range(starts[row], starts[row + 1]):
            value = graded[event]
            total += abs(value)
            # Not with `not <`: a value that is no number is on no grid.
            on_grid = on_grid and abs(value) < 1024 and value * UNIT == np.rint(value * UNIT)
        largest = max(largest, total)
    return largest, on_grid
