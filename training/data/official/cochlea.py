"""Spiking Heidelberg Digits and Spiking Speech Commands: the official files, downloaded by tonic's classes."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from lapilli.simulators.events import Events
from lapilli.training.data.binning import Bins, bin_events, plan_bins, spans
from lapilli.training.data.checks import (
    empty_problems,
    eventless_problems,
    length_problems,
    place_problems,
    range_problems,
    time_problems,
)
from lapilli.training.data.cochlea import CLASSES, N_UNITS
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.official.files import opened, reading
from lapilli.training.data.official.ragged import Lists, read_lists
from lapilli.training.data.progress import progress_bar
from lapilli.training.data.sets import NO_PART, TEST, TRAIN, VALIDATION, DataError, DataSet, Division, Facts, Framed

SHD_VALIDATION_SPEAKERS = (8, 9)
"""Held out of the training part if nothing else is asked for; of the test part, nothing is taken."""

_FRAMING = ("n_steps", "bin_ms", "start_ms", "from_first_event", "pool", "values", "skip_empty")
_ORIGIN = "https://zenkelab.org/datasets"
_DEFAULT_BIN_MS = 10.0
_FINEST_US = 1000
"""Times are stored in 16 bits: about a millisecond near one second."""

_SAMPLES_AT_ONCE = 256
_LONGEST_S = 60.0
_FIELDS = ("spikes/times", "spikes/units", "labels", "extra/speaker")

LongArray = npt.NDArray[np.int64]
Recordings = tuple[LongArray, LongArray, LongArray]
"""Times in µs and units of all spikes, sorted by recording and time, and offsets of the recordings."""


def _frame(name: str, parts: Sequence[int], n_classes: int, paths: Sequence[Path], framing: Framing) -> Framed:
    facts = [_facts(path, n_classes) for path in paths]
    labels, speakers = (np.concatenate([fact[place] for fact in facts]) for place in range(2))
    first, last = _spans(name, paths, len(labels), framing)
    start = first if framing.from_first_event else np.zeros_like(first)
    bins, lengths = plan_bins(name, framing, _DEFAULT_BIN_MS, _FINEST_US, last - start)
    shape = (-(-N_UNITS // framing.pool),)
    return Framed(
        shape,
        bins.n_steps,
        bins.width_ms,
        labels,
        speakers,
        lengths,
        np.where(last < first, NO_PART, np.repeat(parts, [len(fact[0]) for fact in facts])),
        "u1" if framing.values == "counts" else None,
        _blocks(paths, start, bins, shape, framing),
        facts[0][2],
    )


def _facts(path: Path, n_classes: int) -> tuple[LongArray, LongArray, tuple[str, ...]]:
    """Labels, speakers and the words of the classes."""
    with reading(path), h5py.File(path, "r") as file:
        problems = [f"{field}: missing" for field in _FIELDS if not isinstance(file.get(field), h5py.Dataset)]
        problems = problems or [f"{field}: must be a list" for field in _FIELDS if file[field].ndim != 1]
        problems = problems or length_problems({field: file[field] for field in _FIELDS}, len(file["labels"]))
        # 16 bytes point to the spikes of each recording, so that a file cannot name more of them than it has bytes.
        if not problems and len(file["labels"]) * 16 > path.stat().st_size:
            problems = [f"labels: claims {len(file['labels'])} recordings in {path.stat().st_size} bytes"]
        if problems:
            raise DataError(str(path), problems)
        labels, speakers = (file[field][()].astype(np.int64) for field in ("labels", "extra/speaker"))
        keys = [key.decode() for key in file["extra/keys"][:n_classes]] if "extra/keys" in file else []
    if problems := range_problems("labels", labels, 0, n_classes - 1) + empty_problems("file", np.array([len(labels)])):
        raise DataError(str(path), problems)
    return labels, speakers, tuple(keys) if len(keys) == n_classes else tuple(map(str, range(n_classes)))


def _spans(name: str, paths: Sequence[Path], n_samples: int, framing: Framing) -> tuple[LongArray, LongArray]:
    """Time of the first and of the last spike of each recording, µs."""
    first: list[LongArray] = []
    last: list[LongArray] = []
    with progress_bar(f"reading {name}", n_samples, True) as advance:
        for path in paths:
            for time_us, _, offsets in _recordings(path, framing):
                for found, times in zip((first, last), spans(time_us, offsets)):
                    found.append(times)
                advance(len(offsets) - 1)
    return np.concatenate(first), np.concatenate(last)


def _blocks(
    paths: Sequence[Path], start: LongArray, bins: Bins, shape: tuple[int, ...], framing: Framing
) -> Iterator[Events]:
    done = 0
    for path in paths:
        for time_us, unit, offsets in _recordings(path, framing):
            n_samples = len(offsets) - 1
            since_start = time_us - np.repeat(start[done : done + n_samples], np.diff(offsets))
            yield bin_events(since_start, unit // framing.pool, offsets, bins, shape, framing.values == "counts")
            done += n_samples


def _recordings(path: Path, framing: Framing) -> Iterator[Recordings]:
    """All recordings of a file, some at a time."""
    low = 0
    with reading(path):
        for times, units in read_lists(path, _FIELDS[:2], _SAMPLES_AT_ONCE):
            yield _checked(path, low, times, units, framing)
            low += len(times[0])


def _checked(path: Path, low: int, times: Lists, units: Lists, framing: Framing) -> Recordings:
    n_spikes, seconds = times
    different = np.flatnonzero(n_spikes != units[0])
    problems = [f"recording {low + number}: needs as many times as units" for number in different[:3]]
    problems += eventless_problems(n_spikes, framing, low)
    if problems:
        raise DataError(str(path), problems)
    unit = units[1].astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(n_spikes)])
    problems = place_problems("unit", unit, offsets, N_UNITS - 1, low)
    if problems := problems + time_problems(seconds, offsets, _LONGEST_S, low):
        raise DataError(str(path), problems)
    time_us = np.rint(seconds * 1e6).astype(np.int64)
    falls = np.diff(time_us) < 0
    between = offsets[(offsets > 0) & (offsets < len(time_us))]
    falls[between - 1] = False
    if falls.any():
        order = np.lexsort((time_us, np.repeat(np.arange(len(n_spikes)), n_spikes)))
        time_us, unit = time_us[order], unit[order]
    return time_us, unit, offsets


def _divide_shd(facts: Facts, split: Split) -> Division:
    speakers = SHD_VALIDATION_SPEAKERS if split.validation_groups is None else split.validation_groups
    held = np.isin(facts.groups, speakers) & (facts.parts == TRAIN)
    return np.where(held, VALIDATION, facts.parts), CLASSES


def _divide_ssc(facts: Facts, split: Split) -> Division:
    return facts.parts, facts.classes


def _fetch_shd(folder: Path) -> None:
    from tonic import datasets

    for train in (True, False):
        opened("shd", SHD_ARCHIVES, folder, _ORIGIN, partial(_by_file(datasets.SHD), str(folder), train=train))


def _fetch_ssc(folder: Path) -> None:
    from tonic import datasets

    for split in ("train", "valid", "test"):
        opened("ssc", SSC_ARCHIVES, folder, _ORIGIN, partial(_by_file(datasets.SSC), str(folder), split=split))


def _by_file(tonic_class: Any) -> Any:
    """tonic's class, asking for its own file: tonic 1.7 takes any of the set's files for all of them."""

    def has_its_file(self: Any) -> bool:
        return Path(self.location_on_system, self.data_filename).is_file()

    return type(tonic_class.__name__, (tonic_class,), {"_check_exists": has_its_file})


SHD_ARCHIVES = ("SHD/shd_train.h5.zip", "SHD/shd_test.h5.zip")
SSC_ARCHIVES = tuple(f"SSC/ssc_{split}.h5.zip" for split in ("train", "valid", "test"))

_UNHEARD = "is spikes that a model of the cochlea made of sound, and lapilli has no such model"

SHD = DataSet(
    "shd",
    title="Spiking Heidelberg Digits: spoken digits as spikes of 700 cochlea channels",
    licence="CC BY 4.0",
    origin=_ORIGIN,
    files=("SHD/shd_train.h5", "SHD/shd_test.h5"),
    content="8,156 recordings for training, of which speakers 8 and 9 are for validation; 2,264 for the test",
    framing=_FRAMING,
    frame=partial(_frame, "shd", (TRAIN, TEST), len(CLASSES)),
    divide=_divide_shd,
    split=("validation_groups",),
    fetch=_fetch_shd,
    unheard=_UNHEARD,
)

SSC = DataSet(
    "ssc",
    title="Spiking Speech Commands: 35 words as spikes of 700 cochlea channels",
    licence="CC BY 4.0",
    origin=_ORIGIN,
    files=("SSC/ssc_train.h5", "SSC/ssc_valid.h5", "SSC/ssc_test.h5"),
    content="official split: 75,466 / 9,981 / 20,382 recordings",
    framing=_FRAMING,
    frame=partial(_frame, "ssc", (TRAIN, VALIDATION, TEST), 35),
    divide=_divide_ssc,
    fetch=_fetch_ssc,
    unheard=_UNHEARD,
)
