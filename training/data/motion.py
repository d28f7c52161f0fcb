"""Smartphone motion: windows of labelled activities, from accelerometer and gyroscope (HAPT, UCI HAR 2.1)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.simulators.events import Events
from lapilli.simulators.files.archives import open_members
from lapilli.training.data.analogue import SERIES, blocks, series_events, series_lengths, series_shape, value_type
from lapilli.training.data.checks import check_members, offsets_problems, range_problems
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.origins import HAPT as ORIGIN
from lapilli.training.data.sets import NO_PART, TEST, TRAIN, DataError, DataSet, Division, Facts, Framed, hold_out

WINDOW, HOP = 128, 64
"""Samples of a window, and from one to the next: 2.56 s, half of it shared, as published."""

FRAME_MS = 20.0
"""From one sample to the next, at 50 Hz."""

FULL_SCALE = 3.0
"""Standard deviations that become 1; what is larger is cut to it."""

TEST_USERS = (2, 4, 9, 10, 12, 13, 18, 20, 24)
"""The users that the publication tests on."""

VALIDATION_USERS = (27, 28, 29, 30)
"""Held out of the other 21 if nothing else is asked for: the last four."""

CLASSES = (
    *("walking", "walking upstairs", "walking downstairs", "sitting", "standing", "lying"),
    *("stand to sit", "sit to stand", "sit to lie", "lie to sit", "stand to lie", "lie to stand"),
)
N_BASIC = 6

_DIMENSIONS = {"acc": 2, "gyro": 2, "offsets": 1, "user": 1, "labels": 2, "acc_scale": 0, "gyro_scale": 0}

LongArray = npt.NDArray[np.int64]


def _frame(paths: Sequence[Path], framing: Framing) -> Framed:
    """Frame `hapt.npz`, whose format is described in the README beside it."""
    arrays = _read(paths[0])
    segments = arrays["labels"].astype(np.int64)
    first, segment = _windows(arrays["offsets"].astype(np.int64), segments)
    users = segments[segment, 1]
    is_test = np.isin(users, TEST_USERS)
    motion = _standardised(arrays, first[~is_test])
    n_steps, lengths = series_lengths("hapt", framing, FRAME_MS, np.full(len(first), WINDOW))

    def events_of(low: int, high: int) -> Events:
        windows = [motion[:, start : start + WINDOW] for start in first[low:high]]
        return series_events(windows, lengths[low:high], framing, FRAME_MS, n_steps, signed=True)

    return Framed(
        series_shape(framing, len(motion), signed=True),
        n_steps,
        framing.bin_ms or FRAME_MS,
        segments[segment, 2] - 1,
        users,
        lengths,
        np.where(is_test, TEST, TRAIN),
        value_type(framing),
        blocks(len(first), events_of),
    )


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    with open_members(path, DataError, "iuf") as members:
        check_members(path, members, _DIMENSIONS)
        arrays = {name: members[name].read_all() for name in _DIMENSIONS}
    n_samples = len(arrays["acc"])
    wanted = {"acc": (n_samples, 3), "gyro": (n_samples, 3), "labels": (len(arrays["labels"]), 5)}
    problems = [
        f"{name}: must have shape {shape}, got {arrays[name].shape}"
        for name, shape in wanted.items()
        if arrays[name].shape != shape
    ]
    problems += [
        f"{name}: must be finite and above 0, got {arrays[name]}"
        for name in ("acc_scale", "gyro_scale")
        if not 0 < arrays[name] < np.inf
    ]
    problems += [
        f"{name}: must be integers, got {arrays[name].dtype}"
        for name in ("acc", "gyro", "offsets", "user", "labels")
        if arrays[name].dtype.kind == "f"
    ]
    problems = problems or offsets_problems("offsets", arrays["offsets"], n_samples, len(arrays["user"]))
    if problems := problems or _segment_problems(arrays):
        raise DataError(str(path), problems)
    return arrays


def _segment_problems(arrays: Mapping[str, npt.NDArray[Any]]) -> list[str]:
    """What is wrong with segments: rows of recording, user, activity, first and last sample, all counted from 1."""
    recording, user, activity, first, last = arrays["labels"].astype(np.int64).T
    problems = range_problems("labels, recording", recording, 1, len(arrays["user"]))
    problems += range_problems("labels, activity", activity, 1, len(CLASSES))
    if problems:
        return problems
    samples = np.diff(arrays["offsets"].astype(np.int64))[recording - 1]
    wrong = np.flatnonzero((first < 1) | (last < first) | (last > samples))
    problems += [f"labels: row {row} leaves its recording of {samples[row]} samples" for row in wrong[:3]]
    strange = np.flatnonzero(arrays["user"][recording - 1] != user)
    return problems + [f"labels: row {row} names another user than its recording has" for row in strange[:3]]


def _windows(offsets: LongArray, segments: LongArray) -> tuple[LongArray, LongArray]:
    """First sample of each window within its segment, and the segment's row."""
    begin = offsets[segments[:, 0] - 1] + segments[:, 3] - 1
    n_windows = np.maximum((segments[:, 4] - segments[:, 3] + 1 - WINDOW) // HOP + 1, 0)
    segment = np.repeat(np.arange(len(segments)), n_windows)
    number = np.arange(len(segment)) - np.repeat(np.cumsum(n_windows) - n_windows, n_windows)
    return begin[segment] + HOP * number, segment


def _standardised(arrays: Mapping[str, npt.NDArray[Any]], first: LongArray) -> npt.NDArray[np.float64]:
    """Channels (6, samples), -1…1, by mean and standard deviation over the windows that start at `first`."""
    scaled = (arrays[name] * float(arrays[f"{name}_scale"]) for name in ("acc", "gyro"))
    motion = np.concatenate(list(scaled), 1).T
    chosen = motion[:, (first[:, None] + np.arange(WINDOW)).ravel()]
    mean, deviation = chosen.mean(axis=1, keepdims=True), chosen.std(axis=1, keepdims=True)
    return np.clip((motion - mean) / np.maximum(FULL_SCALE * deviation, 1e-12), -1, 1)


def _divide(facts: Facts, split: Split) -> Division:
    parts = hold_out("hapt", facts, split, VALIDATION_USERS)
    if not split.basic:
        return parts, CLASSES
    return np.where(facts.labels < N_BASIC, parts, NO_PART), CLASSES[:N_BASIC]


HAPT = DataSet(
    "hapt",
    title="Smartphone motion: accelerometer and gyroscope at 50 Hz, 12 activities (UCI HAR 2.1)",
    licence=ORIGIN.licence,
    origin=ORIGIN.words,
    files=tuple(ORIGIN.packed),
    content="10,929 windows of 2.56 s; 9 test users (3,162), validation users 27 to 30",
    framing=SERIES,
    frame=_frame,
    divide=_divide,
    split=("validation_groups", "test_groups", "basic"),
)
