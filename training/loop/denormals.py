"""Gradients below the least normal number count as 0 on the way back, which processors are 100 times slower with.

SLAYER's surrogate gradient falls exponentially, so that a fifth of a recurrent layer's gradients can be such numbers.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np
import torch

Result = TypeVar("Result")


def are_flushed() -> bool:
    """Whether this thread takes numbers below the least normal one as 0."""
    return bool(np.float32(1e-39) * np.float32(1) == 0)


def flushing(work: Callable[..., Result]) -> Callable[..., Result]:
    """`work` with such numbers taken as 0 in this thread, where the processor can; afterwards it is as before."""

    @wraps(work)
    def flushed(*args: Any, **kwargs: Any) -> Result:
        if are_flushed():
            return work(*args, **kwargs)
        torch.set_flush_denormal(True)
        try:
            return work(*args, **kwargs)
        finally:
            torch.set_flush_denormal(False)

    return flushed
