"""Files of rows, one for each time step, that a child process fills and its parent reads."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


class RowWriter:
    """A `.npy` file of zeros, (n_steps, *shape), made here and opened with the first row, in the process that writes.

    Arguments:
        path: the file.
        n_steps: its rows.
        shape: of a row.
        dtype: of the numbers.
    """

    def __init__(self, path: str, n_steps: int, shape: Sequence[int], dtype: npt.DTypeLike = np.int32) -> None:
        # Python's integers: numpy 2 could not read back the header that it writes of its own.
        whole = (int(n_steps), *map(int, shape))
        np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=whole)  # type: ignore[no-untyped-call]
        self._path = path
        self._rows: npt.NDArray[Any] | None = None

    def write(self, number: int, row: npt.NDArray[Any]) -> None:
        """Store row `number`; zeros need no writing."""
        if self._rows is None:
            self._rows = np.load(self._path, mmap_mode="r+")
        if row.any():
            self._rows[number] = row
