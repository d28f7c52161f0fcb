"""Weights as the kernels store them."""

from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.simulators.fast.kernels.sums import SHIFT_LEFT, SHIFT_RIGHT

Weights = npt.NDArray[np.integer[Any]]


def short_weights(weights: Weights, exponent: int, graded: bool) -> tuple[Weights, int, int]:
    """Weights with as few bits as possible, and the final step and its amount that make up for it exactly.

    Arguments:
        weights: of a synapse, any shape.
        exponent: its sums are multiplied by 2**exponent, rounding down.
        graded: whether the events that it meets carry values.
    """
    common = int(np.bitwise_or.reduce(weights.astype(np.int64), axis=None))
    if common == 0:
        return weights, SHIFT_LEFT, 0
    zeros = (common & -common).bit_length() - 1
    if exponent < -zeros or (graded and exponent < 0):
        # Rounding down acts on the sum; for graded input the sum may also wrap before it is shifted.
        return weights, SHIFT_RIGHT, -exponent
    return weights >> zeros, SHIFT_LEFT, exponent + zeros
