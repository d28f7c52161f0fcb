"""What a converter makes: files of a data folder, each written as a whole or not at all."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.training.data.converters.folder import OriginFolder

Say = Callable[[str], None]
"""Tells whoever waits how far a converter is."""

Convert = Callable[[Path, Say], "Iterator[Made]"]
"""A converter: the files of a data set, one after the other, from the folder that the user named."""


@dataclass(frozen=True)
class Made:
    """A packed file.

    Arguments:
        file: its path within a folder of data.
        write: writes its content to a path.
    """

    file: str
    write: Callable[[Path], None] = field(repr=False)


def archive(file: str, arrays: Mapping[str, Any]) -> Made:
    """A compressed `.npz` file.

    Arguments:
        file: as of `Made`.
        arrays: what it holds, arrays or numpy's numbers.
    """

    def write(path: Path) -> None:
        # numpy adds ".npz" to a path.
        with open(path, "wb") as opened:
            np.savez_compressed(opened, **dict(arrays))

    return Made(file, write)


def offsets(lengths: list[int], kind: type[np.integer[Any]] = np.int32) -> npt.NDArray[np.integer[Any]]:
    """Where each of many pieces begins, and the last one ends: (pieces + 1), from 0."""
    return np.cumsum([0, *lengths], dtype=np.int64).astype(kind)


def counted(folder: OriginFolder, names: list[str], say: Say) -> Iterator[str]:
    """The names, while telling how far one is.

    Arguments:
        folder: where they lie, for the words.
        names: of files.
        say: is told after every hundred.
    """
    for number, name in enumerate(names):
        if number % 100 == 0:
            say(f"{folder.place.name}: file {number + 1:,} of {len(names):,}")
        yield name
