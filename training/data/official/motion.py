"""UCI HAR: smartphone motion in the windows of the official files."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lapilli.simulators.events import Events
from lapilli.training.data.analogue import SERIES, blocks, series_events, series_lengths, series_shape, value_type
from lapilli.training.data.checks import length_problems, range_problems
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.motion import CLASSES, FRAME_MS, FULL_SCALE, N_BASIC, VALIDATION_USERS, WINDOW
from lapilli.training.data.official.files import reading
from lapilli.training.data.sets import TEST, TRAIN, DataError, DataSet, Division, Facts, Framed, hold_out

SIGNALS = tuple(f"{kind}_{axis}" for kind in ("body_acc", "body_gyro", "total_acc") for axis in "xyz")
"""Channels: acceleration without gravity, angular velocity, acceleration."""

FOLDER = "UCI HAR Dataset"
_PARTS = ("train", "test")

FloatArray = npt.NDArray[np.float64]
LongArray = npt.NDArray[np.int64]


def _files(part: str) -> tuple[str, ...]:
    signals = (f"{FOLDER}/{part}/Inertial Signals/{signal}_{part}.txt" for signal in SIGNALS)
    return (f"{FOLDER}/{part}/y_{part}.txt", f"{FOLDER}/{part}/subject_{part}.txt", *signals)


def _frame(paths: Sequence[Path], framing: Framing) -> Framed:
    half = len(paths) // 2
    (labels, users, train), (test_labels, test_users, test) = (_read(part) for part in (paths[:half], paths[half:]))
    values = _standardised(train, test)
    frames = np.full(len(values), WINDOW)
    n_steps, lengths = series_lengths("uci-har", framing, FRAME_MS, frames)

    def events_of(low: int, high: int) -> Events:
        return series_events(list(values[low:high]), lengths[low:high], framing, FRAME_MS, n_steps, signed=True)

    return Framed(
        series_shape(framing, len(SIGNALS), signed=True),
        n_steps,
        framing.bin_ms or FRAME_MS,
        np.concatenate([labels, test_labels]) - 1,
        np.concatenate([users, test_users]),
        lengths,
        np.repeat([TRAIN, TEST], [len(train), len(test)]),
        value_type(framing),
        blocks(len(values), events_of),
    )


def _read(paths: Sequence[Path]) -> tuple[LongArray, LongArray, FloatArray]:
    """Activities, users and signals, (windows, channels, samples), of one part."""
    labels, users = (_numbers(path).astype(np.int64).ravel() for path in paths[:2])
    signals = [_numbers(path) for path in paths[2:]]
    if problems := range_problems("activity", labels, 1, N_BASIC) + length_problems({"subject": users}, len(labels)):
        raise DataError(str(paths[0]), problems)
    for path, signal in zip(paths[2:], signals):
        if signal.shape != (len(labels), WINDOW):
            raise DataError(str(path), [f"must be {len(labels)} windows of {WINDOW}, got {signal.shape}"])
    return labels, users, np.stack(signals, 1)


def _numbers(path: Path) -> FloatArray:
    with reading(path), warnings.catch_warnings():
        # An empty file is refused below.
        warnings.simplefilter("ignore", UserWarning)
        numbers = np.loadtxt(path, ndmin=2)
    if not numbers.size or not np.isfinite(numbers).all():
        raise DataError(str(path), ["must hold finite numbers"])
    return numbers


def _standardised(train: FloatArray, test: FloatArray) -> FloatArray:
    """All windows, -1…1, by mean and standard deviation of each channel over the training part."""
    mean, deviation = (measure(train, axis=(0, 2), keepdims=True) for measure in (np.mean, np.std))
    scaled = (np.concatenate([train, test]) - mean) / np.maximum(FULL_SCALE * deviation, 1e-12)
    return np.clip(scaled, -1, 1)


def _divide(facts: Facts, split: Split) -> Division:
    return hold_out("uci-har", facts, split, VALIDATION_USERS), CLASSES[:N_BASIC]


_ORIGIN = (
    "https://archive.ics.uci.edu/dataset/240, unpacked by hand (no checksum is known, so lapilli does not download it)"
)

UCI_HAR = DataSet(
    "uci-har",
    title="UCI HAR: accelerometer and gyroscope of a smartphone at 50 Hz, 9 signals, 6 activities",
    licence="no commercial use; cite Anguita 2013",
    origin=_ORIGIN,
    files=(*_files("train"), *_files("test")),
    content="7,352 windows of 2.56 s, of which users 27 to 30 are for validation; 2,947 of 9 other users for the test",
    framing=SERIES,
    frame=_frame,
    divide=_divide,
    split=("validation_groups", "test_groups"),
)
