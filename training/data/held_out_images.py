"""CIFAR-10 as far as it is here without loss: 40,000 images of the training file, and 1,000 of the official test."""

import io
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.files.archives import open_members
from lapilli.training.data.analogue import IMAGES
from lapilli.training.data.checks import check_members, offsets_problems, range_problems
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.images import (
    CIFAR_SIDE,
    OBJECTS,
    ByteArray,
    cifar_labels,
    cifar_sheet,
    framed_images,
)
from lapilli.training.data.origins import CIFAR10_HELD_OUT as ORIGIN
from lapilli.training.data.sets import NO_PART, TEST, TRAIN, VALIDATION, DataError, DataSet, Division, Facts, Framed

NAME = "cifar10-held-out"
TRAINING, HELD_OUT, OFFICIAL_TEST = range(3)
"""Groups of images: 0 to 29,999 of the training file, 30,000 to 39,999, and the first 1,000 of the official test."""

_SHEETS, _TEST_SHEET = tuple(range(10)), 50
_SHEET = 1_000
_ARCHIVE, _PICTURE = 10_000, 500
_VALIDATION = 2_000


def _frame(paths: Sequence[Path], framing: Framing) -> Framed:
    """Frame the sheets of `cifar10_png` and the archives of `cifar10`; the README beside them has the formats."""
    *sheets, test_sheet, label_file = paths[: len(_SHEETS) + 2]
    of_sheets = cifar_labels(label_file)
    archives = [cifar_archive(path) for path in paths[len(_SHEETS) + 2 :]]
    images = [cifar_sheet(path) for path in sheets] + [pictures for pictures, _ in archives]
    labels = [of_sheets[: len(_SHEETS) * _SHEET], *(found for _, found in archives)]
    official = of_sheets[_TEST_SHEET * _SHEET : (_TEST_SHEET + 1) * _SHEET]
    everything = np.concatenate([*images, cifar_sheet(test_sheet)]).transpose(0, 3, 1, 2)
    groups = np.repeat([TRAINING, HELD_OUT, OFFICIAL_TEST], [3 * _ARCHIVE, _ARCHIVE, _SHEET])
    return framed_images(NAME, everything, np.concatenate([*labels, official]), groups, framing, groups)


def cifar_archive(path: Path) -> tuple[ByteArray, npt.NDArray[np.int64]]:
    """The 10,000 images of an archive, (images, rows, columns, colours), and their labels."""
    dimensions = {"webp": 1, "offsets": 1, "labels": 1}
    with open_members(path, DataError) as members:
        check_members(path, members, dimensions)
        webp, offsets, labels = (members[name].read_all() for name in dimensions)
    problems = [] if webp.dtype == np.uint8 else [f"webp: must be bytes, got {webp.dtype}"]
    problems += offsets_problems("offsets", offsets, len(webp), _ARCHIVE // _PICTURE)
    problems += [] if len(labels) == _ARCHIVE else [f"labels: needs {_ARCHIVE} entries, got {len(labels)}"]
    if problems := problems or range_problems("labels", labels, 0, len(OBJECTS) - 1):
        raise DataError(str(path), problems)
    pieces = [_picture(path, number, webp[low:high]) for number, (low, high) in enumerate(_ranges(offsets))]
    return np.concatenate(pieces), labels.astype(np.int64)


def _ranges(offsets: npt.NDArray[np.integer]) -> list[tuple[int, int]]:  # type: ignore[type-arg]
    return list(pairwise(offsets.tolist()))


def _picture(path: Path, number: int, webp: ByteArray) -> ByteArray:
    """The 500 images that stand one above the other in a picture."""
    from PIL import Image

    side, size = CIFAR_SIDE, (CIFAR_SIDE, CIFAR_SIDE * _PICTURE)
    try:
        with Image.open(io.BytesIO(webp.tobytes()), formats=("WEBP",)) as image:
            # The size stands in front of what would have to be decoded.
            if image.size != size or image.mode != "RGB":
                raise DataError(
                    str(path),
                    [f"picture {number}: must be {size[0]} × {size[1]} in colour, got {image.mode} {image.size}"],
                )
            return np.asarray(image).reshape(_PICTURE, side, side, 3)
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(str(path), [f"picture {number}: damaged ({error})"]) from error


def _divide(facts: Facts, split: Split) -> Division:
    tested = (HELD_OUT,) if split.test_groups is None else split.test_groups
    if unknown := sorted(set(tested) - {HELD_OUT, OFFICIAL_TEST}):
        raise LapilliError(
            f"split: the test of {NAME} is group {HELD_OUT} (held out), {OFFICIAL_TEST} (official), or both, "
            f"got {unknown[0]}"
        )
    parts = np.where(np.isin(facts.groups, tested), TEST, NO_PART)
    training = np.flatnonzero(facts.groups == TRAINING)
    parts[training] = TRAIN
    parts[training[-_VALIDATION:]] = VALIDATION
    return parts, OBJECTS


CIFAR10_HELD_OUT = DataSet(
    NAME,
    title="CIFAR-10, 41,000 images: objects, 32 × 32 in colour, 10,000 of the training file held out as the test",
    licence=ORIGIN.licence,
    origin=ORIGIN.words,
    files=tuple(ORIGIN.packed),
    content="images 0 to 29,999 of the training file for training, of which the last 2,000 are for validation; images "
    "30,000 to 39,999 for the test, or the first 1,000 of the official test (split.test_groups: [2])",
    framing=IMAGES,
    frame=_frame,
    divide=_divide,
    split=("test_groups",),
)
