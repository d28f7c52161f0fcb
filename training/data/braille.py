"""Braille letters felt by a sliding fingertip: analogue pressure of 12 taxels at 40 Hz."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lapilli.simulators.events import Events
from lapilli.simulators.files.archives import open_members
from lapilli.training.data.analogue import SERIES, blocks, series_events, series_lengths, series_shape, value_type
from lapilli.training.data.checks import check_members, length_problems, range_problems
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.origins import BRAILLE as ORIGIN
from lapilli.training.data.sets import TEST, TRAIN, VALIDATION, DataError, DataSet, Division, Facts, Framed, hold_out

N_FRAMES, N_TAXELS = 51, 12
FRAME_MS = 25.0
CLASSES = ("space", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ")

FULL_SCALE = 256
"""Pressure that becomes 1. A power of two, so that a threshold of k / 256 of the delta encoder is exactly k, as the
published events have it (1, 2, 5 and 10)."""

N_FOLDS = 5
VALIDATION_FOLD, TEST_FOLD = 3, 4

_DIMENSIONS = {"x": 3, "label": 1}


def folds(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Fold of each recording: those of a class are dealt out in their order, so that every fold has as many of each."""
    found = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        found[of_class] = np.arange(len(of_class)) % N_FOLDS
    return found


def _frame(paths: Sequence[Path], framing: Framing) -> Framed:
    """Frame `braille540.npz`, whose format is described in the README beside it."""
    pressure, labels = _read(paths[0])
    n_steps, lengths = series_lengths("braille", framing, FRAME_MS, np.full(len(labels), N_FRAMES))
    fold = folds(labels)

    def events_of(low: int, high: int) -> Events:
        recordings = [recording.T / FULL_SCALE for recording in pressure[low:high]]
        return series_events(recordings, lengths[low:high], framing, FRAME_MS, n_steps, signed=False)

    return Framed(
        series_shape(framing, N_TAXELS, signed=False),
        n_steps,
        framing.bin_ms or FRAME_MS,
        labels,
        fold,
        lengths,
        np.select([fold == TEST_FOLD, fold == VALIDATION_FOLD], [TEST, VALIDATION], TRAIN),
        value_type(framing),
        blocks(len(labels), events_of),
    )


def _read(path: Path) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    with open_members(path, DataError) as members:
        check_members(path, members, _DIMENSIONS)
        pressure, labels = (members[name].read_all() for name in _DIMENSIONS)
    problems = length_problems({"x": pressure}, len(labels))
    if pressure.shape[1:] != (N_FRAMES, N_TAXELS):
        problems.append(f"x: must be {N_FRAMES} frames of {N_TAXELS} taxels, got shape {pressure.shape}")
    problems += range_problems("x", pressure, 0, FULL_SCALE)
    problems += range_problems("label", labels, 0, len(CLASSES) - 1)
    if problems:
        raise DataError(str(path), problems)
    return pressure.astype(np.int64), labels.astype(np.int64)


def _divide(facts: Facts, split: Split) -> Division:
    return hold_out("braille", facts, split), CLASSES


BRAILLE = DataSet(
    "braille",
    title="Braille letters under a sliding iCub fingertip: pressure on 12 taxels at 40 Hz; 26 letters and the space",
    licence=ORIGIN.licence,
    origin=ORIGIN.words,
    files=tuple(ORIGIN.packed),
    content="540 recordings in five folds of lapilli's own: 0 to 2 are for training (324), 3 for validation, 4 for the "
    "test (108 each); groups are the folds",
    framing=SERIES,
    frame=_frame,
    divide=_divide,
    split=("validation_groups", "test_groups"),
)
