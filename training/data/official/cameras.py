"""Event cameras: DVS128-Gesture, N-MNIST, DVS-CIFAR10 and N-Caltech101, downloaded, indexed and read by tonic."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.events import Events
from lapilli.training.data.analogue import image_shape
from lapilli.training.data.binning import Bins, bin_events, plan_bins
from lapilli.training.data.cameras import CAMERA, POLARITIES, places
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.official.files import check_unpacked, opened, reading
from lapilli.training.data.sets import (
    NO_PART,
    TEST,
    TRAIN,
    DataError,
    DataSet,
    Division,
    Facts,
    Framed,
    every_nth,
    hold_out,
)

VALIDATION_NTH = 10
"""Every so many-th training recording of a class is for validation, where no official part is."""

GESTURE_VALIDATION_USERS = (20, 21, 22, 23)
"""Held out of the 23 training users of DVS128-Gesture if nothing else is asked for: the last four."""

CALTECH_TEST_SHARE = 10
"""Every so many-th recording of an N-Caltech101 class is for the test: there is no official split."""

CIFAR_TRAIN_PER_CLASS = 900
"""The first of each class of DVS-CIFAR10 are for training, the others for the test, as in TKS's pipeline."""

_SAMPLES_AT_ONCE = 32
_SPIKE_BYTES = 5

LongArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Index:
    """What a data set holds, in an order that no file system decides.

    Arguments:
        paths, labels, groups, parts: of each recording.
        read: tonic's events of a recording, by its number.
        classes: names of the classes.
    """

    paths: Sequence[str]
    labels: LongArray
    groups: LongArray
    parts: LongArray
    read: Callable[[int], npt.NDArray[Any]]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Camera:
    """A sensor, and how its recordings are framed if nothing else is asked for.

    Arguments:
        rows, columns: of the sensor.
        bin_ms: width of a step.
        duration_ms: of a sample, from its start: what is later is cut.
    """

    rows: int
    columns: int
    bin_ms: float
    duration_ms: float


def _frame(
    name: str, camera: Camera, index: Callable[[Path], Index], paths: Sequence[Path], framing: Framing
) -> Framed:
    found = index(paths[0].parents[1])
    if not found.paths:
        raise DataError(str(paths[0]), ["holds no recordings"])
    end = np.array([round(camera.duration_ms * 1000) - 1])
    bins, _ = plan_bins(name, framing, camera.bin_ms, 1, end)
    shape = image_shape(name, framing, (POLARITIES, camera.rows, camera.columns))
    # Both are filled while the recordings are read.
    lengths, parts = np.zeros(len(found.labels), np.int64), found.parts.copy()
    return Framed(
        shape,
        bins.n_steps,
        bins.width_ms,
        found.labels,
        found.groups,
        lengths,
        parts,
        "u1" if framing.values == "counts" else None,
        _blocks(found, camera, bins, shape, framing, lengths, parts),
        found.classes,
    )


def _blocks(
    found: Index,
    camera: Camera,
    bins: Bins,
    shape: tuple[int, ...],
    framing: Framing,
    lengths: LongArray,
    parts: LongArray,
) -> Iterator[Events]:
    """Events of steps; fills `lengths`, and `parts` where a recording is empty, so that none is read twice."""
    for low in range(0, len(lengths), _SAMPLES_AT_ONCE):
        high = min(low + _SAMPLES_AT_ONCE, len(lengths))
        times, neurons = [], []
        for number in range(low, high):
            time_us, x, y, polarity = _recording(found, number, camera, framing)
            if len(time_us):
                time_us = time_us - time_us[0] if framing.from_first_event else time_us
                lengths[number] = min(max(int(bins.of(time_us[-1:])[0]) + 1, 0), bins.n_steps)
            else:
                parts[number] = NO_PART
            times.append(time_us)
            neurons.append(places(x, y, polarity, (camera.rows, camera.columns), framing))
        offsets = np.concatenate([[0], np.cumsum([len(time_us) for time_us in times])])
        counts = framing.values == "counts"
        yield bin_events(np.concatenate(times), np.concatenate(neurons), offsets, bins, shape, counts)


def _recording(
    found: Index, number: int, camera: Camera, framing: Framing
) -> tuple[LongArray, LongArray, LongArray, LongArray]:
    """Time in µs, x, y and polarity of the events of a recording, sorted by time."""
    path = found.paths[number]
    with reading(path):
        if path.endswith(".bin") and Path(path).stat().st_size % _SPIKE_BYTES:
            raise DataError(path, [f"must be a multiple of {_SPIKE_BYTES} bytes, got {Path(path).stat().st_size}"])
        events = found.read(number)
        time_us, x, y, polarity = (events[field].astype(np.int64) for field in "txyp")
    if not len(time_us):
        if framing.skip_empty:
            return time_us, x, y, polarity
        raise DataError(path, ["holds no events; skip_empty leaves such recordings out"])
    limits = {"x": (x, camera.columns), "y": (y, camera.rows), "p": (polarity, POLARITIES)}
    problems = [
        f"{field}: must be 0…{size - 1}, got {array.min()}…{array.max()}"
        for field, (array, size) in limits.items()
        if array.min() < 0 or array.max() >= size
    ]
    if time_us.min() < 0:
        problems.append(f"t: must not be negative, got {time_us.min()}")
    if problems:
        raise DataError(path, problems)
    if np.any(np.diff(time_us) < 0):
        order = np.argsort(time_us, kind="stable")
        time_us, x, y, polarity = time_us[order], x[order], y[order], polarity[order]
    return time_us, x, y, polarity


def _in_order(paths: Sequence[str]) -> LongArray:
    """Order of paths in which numbers count as numbers: tonic takes files as the file system lists them."""
    keys = [[int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path)] for path in paths]
    return np.array(sorted(range(len(paths)), key=keys.__getitem__), np.int64)


def _two_parts(name: str, archives: Sequence[str], origin: str, tonic_class: Any, root: Path) -> Index:
    """Training and test part of a class that has both."""
    paths: list[str] = []
    labels: list[int] = []
    groups: list[int] = []
    parts: list[int] = []
    readers: list[tuple[Any, int]] = []
    for part, train, archive in ((TRAIN, True, archives[0]), (TEST, False, archives[1])):
        data = opened(name, archives, root, origin, partial(tonic_class, str(root), train=train))
        suffix = Path(data.data[0]).suffix if data.data else ""
        check_unpacked([root / archive], suffix, len(data), Path(data.location_on_system) / data.folder_name)
        users = getattr(data, "users", [-1] * len(data))
        for place in _in_order(data.data).tolist():
            paths.append(data.data[place])
            labels.append(data.targets[place])
            groups.append(users[place])
            parts.append(part)
            readers.append((data, place))
    return Index(
        paths,
        np.array(labels, np.int64),
        np.array(groups, np.int64),
        np.array(parts, np.int64),
        lambda number: readers[number][0][readers[number][1]][0],
        tuple(tonic_class.classes),
    )


def _gesture(root: Path) -> Index:
    from tonic import datasets

    return _two_parts("dvs-gesture", GESTURE_ARCHIVES, _GESTURE_ORIGIN, datasets.DVSGesture, root)


def _nmnist(root: Path) -> Index:
    from tonic import datasets

    found = _two_parts("n-mnist", NMNIST_ARCHIVES, _NMNIST_ORIGIN, datasets.NMNIST, root)
    return replace(found, classes=tuple(map(str, range(10))))


def _cifar(root: Path) -> Index:
    from tonic import datasets

    if find_spec("aedat") is None:
        raise LapilliError("data set dvs-cifar10 needs the package aedat: pip install aedat")
    data = opened("dvs-cifar10", CIFAR_ARCHIVES, root, _CIFAR_ORIGIN, partial(datasets.CIFAR10DVS, str(root)))
    folder = root / "CIFAR10DVS"
    check_unpacked([folder / packed for packed in data.data_filename], ".aedat4", len(data), folder)
    order = _in_order(data.data)
    labels = np.array(data.targets, np.int64)[order]
    number = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        number[labels == label] = np.arange(np.sum(labels == label))
    return Index(
        [data.data[place] for place in order],
        labels,
        np.full(len(order), -1),
        np.where(number < CIFAR_TRAIN_PER_CLASS, TRAIN, TEST),
        lambda place: data[int(order[place])][0],
        tuple(datasets.CIFAR10DVS.classes),
    )


def _caltech(root: Path) -> Index:
    from tonic import datasets
    from tonic.download_utils import extract_archive

    open_class = partial(datasets.NCALTECH101, str(root))
    data = opened("n-caltech101", CALTECH_ARCHIVES, root, _CALTECH_ORIGIN, open_class)
    inner = sorted((root / "NCALTECH101").rglob(datasets.NCALTECH101.data_filename))
    if not data.data and inner:
        # tonic 1.7 unpacks the outer archive only.
        with reading(inner[0]):
            extract_archive(str(inner[0]), str(root / "NCALTECH101"))
        data = opened("n-caltech101", CALTECH_ARCHIVES, root, _CALTECH_ORIGIN, open_class)
    archives = inner or [root / CALTECH_ARCHIVES[0]]
    check_unpacked(archives, ".bin", len(data), root / "NCALTECH101" / data.folder_name)
    order = _in_order(data.data)
    classes = sorted(set(data.targets))
    labels = np.array([classes.index(data.targets[place]) for place in order], np.int64)
    parts = np.full(len(order), TRAIN)
    for label in range(len(classes)):
        parts[np.flatnonzero(labels == label)[CALTECH_TEST_SHARE - 1 :: CALTECH_TEST_SHARE]] = TEST
    paths = [data.data[place] for place in order]
    groups = np.full(len(order), -1)
    return Index(paths, labels, groups, parts, lambda place: data[int(order[place])][0], tuple(classes))


def _divide(facts: Facts, split: Split) -> Division:
    return every_nth(facts, VALIDATION_NTH), facts.classes


def _divide_gesture(facts: Facts, split: Split) -> Division:
    return hold_out("dvs-gesture", facts, split, GESTURE_VALIDATION_USERS), facts.classes


def _fetching(index: Callable[[Path], Index]) -> Callable[[Path], None]:
    def fetch(folder: Path) -> None:
        index(folder)

    return fetch


GESTURE_ARCHIVES = ("DVSGesture/ibmGestureTrain.tar.gz", "DVSGesture/ibmGestureTest.tar.gz")
NMNIST_ARCHIVES = ("NMNIST/train.zip", "NMNIST/test.zip")
CIFAR_ARCHIVES = ("CIFAR10DVS/CIFAR10DVS.zip",)
CALTECH_ARCHIVES = ("NCALTECH101/N-Caltech101-archive.zip",)

_GESTURE_ORIGIN = "figshare (https://figshare.com/ndownloader/files/38022171 and 38020584), as named by tonic"
_NMNIST_ORIGIN = "https://data.mendeley.com/datasets/468j46mzdv"
_CIFAR_ORIGIN = "figshare (https://figshare.com/ndownloader/files/38023437), as named by tonic"
_CALTECH_ORIGIN = "https://data.mendeley.com/datasets/cy6cvx3ryv"

DVS_GESTURE = DataSet(
    "dvs-gesture",
    title="DVS128-Gesture: 11 hand and arm gestures of 29 people in front of an event camera, 128 × 128",
    licence="as its origin says",
    origin=_GESTURE_ORIGIN,
    files=GESTURE_ARCHIVES,
    content="users 1 to 23 for training, of whom 20 to 23 are for validation; 24 to 29 for the test; the first 1.5 s",
    framing=CAMERA,
    frame=partial(_frame, "dvs-gesture", Camera(128, 128, 30.0, 1500.0), _gesture),
    divide=_divide_gesture,
    split=("validation_groups", "test_groups"),
    fetch=_fetching(_gesture),
)

N_MNIST = DataSet(
    "n-mnist",
    title="N-MNIST: digits that move in front of an event camera, 34 × 34",
    licence="CC BY-SA 4.0",
    origin=_NMNIST_ORIGIN,
    files=NMNIST_ARCHIVES,
    content="60,000 recordings for training, of which every tenth of a class is for validation; 10,000 for the test",
    framing=CAMERA,
    frame=partial(_frame, "n-mnist", Camera(34, 34, 10.0, 300.0), _nmnist),
    divide=_divide,
    fetch=_fetching(_nmnist),
)

DVS_CIFAR10 = DataSet(
    "dvs-cifar10",
    title="DVS-CIFAR10: 10,000 pictures of CIFAR-10 that move in front of an event camera, 128 × 128",
    licence="as its origin says",
    origin=_CIFAR_ORIGIN,
    files=CIFAR_ARCHIVES,
    content="the first 900 of each class for training, every tenth of them for validation; the other 100 for the test",
    framing=CAMERA,
    frame=partial(_frame, "dvs-cifar10", Camera(128, 128, 130.0, 1300.0), _cifar),
    divide=_divide,
    fetch=_fetching(_cifar),
)

N_CALTECH101 = DataSet(
    "n-caltech101",
    title="N-Caltech101: pictures of 101 classes that move in front of an event camera, up to 180 × 240",
    licence="as its origin says",
    origin=_CALTECH_ORIGIN,
    files=CALTECH_ARCHIVES,
    content="8,709 recordings; every tenth of a class for the test, every tenth of the others for validation",
    framing=CAMERA,
    frame=partial(_frame, "n-caltech101", Camera(180, 240, 30.0, 300.0), _caltech),
    divide=_divide,
    fetch=_fetching(_caltech),
)
