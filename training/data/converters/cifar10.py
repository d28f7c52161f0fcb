"""CIFAR-10: the official binary version, or convnetjs' sheets, become the sheets and archives of the two CIFAR sets.

The official Python version holds pickles, which can run code when they are opened. It is refused.
"""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.data.converters.folder import OriginFolder, origin_folder
from lapilli.training.data.converters.made import Made, Say, archive, offsets
from lapilli.training.data.images import CIFAR_SIDE, ByteArray, cifar_labels, cifar_sheet
from lapilli.training.data.sets import DataError

SHEET, TEST_SHEET = 1_000, 50
"""Images of a sheet, and the number of the one with the first test images."""

_BATCHES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
_BATCH, _PIXELS = 10_000, 3 * CIFAR_SIDE * CIFAR_SIDE
_PLACES = ("", "cifar-10-batches-bin", "cifar-10-batches-py", "demo/cifar10")
_KNOWN = re.compile(r"data_batch_1(\.bin)?|cifar10_batch_0\.png")
_PICTURE = 500
_LABELS = "cifar10_labels.js"
_MOST_SHEET, _MOST_LABELS = 1 << 23, 1 << 20


@dataclass(frozen=True, eq=False)
class Binary:
    """The official binary version.

    Arguments:
        batches: rows of a label and 3,072 pixels, those of the training file and of the test, in order.
    """

    batches: Sequence[ByteArray]

    def sheet(self, number: int) -> ByteArray:
        """(1,000, rows, columns, colours)"""
        batch, first = divmod(number * SHEET, _BATCH)
        pixels = self.batches[batch][first : first + SHEET, 1:]
        return pixels.reshape(SHEET, 3, CIFAR_SIDE, CIFAR_SIDE).transpose(0, 2, 3, 1)

    def labels(self) -> npt.NDArray[np.int64]:
        """Of the 51,000 images that sheets can hold."""
        everything = np.concatenate([batch[:, 0] for batch in self.batches])
        return everything[: (TEST_SHEET + 1) * SHEET].astype(np.int64)


@dataclass(frozen=True, eq=False)
class Sheets:
    """The sheets that lie in convnetjs.

    Arguments:
        folder: where they lie.
    """

    folder: OriginFolder

    def sheet(self, number: int) -> ByteArray:
        """(1,000, rows, columns, colours)"""
        name = f"cifar10_batch_{number}.png"
        self.folder.read(name, _MOST_SHEET)
        return cifar_sheet(self.folder.place / name)

    def labels(self) -> npt.NDArray[np.int64]:
        """Of the 51,000 images that sheets can hold."""
        self.folder.read(_LABELS, _MOST_LABELS)
        return cifar_labels(self.folder.place / _LABELS)


def convert(sheets: Sequence[int], archives: Sequence[int], root: Path, say: Say) -> Iterator[Made]:
    """Sheets, their labels and archives.

    Arguments:
        sheets: their numbers.
        archives: their numbers, from 0: each has the 10,000 images from 10,000 times the number on.
        root: the unpacked binary version, a clone of convnetjs, or a folder of its sheets.
        say: is told how far it is.

    Raises:
        LapilliError: when no such version is there, or it is the Python version.
        DataError: for a file of another size or content.
    """
    source = _source(root)
    labels = source.labels()
    for number in sheets:
        say(f"sheet {number}")
        yield Made(f"cifar10_png/cifar10_batch_{number}.png", partial(_write_sheet, source.sheet(number)))
    yield Made(f"cifar10_png/{_LABELS}", partial(_write_labels, labels))
    for number in archives:
        say(f"images from {number * _BATCH:,} on")
        per_archive = range(number * _BATCH // SHEET, (number + 1) * _BATCH // SHEET)
        images = np.concatenate([source.sheet(inner) for inner in per_archive])
        yield _archive(f"cifar10/train_{number}.npz", images, labels[number * _BATCH : (number + 1) * _BATCH])


def _source(root: Path) -> Binary | Sheets:
    folder = origin_folder(root, _PLACES, _KNOWN, "data_batch_1.bin of CIFAR-10's binary version")
    if folder.has(_BATCHES[0]):
        return Binary([_batch(folder, name) for name in _BATCHES])
    if folder.has("cifar10_batch_0.png"):
        return Sheets(folder)
    raise LapilliError(
        f"{folder.place} has CIFAR-10's Python version, whose pickles can run code; get the binary version, "
        "cifar-10-binary.tar.gz"
    )


def _batch(folder: OriginFolder, name: str) -> ByteArray:
    n_bytes = _BATCH * (1 + _PIXELS)
    rows = np.frombuffer(folder.read(name, n_bytes, n_bytes), np.uint8).reshape(_BATCH, 1 + _PIXELS)
    if rows[:, 0].max() > 9:
        raise DataError(str(folder.place / name), [f"labels must be 0…9, got {rows[:, 0].max()}"])
    return rows


def _write_sheet(images: ByteArray, path: Path) -> None:
    from PIL import Image

    Image.fromarray(images.reshape(SHEET, CIFAR_SIDE * CIFAR_SIDE, 3)).save(path, "PNG")


def _write_labels(labels: npt.NDArray[np.int64], path: Path) -> None:
    path.write_text(f"var labels={labels.tolist()};\n", encoding="ascii")


def _archive(file: str, images: ByteArray, labels: npt.NDArray[np.int64]) -> Made:
    pictures = [_webp(images[first : first + _PICTURE]) for first in range(0, len(images), _PICTURE)]
    arrays = {
        "webp": np.frombuffer(b"".join(pictures), np.uint8),
        "offsets": offsets([len(picture) for picture in pictures], np.int64),
        "labels": labels.astype(np.uint8),
    }
    return archive(file, arrays)


def _webp(images: ByteArray) -> bytes:
    """Images one above the other, without loss."""
    from PIL import Image

    file = io.BytesIO()
    # Method 0 takes a fifth of the usual time, and 7 % more bytes.
    Image.fromarray(images.reshape(-1, CIFAR_SIDE, 3)).save(file, "WEBP", lossless=True, method=0)
    return file.getvalue()
