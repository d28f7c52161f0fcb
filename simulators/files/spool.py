"""Arrays that grow together in one temporary file, until each becomes a member of an `.npz` archive."""

import zipfile
from collections.abc import Callable, Iterator
from typing import IO, Any

import numpy as np
import numpy.typing as npt

_BLOCK = 1 << 22


class Spool:
    """Named one-dimensional growth of arrays in a file.

    Arguments:
        file: open for writing and reading, empty; the caller closes it.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._pieces: dict[str, list[tuple[int, int]]] = {}
        self._lengths: dict[str, int] = {}
        self._dtypes: dict[str, np.dtype[Any]] = {}
        self.n_bytes = 0

    def append(self, name: str, array: npt.NDArray[Any]) -> None:
        """Append the entries of `array`, in C order, to those of `name`; the first array decides the type."""
        dtype = self._dtypes.setdefault(name, array.dtype.newbyteorder("<"))
        content = np.ascontiguousarray(array, dtype)
        if content.nbytes:
            self._pieces.setdefault(name, []).append((self.n_bytes, content.nbytes))
            self._file.write(content.data.cast("B"))
            self._lengths[name] = self.length(name) + content.size
            self.n_bytes += content.nbytes

    def length(self, name: str) -> int:
        """Entries of `name` so far."""
        return self._lengths.get(name, 0)

    def read(self, name: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """All entries of `name`, which were appended as `dtype`."""
        return np.frombuffer(b"".join(self._blocks(name)), dtype)

    def copy(
        self, name: str, archive: zipfile.ZipFile, shape: tuple[int, ...], progress: Callable[[int], None]
    ) -> None:
        """Write the entries of `name` as an array of `shape`; `progress` is called with the bytes of each block."""
        header = {"descr": self._dtypes.get(name, np.dtype("<i4")).str, "fortran_order": False, "shape": shape}
        with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array_header_1_0(member, header)  # type: ignore[no-untyped-call]
            for block in self._blocks(name):
                member.write(block)
                progress(len(block))

    def _blocks(self, name: str) -> Iterator[bytes]:
        for place, size in self._pieces.get(name, ()):
            self._file.seek(place)
            while size:
                block = self._file.read(min(size, _BLOCK))
                if not block:
                    raise OSError("the temporary file lost its end")
                size -= len(block)
                yield block


def write_array(archive: zipfile.ZipFile, name: str, array: npt.NDArray[Any]) -> None:
    """Write an array as a member of an `.npz` archive."""
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array(member, array, allow_pickle=False)  # type: ignore[no-untyped-call]
