"""Spoken digits as spikes of a cochlea model: the recordings from which SHD was made, through the same model again."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.files import PathLike
from lapilli.simulators.events import Events
from lapilli.simulators.files.archives import open_members
from lapilli.training.data.binning import Bins, bin_events, plan_bins, spans
from lapilli.training.data.checks import (
    check_members,
    eventless_problems,
    length_problems,
    offsets_problems,
    place_problems,
    range_problems,
)
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.kernels import decode_gaps
from lapilli.training.data.origins import SHD_REGENERATED as ORIGIN
from lapilli.training.data.sets import (
    NO_PART,
    TEST,
    TRAIN,
    DataError,
    DataSet,
    Division,
    Facts,
    Framed,
    IntArray,
    hold_out,
)

N_UNITS = 700
TEST_SPEAKERS = (4, 5)
"""The speakers that SHD holds out."""

VALIDATION_SPEAKERS = (8, 9)
"""Held out of the other ten if nothing else is asked for: 1,700 recordings. Chosen before any training, by numbers
alone: together they have as many English as German recordings, and about as many as the test speakers."""

CLASSES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"),
)

_DEFAULT_BIN_MS = 10.0
_SAMPLES_AT_ONCE = 256
_ESCAPE = 255
_SMALL = ("ms_offsets", "spike_offsets", "label", "speaker")
_DIMENSIONS = dict.fromkeys(("count_per_ms", "gap_lo", "gap_esc", *_SMALL), 1)

LongArray = npt.NDArray[np.int64]


def _frame(paths: Sequence[Path], framing: Framing) -> Framed:
    """Frame `shd_regen_1ms.npz`, whose format is described in the README beside it."""
    with open_members(paths[0], DataError) as members:
        check_members(paths[0], members, _DIMENSIONS)
        counts = members["count_per_ms"].read_all()
        small = {name: members[name].read_all().astype(np.int64) for name in _SMALL}
        n_spikes = members["gap_lo"].shape[0]
    _check(paths[0], counts, small, n_spikes, framing)
    first, last = _span(counts, small["ms_offsets"])
    start = first if framing.from_first_event else np.zeros_like(first)
    bins, lengths = plan_bins("shd-regenerated", framing, _DEFAULT_BIN_MS, 1000, (last - start) * 1000)
    shape = (-(-N_UNITS // framing.pool),)
    is_test = np.isin(small["speaker"], TEST_SPEAKERS)
    return Framed(
        shape,
        bins.n_steps,
        bins.width_ms,
        small["label"],
        small["speaker"],
        lengths,
        np.where(last < first, NO_PART, np.where(is_test, TEST, TRAIN)),
        "u1" if framing.values == "counts" else None,
        _blocks(paths[0], counts, small, start, bins, shape, framing),
    )


def _check(path: PathLike, counts: IntArray, small: dict[str, LongArray], n_spikes: int, framing: Framing) -> None:
    n_samples = len(small["label"])
    problems = length_problems({"speaker": small["speaker"]}, n_samples)
    problems += range_problems("label", small["label"], 0, len(CLASSES) - 1)
    problems += offsets_problems("ms_offsets", small["ms_offsets"], len(counts), n_samples)
    problems += offsets_problems("spike_offsets", small["spike_offsets"], n_spikes, n_samples)
    if not problems:
        before = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        if np.any(before[small["ms_offsets"]] != small["spike_offsets"]):
            problems = ["count_per_ms: does not add up to spike_offsets"]
        problems += eventless_problems(np.diff(small["spike_offsets"]), framing)
    if problems:
        raise DataError(str(path), problems)


def _span(counts: IntArray, offsets: LongArray) -> tuple[LongArray, LongArray]:
    """First and last millisecond with a spike of each recording; 0 and -1 where it has none."""
    busy = np.flatnonzero(counts)
    recording = np.searchsorted(offsets, busy, side="right") - 1
    return spans(busy - offsets[recording], np.searchsorted(busy, offsets))


def _blocks(
    path: PathLike,
    counts: IntArray,
    small: dict[str, LongArray],
    start: LongArray,
    bins: Bins,
    shape: tuple[int, ...],
    framing: Framing,
) -> Iterator[Events]:
    ms, spikes = small["ms_offsets"], small["spike_offsets"]
    with open_members(path, DataError) as members:
        for low in range(0, len(start), _SAMPLES_AT_ONCE):
            high = min(low + _SAMPLES_AT_ONCE, len(start))
            gap = members["gap_lo"].read(int(spikes[high] - spikes[low])).astype(np.int32)
            escaped = gap == _ESCAPE
            gap[escaped] = members["gap_esc"].read(int(escaped.sum()))
            unit, at = np.empty_like(gap), np.empty_like(gap)
            decode_gaps(gap, counts[ms[low] : ms[high]], unit, at)
            if problems := place_problems("unit", unit, spikes[low : high + 1] - spikes[low], N_UNITS - 1, low):
                raise DataError(str(path), problems)
            n_spikes = np.diff(spikes[low : high + 1])
            time_us = 1000 * (at - np.repeat(ms[low:high] - ms[low] + start[low:high], n_spikes))
            offsets = spikes[low : high + 1] - spikes[low]
            yield bin_events(time_us, unit // framing.pool, offsets, bins, shape, framing.values == "counts")


def _divide(facts: Facts, split: Split) -> Division:
    return hold_out("shd-regenerated", facts, split, VALIDATION_SPEAKERS), CLASSES


SHD_REGENERATED = DataSet(
    "shd-regenerated",
    title="SHD regenerated: spoken digits of 12 speakers as spikes of 700 cochlea channels, 1 ms",
    licence=ORIGIN.licence,
    origin=f"{ORIGIN.words}, the audio through lauscher's cochlea",
    files=tuple(ORIGIN.packed),
    content="10,420 recordings; test speakers 4 and 5 (1,840), validation speakers 8 and 9 (1,700)",
    framing=("n_steps", "bin_ms", "start_ms", "from_first_event", "pool", "values", "skip_empty"),
    frame=_frame,
    divide=_divide,
    split=("validation_groups", "test_groups"),
    unheard="is spikes that a model of the cochlea made of sound, and lapilli has no such model",
)
