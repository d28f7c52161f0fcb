"""What must hold of arrays from strangers before they are used; every problem is one phrase."""

from collections.abc import Mapping
from os import PathLike

import numpy as np
import numpy.typing as npt

from lapilli.simulators.files.archives import MemberReader
from lapilli.training.data.framing import Framing
from lapilli.training.data.sets import DataError, IntArray


def check_members(path: "PathLike[str]", members: Mapping[str, MemberReader], dimensions: Mapping[str, int]) -> None:
    """Check that an archive has the arrays that a data set needs.

    Arguments:
        path: of the archive.
        members: its arrays.
        dimensions: number of dimensions of each array that is needed; others are ignored.

    Raises:
        DataError: with every array that is missing or has another number of dimensions.
    """
    problems = [f"{name}: missing" for name in dimensions if name not in members]
    problems += [
        f"{name}: must have {wanted} dimension{'s' * (wanted != 1)}, got shape {members[name].shape}"
        for name, wanted in dimensions.items()
        if name in members and len(members[name].shape) != wanted
    ]
    if problems:
        raise DataError(str(path), problems)


def offsets_problems(name: str, offsets: IntArray, n_entries: int, n_samples: int | None = None) -> list[str]:
    """What is wrong with offsets, which must rise from 0 to `n_entries`, with one more than there are samples."""
    wide = offsets.astype(np.int64)
    if not len(wide) or wide[0] != 0 or wide[-1] != n_entries or np.any(wide[1:] < wide[:-1]):
        return [f"{name}: must rise from 0 to {n_entries}"]
    if n_samples is not None and len(wide) != n_samples + 1:
        return [f"{name}: needs {n_samples + 1} entries, got {len(wide)}"]
    return []


def range_problems(name: str, array: IntArray, low: int, high: int) -> list[str]:
    """What is wrong with numbers that must be `low` to `high`."""
    if not array.size or (low <= int(array.min()) and int(array.max()) <= high):
        return []
    bad = int(np.flatnonzero((array < low) | (array > high))[0])
    return [f"{name}: must be {low}…{high}, got {array.flat[bad]} at {bad}"]


def place_problems(what: str, values: IntArray, offsets: IntArray, high: int, first: int = 0) -> list[str]:
    """The first event that lies outside of 0…`high`, with its recording.

    Arguments:
        what: its place, in a word.
        values: of each event.
        offsets: (recordings + 1), rising from 0 to the number of events.
        high: the largest place.
        first: number of the first recording.
    """
    wrong = np.flatnonzero((values < 0) | (values > high))
    if not len(wrong):
        return []
    return [f"{_recording_of(wrong[0], offsets, first)}: {what} {values[wrong[0]]}, must be 0…{high}"]


def time_problems(seconds: npt.NDArray[np.floating], offsets: IntArray, high: float, first: int = 0) -> list[str]:  # type: ignore[type-arg]
    """The first event whose time, in seconds, lies outside of 0…`high`, with its recording; as `place_problems`."""
    wrong = np.flatnonzero(~((seconds >= 0) & (seconds <= high)))
    if not len(wrong):
        return []
    found = seconds[wrong[0]]
    text = "is not a number" if np.isnan(found) else f"{found:g} s, must be 0…{high:g} s"
    return [f"{_recording_of(wrong[0], offsets, first)}: time {text}"]


def order_problems(what: str, times: IntArray, offsets: IntArray, first: int = 0) -> list[str]:
    """The first event that is earlier than the one before it in its recording; as `place_problems`."""
    falls = np.flatnonzero(times[1:] < times[:-1]) + 1
    wrong = falls[~np.isin(falls, offsets)]
    if not len(wrong):
        return []
    return [f"{_recording_of(wrong[0], offsets, first)}: {what} falls from {times[wrong[0] - 1]} to {times[wrong[0]]}"]


def _recording_of(event: int, offsets: IntArray, first: int) -> str:
    return f"recording {first + int(np.searchsorted(offsets, event, side='right')) - 1}"


def length_problems(arrays: Mapping[str, npt.NDArray[np.generic]], n: int) -> list[str]:
    """Which arrays do not have one entry for each of `n` samples."""
    return [f"{name}: needs {n} entries, got {len(array)}" for name, array in arrays.items() if len(array) != n]


def empty_problems(what: str, sizes: IntArray) -> list[str]:
    """Which recordings hold nothing."""
    empty = np.flatnonzero(sizes <= 0)
    more = f" and {len(empty) - 1} more" if len(empty) > 1 else ""
    return [f"{what} {empty[0]}{more}: empty"] if len(empty) else []


def eventless_problems(sizes: IntArray, framing: Framing, first: int = 0) -> list[str]:
    """Which recordings have no events, if that is a problem.

    Arguments:
        sizes: events of each recording.
        framing: with `skip_empty`.
        first: number of the first recording.
    """
    empty = np.flatnonzero((sizes <= 0) & (not framing.skip_empty))
    shown = [f"recording {first + int(number)}: empty" for number in empty[:3]]
    more = [f"{len(empty) - 3} more are empty"] if len(empty) > 3 else []
    return [*shown, *more, "skip_empty leaves such recordings out"] if shown else []
