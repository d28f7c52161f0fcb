"""Files of rows, one for each time step, that a child process fills and its parent reads."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def create_rows(path: str, n_steps: int, shape: Sequence[int]) -> None:
    """Create a `.npy` file of zeros, int32, (n_steps, *shape)."""
    np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
        path, mode="w+", dtype=np.int32, shape=(n_steps, *shape)
    )


class RowWriter:
    """Writes rows into a file made by `create_rows`; opens it with the first row, in the process that writes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._rows: npt.NDArray[np.int32] | None = None

    def write(self, number: int, row: npt.NDArray[np.int32]) -> None:
        """Store row `number`; zeros need no writing."""
        if self._rows is None:
            self._rows = np.load(self._path, mmap_mode="r+")
        if row.any():
            self._rows[number] = row
