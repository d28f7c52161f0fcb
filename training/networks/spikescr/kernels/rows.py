"""One step of all channels: the surrogate's slope, dropout, and the neurons' step."""

import numpy as np

from lapilli.simulators.compiled import spliced
from lapilli.training.fused.kernels.surrogate import through_spikes

STATE_LIMIT = np.int32(1 << 23)
"""States of Lava have 24 bits: a current wraps at this magnitude, a voltage stays below it."""

_WHOLE_RANGE = np.int32(1 << 24)
_HIGHEST = np.int32((1 << 23) - 1)
_LOWEST = np.int32(1 - (1 << 23))

# Added to a smaller number, it leaves the number rounded to a whole one.
_ROUNDING = np.float32(3 << 22)


@spliced
def whole(value):
    """A number below 2^22 in magnitude, rounded to the nearest whole number."""
    return np.float32(np.float32(value + _ROUNDING) - _ROUNDING)


@spliced
def halved(voltage):
    """Half of a voltage, int32, rounded towards zero: a decay of 2048 in 4096."""
    return np.int32(np.int32(voltage + np.int32(np.uint32(voltage) >> np.uint32(31))) >> np.int32(1))


@spliced
def wrapped(current):
    """What 24 bits hold of a current that is too large by less than the whole range."""
    current = np.int32(current - _WHOLE_RANGE) if current > STATE_LIMIT else current
    return np.int32(current + _WHOLE_RANGE) if current <= -STATE_LIMIT else current


@spliced
def limited(voltage):
    """What a voltage is where it would leave 24 bits."""
    return np.int32(min(max(voltage, _LOWEST), _HIGHEST))


@spliced
def kept(seed, place, cut):
    """Whether dropout keeps the number at a place: a hash of seed and place, both uint32, is not below the cut."""
    x = np.uint32(np.uint32(place * np.uint32(0x9E3779B1)) ^ seed)
    x = np.uint32(np.uint32(x ^ np.uint32(x >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    x = np.uint32(np.uint32(x ^ np.uint32(x >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return np.uint32(x ^ np.uint32(x >> np.uint32(16))) >= cut


@spliced
def drop(row, seed, place, cut, factor):
    """Dropout of one row, whose first number has this place: what is kept is multiplied by `factor`."""
    for i in range(len(row)):
        row[i] = row[i] * factor if kept(seed, np.uint32(place + np.uint32(i)), cut) else np.float32(0)


@spliced
def slope(volts, exponential, steepness, peak, row):
    """Multiply a row by the surrogate's derivative; voltages are in thresholds.

    It is `peak * exp(-|v - 1| / width)` with a steepness of log2(e) / width, as SLAYER's, or else the derivative of an
    arcus tangent, `peak / (1 + (steepness * (v - 1))^2)`, as SpikingJelly's `ATan`.
    """
    if exponential:
        through_spikes(volts, np.float32(1), np.float32(1), steepness, peak, row)
    else:
        for i in range(len(row)):
            x = (volts[i] - np.float32(1)) * steepness
            # numba's own division looks for zeros, one number at a time.
            row[i] *= np.divide(peak, np.float32(1) + x * x)
