"""Pictures: MNIST (also pixel by pixel), CIFAR-10, CIFAR-100 and Tiny ImageNet, by torchvision.

CIFAR's files are pickles, which can run code when they are opened. torchvision's class compares each of them with the
MD5 sum of the official file in its own source, and opens it only then; what a stranger has changed is refused. No other
pickle is opened.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.events import Events
from lapilli.training.data.analogue import (
    IMAGES,
    blocks,
    image_events,
    image_shape,
    image_steps,
    series_events,
    series_lengths,
    series_shape,
    value_type,
)
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.official.files import opened, reading, unpack_whole
from lapilli.training.data.sets import TEST, TRAIN, DataError, DataSet, Division, Facts, Framed, every_nth

VALIDATION_NTH = 10
"""Every so many-th training image of a class is for validation: none of these sets has an official part for it."""

TINY_SIDE = 64

_TINY_MD5 = "90528d7ca1a48142e341f4ef8d21d0de"
_TINY_ARCHIVE = "tiny-imagenet-200.zip"
_TINY_URL = f"http://cs231n.stanford.edu/{_TINY_ARCHIVE}"
_ANNOTATIONS = "tiny-imagenet-200/val/val_annotations.txt"
_PIXEL_MS = 1.0
"""Time between pixels of sequential MNIST, for the framing's arithmetic alone: they have none."""

Pixels = npt.NDArray[np.uint8]
LongArray = npt.NDArray[np.int64]


def _frame_images(
    name: str,
    shape: tuple[int, int, int],
    load: Callable[[Path], tuple[Any, LongArray, LongArray, tuple[str, ...]]],
    pixels: Callable[[Any], Pixels],
    paths: Sequence[Path],
    framing: Framing,
) -> Framed:
    """Frame images that `pixels` makes, some at a time, of what `load` found: (samples, channels, rows, columns)."""
    images, labels, parts, classes = load(_root(paths[0]))
    n_steps = image_steps(name, framing)

    def events_of(low: int, high: int) -> Events:
        return image_events(pixels(images[low:high]) / 255, framing, n_steps)

    return Framed(
        image_shape(name, framing, shape),
        n_steps,
        None,
        labels,
        np.full(len(labels), -1),
        np.full(len(labels), n_steps),
        parts,
        value_type(framing),
        blocks(len(labels), events_of),
        classes,
    )


def _frame_sequential(paths: Sequence[Path], framing: Framing) -> Framed:
    """MNIST, one pixel in each step, row by row."""
    images, labels, parts, classes = _mnist(_root(paths[0]))
    values = images.reshape(len(images), -1)
    n_pixels = np.full(len(labels), values.shape[1])
    n_steps, lengths = series_lengths("sequential-mnist", framing, _PIXEL_MS, n_pixels)

    def events_of(low: int, high: int) -> Events:
        rows = [pixels[None] / 255 for pixels in values[low:high]]
        return series_events(rows, lengths[low:high], framing, _PIXEL_MS, n_steps, signed=False)

    return Framed(
        series_shape(framing, 1, signed=False),
        n_steps,
        None,
        labels,
        np.full(len(labels), -1),
        lengths,
        parts,
        value_type(framing),
        blocks(len(labels), events_of),
        classes,
    )


def _root(path: Path) -> Path:
    """Folder that data sets lie in, of the first file of one of these."""
    return path.parents[2] if path.parent.name == "raw" or path.parent.name == "val" else path.parents[1]


def _torchvision_datasets() -> Any:
    """Its classes.

    Raises:
        LapilliError: where torchvision is not installed: SLAYER needs it for object detection alone.
    """
    try:
        from torchvision import datasets
    except ModuleNotFoundError as error:
        reason = "the official pictures need torchvision: pip install torchvision, in the release that fits torch"
        raise LapilliError(reason) from error
    return datasets


def _mnist(root: Path) -> tuple[Pixels, LongArray, LongArray, tuple[str, ...]]:
    datasets = _torchvision_datasets()

    with reading(root / "MNIST" / "raw"):
        train, test = (datasets.MNIST(str(root), train=train) for train in (True, False))
    images = np.concatenate([data.data.numpy() for data in (train, test)])
    labels = np.concatenate([data.targets.numpy() for data in (train, test)])
    if images.shape != (len(labels), 28, 28) or labels.max(initial=0) > 9:
        found = f"{images.shape} and labels up to {labels.max(initial=0)}"
        raise DataError(str(root / "MNIST" / "raw"), [f"must hold 28 × 28 images of 10 digits, got {found}"])
    return images[:, None], labels, _parts(len(train), len(test)), tuple(map(str, range(10)))


def _cifar(class_name: str, root: Path) -> tuple[Pixels, LongArray, LongArray, tuple[str, ...]]:
    datasets = _torchvision_datasets()

    # The class says itself that a file is missing or not the official one.
    with reading(root / getattr(datasets, class_name).base_folder):
        train, test = (getattr(datasets, class_name)(str(root), train=train) for train in (True, False))
    images = np.concatenate([train.data, test.data]).transpose(0, 3, 1, 2)
    labels = np.array([*train.targets, *test.targets], np.int64)
    return images, labels, _parts(len(train), len(test)), tuple(train.classes)


def _tiny(root: Path) -> tuple[list[Path], LongArray, LongArray, tuple[str, ...]]:
    """Paths of the pictures: the official validation part, whose labels are known, is the test."""
    datasets = _torchvision_datasets()

    with reading(root / "tiny-imagenet-200"):
        train = datasets.ImageFolder(str(root / "tiny-imagenet-200" / "train"))
        lines = [line.split("\t") for line in (root / _ANNOTATIONS).read_text(encoding="utf-8").splitlines()]
        test = sorted((line[0], train.class_to_idx[line[1]]) for line in lines)
    folder = root / "tiny-imagenet-200" / "val" / "images"
    if strange := [name for name, _ in test if Path(name).name != name]:
        raise DataError(str(root / _ANNOTATIONS), [f"{strange[0]!r} is no file's name"])
    paths = [Path(path) for path, _ in train.samples] + [folder / name for name, _ in test]
    labels = np.array([*train.targets, *(label for _, label in test)], np.int64)
    return paths, labels, _parts(len(train), len(test)), tuple(train.classes)


def _pictures(paths: Sequence[Path]) -> Pixels:
    from PIL import Image

    pictures = []
    for path in paths:
        with reading(path), Image.open(path, formats=("JPEG",)) as image:
            # The size stands in front of what would have to be decoded.
            if image.size != (TINY_SIDE, TINY_SIDE):
                raise DataError(str(path), [f"must have {TINY_SIDE} × {TINY_SIDE} pixels, got {image.size}"])
            pictures.append(np.asarray(image.convert("RGB")).transpose(2, 0, 1))
    return np.stack(pictures)


def _as_they_are(images: Pixels) -> Pixels:
    return images


def _parts(n_train: int, n_test: int) -> LongArray:
    return np.repeat([TRAIN, TEST], [n_train, n_test])


def _divide(facts: Facts, split: Split) -> Division:
    return every_nth(facts, VALIDATION_NTH), facts.classes


def _fetch_mnist(name: str, folder: Path) -> None:
    datasets = _torchvision_datasets()

    opened(name, MNIST_ARCHIVES, folder, _MNIST_ORIGIN, partial(datasets.MNIST, str(folder), download=True))


def _fetch_cifar(name: str, class_name: str, folder: Path) -> None:
    datasets = _torchvision_datasets()

    found = getattr(datasets, class_name)
    opened(name, (found.filename,), folder, _CIFAR_ORIGIN, partial(found, str(folder), download=True))


def _fetch_tiny(folder: Path) -> None:
    opened("tiny-imagenet", (_TINY_ARCHIVE,), folder, _TINY_URL, partial(_download_tiny, folder))


def _download_tiny(folder: Path) -> None:
    from tonic.download_utils import download_url

    download_url(_TINY_URL, str(folder), _TINY_ARCHIVE, _TINY_MD5)
    unpack_whole(folder / _TINY_ARCHIVE, "tiny-imagenet-200", folder / "tiny-imagenet-200")


_MNIST_FILES = tuple(
    f"MNIST/raw/{part}-{what}-ubyte" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1")
)
MNIST_ARCHIVES = tuple(f"{file}.gz" for file in _MNIST_FILES)
_MNIST_ORIGIN = "https://ossci-datasets.s3.amazonaws.com/mnist"
_CIFAR_ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar.html"
_CONTENT = "official parts, of the training part every tenth of a class for validation"

MNIST = DataSet(
    "mnist-official",
    title="MNIST: handwritten digits, 28 × 28",
    licence="none stated",
    origin=_MNIST_ORIGIN,
    files=_MNIST_FILES,
    content=f"60,000 and 10,000 images; {_CONTENT}",
    framing=IMAGES,
    frame=partial(_frame_images, "mnist-official", (1, 28, 28), _mnist, _as_they_are),
    divide=_divide,
    fetch=partial(_fetch_mnist, "mnist-official"),
)

SEQUENTIAL_MNIST = DataSet(
    "sequential-mnist",
    title="Sequential MNIST: one pixel of a handwritten digit in each of 784 steps",
    licence="none stated",
    origin=_MNIST_ORIGIN,
    files=_MNIST_FILES,
    content=f"60,000 and 10,000 images; {_CONTENT}",
    framing=("n_steps", "encoder", "levels", "threshold", "seed"),
    frame=_frame_sequential,
    divide=_divide,
    fetch=partial(_fetch_mnist, "sequential-mnist"),
)

CIFAR10 = DataSet(
    "cifar10",
    title="CIFAR-10: photographs of 10 classes, 32 × 32, colour",
    licence="none stated",
    origin=_CIFAR_ORIGIN,
    files=("cifar-10-batches-py/batches.meta",),
    content=f"50,000 and 10,000 images; {_CONTENT}",
    framing=IMAGES,
    frame=partial(_frame_images, "cifar10", (3, 32, 32), partial(_cifar, "CIFAR10"), _as_they_are),
    divide=_divide,
    fetch=partial(_fetch_cifar, "cifar10", "CIFAR10"),
)

CIFAR100 = DataSet(
    "cifar100",
    title="CIFAR-100: photographs of 100 classes, 32 × 32, colour",
    licence="none stated",
    origin=_CIFAR_ORIGIN,
    files=("cifar-100-python/meta",),
    content=f"50,000 and 10,000 images; {_CONTENT}",
    framing=IMAGES,
    frame=partial(_frame_images, "cifar100", (3, 32, 32), partial(_cifar, "CIFAR100"), _as_they_are),
    divide=_divide,
    fetch=partial(_fetch_cifar, "cifar100", "CIFAR100"),
)

TINY_IMAGENET = DataSet(
    "tiny-imagenet",
    title="Tiny ImageNet: photographs of 200 classes, 64 × 64, colour",
    licence="none stated; ImageNet's terms: research only",
    origin=_TINY_URL,
    files=(_ANNOTATIONS,),
    content="100,000 images, every tenth of a class for validation; the official validation part is the test",
    framing=IMAGES,
    frame=partial(_frame_images, "tiny-imagenet", (3, TINY_SIDE, TINY_SIDE), _tiny, _pictures),
    divide=_divide,
    fetch=_fetch_tiny,
)
