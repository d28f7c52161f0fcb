"""Numbers on which the kernels and their callers agree."""

MAGNITUDE_BITS = 23
"""Currents and voltages of so many bits and a sign are exact in single precision, and kept in three bytes."""

UNIT = 128
"""A quantised weight is a multiple of 2 / scale, that is 128 units of a current in fixed point (scale * 64)."""

NEVER = 2**31 - 1
"""Threshold of neurons that never spike."""

OVERFLOW = -1
"""In place of a number of events: there are more than there is room for."""

OUTSIDE = -1
"""In place of the bits of states: a real number is outside of the limit."""
