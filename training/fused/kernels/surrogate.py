"""SLAYER's derivative of a spike with respect to the voltage."""

import numpy as np

from lapilli.simulators.compiled import compiled

_LN2 = np.float32(0.69314718)
_LARGEST_POWER = np.float32(126)
# Added to a smaller number, it leaves the number rounded in its last bits.
_ROUNDING = np.float32(3 << 22)


@compiled
def through_spikes(voltages, unit, threshold, steepness, peak, row):
    """Multiply by SLAYER's derivative of a spike, `peak * exp(-|v - threshold| / tau)`.

    The exponential is written out so that it is done for whole vectors, as 2^-x of x split into a whole number and a
    rest. `unit` is that of `voltages`, `steepness` log2(e) / tau.
    """
    for i in range(len(row)):
        x = abs(np.float32(voltages[i]) * unit - threshold) * steepness
        # Beyond that it is below the least normal number.
        x = x if x < _LARGEST_POWER else _LARGEST_POWER
        shifted = np.float32(x + _ROUNDING)
        r = np.float32(np.float32(shifted - _ROUNDING) - x) * _LN2
        y = np.float32(1.9875691500e-4) * r + np.float32(1.3981999507e-3)
        y = y * r + np.float32(8.3334519073e-3)
        y = y * r + np.float32(4.1665795894e-2)
        y = y * r + np.float32(1.6666665459e-1)
        y = y * r + np.float32(5.0000001201e-1)
        y = y * (r * r) + r + np.float32(1)
        exponent = np.uint32(np.uint32(127) - shifted.view(np.uint32))
        row[i] *= peak * (y * np.uint32(exponent << np.uint32(23)).view(np.float32))
