"""MNIST: the four official idx files, packed by gzip or not, become `mnist.npz`."""

import gzip
import io
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lapilli.training.data.checks import range_problems
from lapilli.training.data.converters.folder import OriginFolder, origin_folder
from lapilli.training.data.converters.made import Made, Say, archive
from lapilli.training.data.sets import DataError

_PLACES = ("", "raw", "MNIST/raw")
_NAME = re.compile(r"train-images[-.]idx3-ubyte(\.gz)?")
_MOST, _SIDE = 60_000, 28
_BYTES = 8
"""idx's code of unsigned bytes."""

_GZIP_BYTES = 1 << 16
"""That gzip may add to what it cannot compress."""

ByteArray = npt.NDArray[np.uint8]


def convert(root: Path, say: Say) -> Iterator[Made]:
    """The archive.

    The source of lapilli's own training images had lost the pixels of value 1, so that they become 0 here. Labels and
    test images are exact.

    Arguments:
        root: folder of the idx files, or torchvision's folder.
        say: is told how far it is.

    Raises:
        LapilliError: when one of the files is not there.
        DataError: for a file that is no idx file of MNIST's shape.
    """
    folder = origin_folder(root, _PLACES, _NAME, "idx file train-images-idx3-ubyte")
    arrays = {}
    for part, word in (("train", "train"), ("test", "t10k")):
        say(f"mnist: {part}")
        arrays[f"x_{part}"] = _array(folder, f"{word}-images", (_SIDE, _SIDE))
        arrays[f"y_{part}"] = _array(folder, f"{word}-labels", ())
        if len(arrays[f"x_{part}"]) != len(arrays[f"y_{part}"]):
            raise DataError(str(folder.place), [f"{part}: must have as many labels as images"])
        if problems := range_problems(f"{part} labels", arrays[f"y_{part}"], 0, 9):
            raise DataError(str(folder.place), problems)
    images = arrays["x_train"]
    arrays["x_train"] = np.where(images == 1, np.uint8(0), images)
    yield archive("mnist.npz", arrays)


def _array(folder: OriginFolder, word: str, shape: tuple[int, ...]) -> ByteArray:
    """The array of an idx file whose entries have that shape."""
    dimensions = 1 + len(shape)
    header = struct.Struct(f">HBB{dimensions}I")
    entry = int(np.prod(shape, dtype=np.int64))
    name = _name(folder, f"{word}-idx{dimensions}-ubyte")
    content = _unpacked(folder, name, header.size + _MOST * entry)
    path = str(folder.place / name)
    if len(content) < header.size:
        raise DataError(path, ["is no idx file"])
    zero, kind, n_dimensions, n_entries, *found = header.unpack_from(content)
    if (zero, kind, n_dimensions, tuple(found)) != (0, _BYTES, dimensions, shape):
        raise DataError(path, [f"must be an idx file of bytes, (entries, {', '.join(map(str, shape))})"])
    if not 0 < n_entries <= _MOST or len(content) != header.size + n_entries * entry:
        raise DataError(path, [f"must hold as many entries as it says ({n_entries}), at most {_MOST}"])
    return np.frombuffer(content, np.uint8, offset=header.size).reshape(n_entries, *shape)


def _name(folder: OriginFolder, name: str) -> str:
    """The file as torchvision names it or as the first page did, packed or not."""
    dotted = name.replace("-idx", ".idx")
    known = (name, dotted, f"{name}.gz", f"{dotted}.gz")
    return next((found for found in known if folder.has(found)), name)


def _unpacked(folder: OriginFolder, name: str, most: int) -> bytes:
    """Content of a file, of which `most` bytes are of interest."""
    if not name.endswith(".gz"):
        return folder.read(name, most)
    content = folder.read(name, most + _GZIP_BYTES)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            # Whatever the archive claims: one byte more than needed shows that there is too much.
            return packed.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(str(folder.place / name), [f"is no whole gzip file ({error})"]) from error
