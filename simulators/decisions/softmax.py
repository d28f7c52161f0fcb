"""The softmax in integers: the same on every machine, where floating-point exponentials differ in their last bits."""

from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

UNIT = 4096
"""Voltage of 1 in SLAYER's unit, of which the softmax is taken, in units of a layer's voltage."""

SHARE_BITS = 30
"""A share of 1 is 2^30."""

_BITS = 31
_FINE = 64
"""Exponentials are products of a coarse and a fine one, of so many values."""

Int64 = npt.NDArray[np.int64]


def softmax_shares(voltages: npt.NDArray[np.integer[Any]]) -> Int64:
    """Softmax over the second axis of `voltages / 4096`, in units of 2^-30, rounded down.

    A share is off by less than 2 + classes units: exponentials are rounded to 31 bits, twice.

    Arguments:
        voltages: integers of at most 24 bits, (samples, classes, steps).

    Returns:
        int64, of the same shape.
    """
    wide = voltages.astype(np.int64)
    below = wide.max(axis=1, keepdims=True) - wide
    coarse, fine = exponentials()
    whole, rest = np.divmod(below, _FINE)
    # Beyond the table an exponential has no bit left.
    powers = np.where(whole < len(coarse), coarse[np.minimum(whole, len(coarse) - 1)] * fine[rest] >> _BITS, 0)
    return (powers << SHARE_BITS) // powers.sum(axis=1, keepdims=True)


@lru_cache(maxsize=1)
def exponentials() -> tuple[Int64, Int64]:
    """2^31 * exp(-k * 64 / 4096) until it is 0, and 2^31 * exp(-k / 4096) of k below 64, rounded."""
    with localcontext() as context:
        # Decimal exponentials are rounded right, so that all machines have the same table.
        context.prec = 40

        def power(units: int) -> int:
            return round((Decimal(-units) / UNIT).exp() * (1 << _BITS))

        n_coarse = next(k for k in range(1 << 16) if power(k * _FINE) == 0)
        coarse = [power(k * _FINE) for k in range(n_coarse)]
        return np.array(coarse, np.int64), np.array([power(k) for k in range(_FINE)], np.int64)
