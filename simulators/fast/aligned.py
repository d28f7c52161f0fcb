"""Arrays that begin at a cache line: a vector that straddles two lines is loaded twice."""

from typing import Any

import numpy as np
import numpy.typing as npt

_LINE = 64


def aligned_zeros(shape: int | tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """`np.zeros`, at an address that is a multiple of 64."""
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    room = np.zeros(n_bytes + _LINE, np.uint8)
    first = -room.ctypes.data % _LINE
    return room[first : first + n_bytes].view(dtype).reshape(shape)


def aligned(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A copy at an address that is a multiple of 64."""
    copy = aligned_zeros(array.shape, array.dtype)
    copy[...] = array
    return copy
