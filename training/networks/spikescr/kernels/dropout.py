"""Dropout of numbers that no neuron sends."""

import numpy as np

from lapilli.simulators.compiled import compiled
from lapilli.training.networks.spikescr.kernels.rows import drop


@compiled
def dropped(values, seed, cut, factor, out):
    """Dropout of numbers (rows, channels), as of `rows.drop`."""
    for n in range(len(values)):
        for i in range(values.shape[1]):
            out[n, i] = values[n, i]
        drop(out[n], seed, np.uint32(n * values.shape[1]), cut, factor)
