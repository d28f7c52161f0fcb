"""Images: MNIST, a part of CIFAR-10, and scikit-learn's digits."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.files import existing_file
from lapilli.simulators.events import Events
from lapilli.simulators.files.archives import open_members
from lapilli.training.data import origins
from lapilli.training.data.analogue import (
    IMAGES,
    SERIES,
    blocks,
    image_events,
    image_shape,
    image_steps,
    series_events,
    series_lengths,
    series_shape,
    value_type,
)
from lapilli.training.data.checks import check_members, length_problems, range_problems
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.sets import PARTS, TEST, TRAIN, VALIDATION, DataError, DataSet, Division, Facts, Framed

DIGITS = tuple(str(digit) for digit in range(10))
OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

_MNIST_SIDE, _MNIST_VALIDATION = 28, 5_000
_ROW_MS = 1.0
"""Time between rows, for the framing's arithmetic alone: they have none."""

CIFAR_SIDE, _CIFAR_VALIDATION = 32, 1_000
_SHEET = 1_000
_CIFAR_TEST_SHEET = 50
_CIFAR_SHEETS = (*range(10), _CIFAR_TEST_SHEET)

ByteArray = npt.NDArray[np.uint8]


def framed_images(
    name: str,
    images: ByteArray,
    labels: npt.NDArray[Any],
    parts: Sequence[int] | npt.NDArray[Any],
    framing: Framing,
    groups: npt.NDArray[Any] | None = None,
) -> Framed:
    """Images (samples, channels, rows, columns) of 0…255 as steps, the same in each unless the encoder says more.

    Arguments:
        name: of the data set.
        images, labels, parts: of each sample.
        framing: of the data set.
        groups: of each sample; None: unknown.
    """
    n_steps = image_steps(name, framing)

    def events_of(low: int, high: int) -> Events:
        return image_events(images[low:high] / 255, framing, n_steps)

    n_samples, channels, rows, columns = images.shape
    return Framed(
        image_shape(name, framing, (channels, rows, columns)),
        n_steps,
        None,
        labels,
        np.full(n_samples, -1) if groups is None else groups,
        np.full(n_samples, n_steps),
        np.asarray(parts),
        value_type(framing),
        blocks(n_samples, events_of),
    )


def _parts(n_train: int, n_validation: int, n_test: int) -> list[int]:
    """The last training images are for validation; the test images follow."""
    return [TRAIN] * (n_train - n_validation) + [VALIDATION] * n_validation + [TEST] * n_test


def _read_mnist(path: Path) -> tuple[ByteArray, npt.NDArray[Any], list[int]]:
    """Images (samples, rows, columns), labels and parts of `mnist.npz`, whose README beside it has the format."""
    dimensions = {"x_train": 3, "y_train": 1, "x_test": 3, "y_test": 1}
    with open_members(path, DataError) as members:
        check_members(path, members, dimensions)
        arrays = {name: members[name].read_all() for name in dimensions}
    problems = []
    for part in ("train", "test"):
        images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if images.dtype != np.uint8 or images.shape[1:] != (_MNIST_SIDE, _MNIST_SIDE):
            problems.append(f"x_{part}: must be bytes, (images, 28, 28), got {images.dtype} of shape {images.shape}")
        problems += length_problems({f"y_{part}": labels}, len(images)) + range_problems(f"y_{part}", labels, 0, 9)
    if len(arrays["x_train"]) <= _MNIST_VALIDATION:
        problems.append(f"x_train: must have more than the {_MNIST_VALIDATION} images for validation")
    if problems:
        raise DataError(str(path), problems)
    images = np.concatenate([arrays["x_train"], arrays["x_test"]])
    labels = np.concatenate([arrays["y_train"], arrays["y_test"]])
    return images, labels, _parts(len(arrays["x_train"]), _MNIST_VALIDATION, len(arrays["x_test"]))


def _mnist(paths: Sequence[Path], framing: Framing) -> Framed:
    """MNIST's images."""
    images, labels, parts = _read_mnist(paths[0])
    return framed_images("mnist", images[:, None], labels, parts, framing)


def _mnist_rows(paths: Sequence[Path], framing: Framing) -> Framed:
    """MNIST's images as series: a row in each step, from the top, and a channel for each column."""
    images, labels, parts = _read_mnist(paths[0])
    n_steps, lengths = series_lengths("mnist-rows", framing, _ROW_MS, np.full(len(images), _MNIST_SIDE))

    def events_of(low: int, high: int) -> Events:
        rows = list(images[low:high].transpose(0, 2, 1) / 255)
        return series_events(rows, lengths[low:high], framing, _ROW_MS, n_steps, signed=False)

    return Framed(
        series_shape(framing, _MNIST_SIDE, signed=False),
        n_steps,
        None,
        labels,
        np.full(len(images), -1),
        lengths,
        np.asarray(parts),
        value_type(framing),
        blocks(len(images), events_of),
    )


def _cifar10(paths: Sequence[Path], framing: Framing) -> Framed:
    """Frame the sheets of `cifar10_png`, whose format is described in the README beside it."""
    *sheets, label_file = paths
    images = np.concatenate([cifar_sheet(path) for path in sheets]).transpose(0, 3, 1, 2)
    labels = cifar_labels(label_file)
    chosen = np.concatenate([np.arange(number * _SHEET, (number + 1) * _SHEET) for number in _CIFAR_SHEETS])
    n_train = _SHEET * (len(_CIFAR_SHEETS) - 1)
    return framed_images("cifar10-part", images, labels[chosen], _parts(n_train, _CIFAR_VALIDATION, _SHEET), framing)


def cifar_sheet(path: Path) -> ByteArray:
    """The 1,000 images of a sheet, (images, rows, columns, colours)."""
    from PIL import Image

    side = CIFAR_SIDE
    try:
        with Image.open(existing_file(path), formats=("PNG",)) as image:
            # The size stands in front of what would have to be decoded.
            if image.size != (side * side, _SHEET) or image.mode != "RGB":
                raise DataError(
                    str(path), [f"must be {side * side} × {_SHEET} in colour, got {image.mode} {image.size}"]
                )
            return np.asarray(image).reshape(_SHEET, side, side, 3)
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(str(path), [f"damaged ({error})"]) from error


def cifar_labels(path: Path) -> npt.NDArray[np.int64]:
    """Labels of the 51,000 images that the sheets of `cifar10_png` could hold."""
    needed = (_CIFAR_TEST_SHEET + 1) * _SHEET
    match = re.fullmatch(rb"\s*var labels\s*=\s*\[([0-9,\s]*)\];?\s*", existing_file(path).read_bytes())
    words = match[1].replace(b",", b" ").split() if match else []
    if len(words) != needed or max(map(len, words)) > 1:
        raise DataError(str(path), [f"must be 'var labels=[…]' with {needed} numbers 0…9"])
    return np.array([int(word) for word in words])


def _digits(_: Sequence[Path], framing: Framing) -> Framed:
    """scikit-learn's digits, encoded by `lapilli.training.data.digits`."""
    from lapilli.training.data.digits import N_STEPS, SIDE, digits

    found = [digits(part) for part in PARTS]
    n_steps = framing.n_steps or N_STEPS
    sizes = [len(events) for events in found]
    return Framed(
        (SIDE * SIDE,),
        n_steps,
        None,
        np.concatenate([events.labels for events in found if events.labels is not None]),
        np.full(sum(sizes), -1),
        np.full(sum(sizes), min(n_steps, N_STEPS)),
        np.repeat(np.arange(len(PARTS)), sizes),
        None,
        (events.with_steps(n_steps) for events in found),
    )


def _classes(classes: tuple[str, ...]) -> Callable[[Facts, Split], Division]:
    return lambda facts, _: (facts.parts, classes)


MNIST = DataSet(
    "mnist",
    title="MNIST: handwritten digits, 28 × 28",
    licence=origins.MNIST.licence,
    origin=origins.MNIST.words,
    files=tuple(origins.MNIST.packed),
    content="60,000 images for training, of which the last 5,000 are for validation, and 10,000 for the test",
    framing=IMAGES,
    frame=_mnist,
    divide=_classes(DIGITS),
)

MNIST_ROWS = replace(
    MNIST,
    name="mnist-rows",
    title="MNIST row by row: 28 steps of 28 columns",
    framing=SERIES,
    frame=_mnist_rows,
)

CIFAR10_PART = DataSet(
    "cifar10-part",
    title="CIFAR-10, a part: objects, 32 × 32 in colour",
    licence=origins.CIFAR10_PART.licence,
    origin=origins.CIFAR10_PART.words,
    files=tuple(origins.CIFAR10_PART.packed),
    content="the first 10,000 images for training, of which the last 1,000 are for validation, and the first 1,000 "
    "for the test",
    framing=IMAGES,
    frame=_cifar10,
    divide=_classes(OBJECTS),
)

SKLEARN_DIGITS = DataSet(
    "digits",
    title="scikit-learn's handwritten digits, 8 × 8, as times of first spikes",
    licence="BSD (with scikit-learn)",
    origin="scikit-learn",
    files=(),
    modules=("sklearn",),
    content="1,221 images for training, 216 for validation, 360 for the test",
    framing=("n_steps",),
    frame=_digits,
    divide=_classes(DIGITS),
)
