"""Fixed-point arithmetic that neuron models share, bit for bit as `lapilli.simulators.reference` does it."""

import numpy as np

from lapilli.simulators.compiled import spliced


@spliced
def decayed(state, keep):
    """`state * keep / 4096`, rounded towards zero, in 32 bits so that 16 fit a vector register.

    The magnitude is split into halves of 12 bits, which is exact modulo 2^32 as numpy's int32 is in Lava.
    """
    magnitude = np.uint32(abs(np.int64(state)))
    keep = np.uint32(keep)
    high = np.uint32(np.uint32(magnitude >> np.uint32(12)) * keep)
    low = np.uint32(np.uint32(magnitude & np.uint32(4095)) * keep)
    kept = np.int32(np.uint32(high + np.uint32(low >> np.uint32(12))))
    return kept if state >= 0 else np.int32(-kept)


@spliced
def wrapped(current):
    """A current brought back into 24 bits."""
    if current > 8388608:
        current = np.int32(current - 16777216)
    elif current <= -8388608:
        current = np.int32(current + 16777216)
    return current


@spliced
def saturated(voltage):
    """A voltage held at ±(2^23 - 1)."""
    return min(max(voltage, np.int32(-8388607)), np.int32(8388607))


@spliced
def scaled(product):
    """`product / 4096`, rounded towards zero."""
    return product >> 12 if product >= 0 else -(-product >> 12)
