"""N-MNIST small: SLAYER's `NMNISTsmall`, lists and files of 40-bit events, becomes `nmnist_small.npz`."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lapilli.training.data.cameras import SIDE
from lapilli.training.data.converters.folder import OriginFolder, origin_folder
from lapilli.training.data.converters.made import Made, Say, archive, counted, offsets
from lapilli.training.data.sets import DataError

_TRAIN, _TEST = "train1K.txt", "test100.txt"
_PLACES = ("", "NMNISTsmall", "example/NMNISTsmall")
_LINE = re.compile(r"([0-9]{1,6})\s+([0-9])")
_MOST_LIST, _MOST_EVENTS = 1 << 20, 1 << 17
_EVENT_BYTES = 5
_LARGEST_STEP = 256 * (1 << 16) - 1

LongArray = npt.NDArray[np.int64]


def convert(root: Path, say: Say) -> Iterator[Made]:
    """The archive: training recordings, then those for the test, in the order of the lists.

    Arguments:
        root: a clone of the repository, or its folder `NMNISTsmall`.
        say: is told how far it is.

    Raises:
        LapilliError: when the lists or a recording are not there.
        DataError: for a list or a recording of another form.
    """
    folder = origin_folder(root, _PLACES, re.compile(re.escape(_TRAIN)), f"list {_TRAIN}")
    train, test = _listed(folder, _TRAIN), _listed(folder, _TEST)
    everything = [*train, *test]
    events = [_events(folder, name) for name in counted(folder, [f"{number}.bs2" for number, _ in everything], say)]
    x, y, polarity, step = np.concatenate(events, axis=1)
    arrays = {
        "x": x.astype(np.uint8),
        "y": y.astype(np.uint8),
        "p": np.packbits(polarity.astype(np.uint8)),
        "dt_us_lo": (step % 256).astype(np.uint8),
        "dt_us_hi": (step // 256).astype(np.uint16),
        "offsets": offsets([recording.shape[1] for recording in events]),
        "label": np.array([label for _, label in everything], np.uint8),
        "mnist_index": np.array([number for number, _ in everything], np.int32),
        "n_train": np.int64(len(train)),
    }
    yield archive("nmnist_small.npz", arrays)


def _listed(folder: OriginFolder, name: str) -> list[tuple[int, int]]:
    """Number and class of each recording of a list, whose comments begin with #."""
    text = folder.read(name, _MOST_LIST).decode("latin1")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    matches = [_LINE.fullmatch(line) for line in lines]
    if None in matches or not lines:
        place = matches.index(None) if None in matches else 0
        raise DataError(str(folder.place / name), [f"entry {place + 1}: must be a number and a class 0…9"])
    return [(int(match[1]), int(match[2])) for match in matches if match]


def _events(folder: OriginFolder, name: str) -> LongArray:
    """Column, row, polarity and µs since the event before (the first: since 0), (4, events)."""
    content = folder.read(name, _EVENT_BYTES * _MOST_EVENTS, _EVENT_BYTES)
    if len(content) % _EVENT_BYTES:
        raise DataError(str(folder.place / name), [f"must hold events of 5 bytes, got {len(content)} bytes"])
    x, y, high, middle, low = np.frombuffer(content, np.uint8).reshape(-1, _EVENT_BYTES).T.astype(np.int64)
    step = np.diff((high & 127) << 16 | middle << 8 | low, prepend=0)
    if max(x.max(), y.max()) >= SIDE:
        raise DataError(str(folder.place / name), [f"has events outside of {SIDE} × {SIDE} pixels"])
    if step.min() < 0 or step.max() > _LARGEST_STEP:
        raise DataError(str(folder.place / name), ["its times must not fall"])
    return np.stack([x, y, high >> 7, step])
