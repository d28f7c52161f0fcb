"""Arrays of integers as text in a page: the narrowest type, byte by byte, deflated, in base64."""

import base64
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

TYPES = ("int8", "int16", "int32", "float64")
"""What values are stored as, the narrowest first; float64 holds integers up to 2^53 exactly."""


def packed(values: npt.NDArray[np.integer[Any]]) -> dict[str, Any]:
    """An array as JSON values: `type` of `TYPES`, `shape`, and `data`.

    `data` holds the first byte of every value, then the second of every value, and so on, little-endian. States differ
    mostly in their low bytes, so that the high ones deflate well.

    Arguments:
        values: integers below 2^53 in size, of any shape.
    """
    kind = next(kind for kind in TYPES if kind == "float64" or _holds(kind, values))
    flat = np.ascontiguousarray(values, np.dtype(kind).newbyteorder("<")).reshape(-1)
    planes = flat.view(np.uint8).reshape(len(flat), flat.itemsize).T.tobytes()
    data = base64.b64encode(zlib.compress(planes)).decode("ascii")
    return {"type": kind, "shape": list(values.shape), "data": data}


def _holds(kind: str, values: npt.NDArray[np.integer[Any]]) -> bool:
    if not values.size:
        return True
    limits = np.iinfo(kind)
    return bool(limits.min <= values.min() and values.max() <= limits.max)
