"""Spikes of neurons without memory."""

import numpy as np

from lapilli.simulators.compiled import compiled


@compiled
def fire(first, last, values, thresholds, width, spikes, near):
    """Spikes where values are above their thresholds, and where a spike's derivative is 1.

    Arguments:
        first, last: places to run.
        values: real, (places).
        thresholds: as `values`, or one entry for all.
        width: distance from 0.5 up to which the derivative is 1.
        spikes: float32, and near: uint8, as `values`; filled.
    """
    v, s, n = values[first:last], spikes[first:last], near[first:last]
    if len(thresholds) == 1:
        threshold = thresholds[0]
        for i in range(len(v)):
            s[i] = np.float32(1) if v[i] > threshold else np.float32(0)
    else:
        drawn = thresholds[first:last]
        for i in range(len(v)):
            s[i] = np.float32(1) if v[i] > drawn[i] else np.float32(0)
    for i in range(len(v)):
        n[i] = np.uint8(1) if np.abs(v[i] - np.float32(0.5)) < width else np.uint8(0)


@compiled
def fire_back(first, last, gradient, near, found):
    """The gradient of the values."""
    given, n, out = gradient[first:last], near[first:last], found[first:last]
    for i in range(len(n)):
        out[i] = given[i] if n[i] else np.float32(0)
