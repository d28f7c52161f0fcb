"""Five real objects that turn in front of a DVS128 event camera, in two sessions, cut into windows of 100 ms."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.simulators.events import Events
from lapilli.simulators.files.archives import open_members
from lapilli.training.data.analogue import image_shape
from lapilli.training.data.binning import Bins, bin_events, plan_bins
from lapilli.training.data.cameras import POLARITIES, centred, places
from lapilli.training.data.checks import (
    check_members,
    empty_problems,
    length_problems,
    offsets_problems,
    place_problems,
    range_problems,
)
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.origins import DVS_OBJECTS as ORIGIN
from lapilli.training.data.sets import NO_PART, TEST, TRAIN, VALIDATION, DataError, DataSet, Division, Facts, Framed

SIDE = 128
CLASSES = ("box", "mug", "cutter", "pencil", "scissors")
TEST_SESSION = 1

WINDOW_US = 100_000
LEAST_EVENTS = 200
"""Windows with fewer show nothing."""

VALIDATION_SHARE = 5
"""The last fifth of each training recording is for validation."""

GAP_WINDOWS = 10
"""Windows before it that belong to no part, a second: neighbours show the same movement, which lasts 0.44 s."""

_TICK_US = 20
_DEFAULT_BIN_MS = 10.0
_SAMPLES_AT_ONCE = 128
_EVENTS = ("x", "y", "dt_lo", "dt_hi")
_DIMENSIONS = dict.fromkeys((*_EVENTS, "p", "offsets", "label", "session"), 1)

Arrays = dict[str, npt.NDArray[Any]]
LongArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of recordings.

    Arguments:
        first, end: first event of each window, and the one behind its last.
        recording: of each.
        number: of each within its recording, from 0.
        n_whole: windows of each recording that lie whole in it.
    """

    first: LongArray
    end: LongArray
    recording: LongArray
    number: LongArray
    n_whole: LongArray


def _frame(paths: Sequence[Path], framing: Framing) -> Framed:
    """Frame `dvs_objects.npz`, whose format is described in the README beside it."""
    arrays = _read(paths[0])
    time_us = _times(arrays)
    windows = _windows(time_us, arrays["offsets"].astype(np.int64))
    if not len(windows.first):
        raise DataError(str(paths[0]), [f"no window of {WINDOW_US // 1000} ms has {LEAST_EVENTS} events"])
    last_us = np.full(len(windows.first), WINDOW_US - 1)
    bins, lengths = plan_bins("dvs-objects", framing, _DEFAULT_BIN_MS, _TICK_US, last_us)
    shape = image_shape("dvs-objects", framing, (POLARITIES, SIDE, SIDE))
    return Framed(
        shape,
        bins.n_steps,
        bins.width_ms,
        arrays["label"][windows.recording],
        windows.recording,
        lengths,
        _parts(windows, arrays["session"]),
        "u1" if framing.values == "counts" else None,
        _blocks(arrays, time_us % WINDOW_US, windows, bins, shape, framing),
    )


def _read(path: Path) -> Arrays:
    with open_members(path, DataError) as members:
        check_members(path, members, _DIMENSIONS)
        arrays = {name: members[name].read_all() for name in _DIMENSIONS}
    n_events, n_recordings = len(arrays["x"]), len(arrays["label"])
    problems = length_problems({name: arrays[name] for name in _EVENTS}, n_events)
    problems += length_problems({"p": arrays["p"]}, -(-n_events // 8))
    problems += length_problems({"session": arrays["session"]}, n_recordings)
    problems += offsets_problems("offsets", arrays["offsets"], n_events, n_recordings)
    problems += range_problems("label", arrays["label"], 0, len(CLASSES) - 1)
    problems += range_problems("session", arrays["session"], 0, TEST_SESSION)
    problems += [text for name in _EVENTS[2:] for text in range_problems(name, arrays[name], 0, 255)]
    if arrays["p"].dtype != np.uint8:
        problems.append(f"p: must be bytes, got {arrays['p'].dtype}")
    if not problems:
        offsets = arrays["offsets"].astype(np.int64)
        problems += [text for name in "xy" for text in place_problems(name, arrays[name], offsets, SIDE - 1)]
        problems += empty_problems("recording", np.diff(offsets))
    if problems:
        raise DataError(str(path), problems)
    return arrays


def _times(arrays: Arrays) -> LongArray:
    """Time of each event since the start of its recording."""
    elapsed = np.cumsum(arrays["dt_lo"].astype(np.int64) + arrays["dt_hi"].astype(np.int64) * 256)
    offsets = arrays["offsets"].astype(np.int64)
    before = np.concatenate([[0], elapsed])[offsets[:-1]]
    return (elapsed - np.repeat(before, np.diff(offsets))) * _TICK_US


def _windows(time_us: LongArray, offsets: LongArray) -> Windows:
    """Windows that lie whole in their recording and have enough events."""
    recording = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    number = time_us // WINDOW_US
    n_whole = number[offsets[1:] - 1]
    first = np.flatnonzero(np.diff(number, prepend=-1) | np.diff(recording, prepend=-1))
    end = np.append(first[1:], len(time_us))
    kept = (end - first >= LEAST_EVENTS) & (number[first] < n_whole[recording[first]])
    first, end = first[kept], end[kept]
    return Windows(first, end, recording[first], number[first], n_whole)


def _parts(windows: Windows, session: npt.NDArray[Any]) -> LongArray:
    n_whole = windows.n_whole[windows.recording]
    validation = n_whole - n_whole // VALIDATION_SHARE
    parts = np.where(windows.number < validation - GAP_WINDOWS, TRAIN, NO_PART)
    parts[windows.number >= validation] = VALIDATION
    parts[session[windows.recording] == TEST_SESSION] = TEST
    return parts


def _blocks(
    arrays: Arrays, time_us: LongArray, windows: Windows, bins: Bins, shape: tuple[int, ...], framing: Framing
) -> Iterator[Events]:
    polarity = np.unpackbits(arrays["p"])
    for low in range(0, len(windows.first), _SAMPLES_AT_ONCE):
        first, end = (bounds[low : low + _SAMPLES_AT_ONCE].tolist() for bounds in (windows.first, windows.end))
        chosen = np.concatenate([np.arange(a, b) for a, b in zip(first, end)])
        offsets = np.cumsum([0, *(b - a for a, b in zip(first, end))])
        x, y, p = (array[chosen].astype(np.int64) for array in (arrays["x"], arrays["y"], polarity))
        if framing.crop_around != "centre":
            x, y = centred(x, y, offsets, (SIDE, SIDE))
        neuron = places(x, y, p, (SIDE, SIDE), framing)
        yield bin_events(time_us[chosen], neuron, offsets, bins, shape, framing.values == "counts")


def _divide(facts: Facts, split: Split) -> Division:
    return facts.parts, CLASSES


DVS_OBJECTS = DataSet(
    "dvs-objects",
    title="Objects that turn in front of an event camera (DVS128), 128 × 128, two polarities; five objects, two "
    "sessions, windows of 100 ms around the median of their events",
    licence=ORIGIN.licence,
    origin=ORIGIN.words,
    files=tuple(ORIGIN.packed),
    content="lapilli's own split: the first session is for training (its last fifth for validation, after a gap of a "
    "second), the second for the test (944 windows of 5 recordings); groups are the recordings",
    framing=("n_steps", "bin_ms", "pool", "crop", "crop_around", "values"),
    frame=_frame,
    divide=_divide,
)
