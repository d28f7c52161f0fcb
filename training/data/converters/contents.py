"""What packed files hold, whoever wrote them: arrays, and pictures as pixels, since encoders differ in their bytes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy.typing as npt

from lapilli.simulators.configurations import read_mapping
from lapilli.simulators.files.archives import open_members
from lapilli.training.data.held_out_images import cifar_archive
from lapilli.training.data.images import cifar_labels, cifar_sheet
from lapilli.training.data.sets import DataError

OWN = Path(__file__).with_name("own.yaml")
"""What lapilli's own packed files hold; `own.py` beside it wrote it."""

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Content:
    """What one array is.

    Arguments:
        type: numpy's name of its type, with the order of the bytes.
        shape: of the array.
        sha256: of its bytes, rows first.
    """

    type: str
    shape: tuple[int, ...]
    sha256: str


def arrays_of(path: Path) -> Arrays:
    """What a packed file holds, by name; pictures as "images", (images, rows, columns, colours).

    Arguments:
        path: of an archive, a sheet, or a file of labels.

    Raises:
        LapilliError: when it cannot be read.
        DataError: when it is damaged.
    """
    if path.suffix == ".png":
        return {"images": cifar_sheet(path)}
    if path.suffix == ".js":
        return {"labels": cifar_labels(path)}
    with open_members(path, DataError, "iufSU") as members:
        has_pictures = "webp" in members
        arrays = {} if has_pictures else {name: member.read_all() for name, member in members.items()}
    if has_pictures:
        images, labels = cifar_archive(path)
        arrays = {"images": images, "labels": labels}
    return arrays


def contents_of(path: Path) -> dict[str, Content]:
    """What a packed file holds, in short; raises as `arrays_of`."""
    return {name: _content(array) for name, array in arrays_of(path).items()}


def differences(path: Path, own: Mapping[str, Content]) -> list[str]:
    """In what a packed file differs from lapilli's own, one phrase for each array; raises as `arrays_of`.

    Arguments:
        path: of the file.
        own: what lapilli's own holds.
    """
    found = contents_of(path)
    phrases = [f"{name}: missing" for name in own if name not in found]
    phrases += [f"{name}: not in lapilli's own" for name in found if name not in own]
    both = ((name, found[name], content) for name, content in own.items() if name in found)
    return phrases + [f"{name}: {phrase}" for name, here, content in both if (phrase := _difference(here, content))]


@cache
def own_contents() -> dict[str, dict[str, Content]]:
    """What lapilli's own packed files hold, by file and array."""
    return {
        file: {name: Content(one["type"], tuple(one["shape"]), one["sha256"]) for name, one in arrays.items()}
        for file, arrays in read_mapping(OWN).items()
    }


def _content(array: npt.NDArray[Any]) -> Content:
    return Content(array.dtype.str, array.shape, hashlib.sha256(array.tobytes()).hexdigest())


def _difference(here: Content, own: Content) -> str:
    """In what an array differs, as a phrase; "" where it does not."""
    if here.shape != own.shape:
        return f"has shape {here.shape}, lapilli's own {own.shape}"
    if here.type != own.type:
        return f"is of type {here.type}, lapilli's own of {own.type}"
    return "" if here.sha256 == own.sha256 else "has other values"
