"""Characters written on a tactile sensor of 16 × 16 taxels: STEMNIST, as spikes of a simulated circuit.

The spikes are not STEMNIST's own events: whoever published them passed the pressure through a simulated oscillator.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.simulators.events import Events
from lapilli.simulators.files.archives import open_members
from lapilli.training.data.analogue import image_shape
from lapilli.training.data.binning import Bins, bin_events, plan_bins, spans
from lapilli.training.data.cameras import centred, places
from lapilli.training.data.checks import (
    check_members,
    eventless_problems,
    length_problems,
    offsets_problems,
    order_problems,
    place_problems,
    range_problems,
)
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.origins import STEMNIST as ORIGIN
from lapilli.training.data.sets import (
    NO_PART,
    TEST,
    TRAIN,
    VALIDATION,
    DataError,
    DataSet,
    Division,
    Facts,
    Framed,
    hold_out,
)

SIDE = 16
N_STEPS = 240
N_PERSONS = 34
CLASSES = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ123456789")

TEST_PERSONS = (0, 5, 10, 15, 20, 25, 30)
"""Every fifth person."""

VALIDATION_PERSONS = (4, 9, 14, 19, 24, 29)
"""Held out of the other 27 if nothing else is asked for. Chosen before any training, by their numbers alone."""

_RATE_HZ = 120
_SECOND_US = 1_000_000
_DEFAULT_BIN_MS = 25.0
_SAMPLES_AT_ONCE = 512
_PER_SAMPLE = ("label", "participant", "split")
_DIMENSIONS = dict.fromkeys(("t", "pos", "offsets", "classes", *_PER_SAMPLE), 1)
_REPOSITORY_PARTS = np.array([TRAIN, VALIDATION, TEST])

Arrays = dict[str, npt.NDArray[Any]]
LongArray = npt.NDArray[np.int64]


def _frame(name: str, parts_of: Callable[[Arrays], LongArray], paths: Sequence[Path], framing: Framing) -> Framed:
    """Frame `stemnist_spikes.npz`, whose format is described in the README beside it."""
    arrays = _read(paths[0], framing)
    offsets, recorded = arrays["offsets"].astype(np.int64), arrays["t"].astype(np.int64)
    first, last = spans(recorded, offsets)
    empty = last < first
    start = first if framing.from_first_event else np.zeros_like(first)
    # A step is no whole number of µs. Only sums of steps are rounded, so that no error adds up.
    last_us = np.where(empty, -1, _microseconds(last - start))
    bins, lengths = plan_bins(name, framing, _DEFAULT_BIN_MS, _SECOND_US // _RATE_HZ, last_us)
    shape = image_shape(name, framing, (1, SIDE, SIDE))
    time_us = _microseconds(recorded - np.repeat(start, np.diff(offsets)))
    return Framed(
        shape,
        bins.n_steps,
        bins.width_ms,
        arrays["label"],
        arrays["participant"],
        lengths,
        np.where(empty, NO_PART, parts_of(arrays)),
        "u1" if framing.values == "counts" else None,
        _blocks(arrays["pos"], time_us, offsets, bins, shape, framing),
    )


def _microseconds(steps: LongArray) -> LongArray:
    return steps * _SECOND_US // _RATE_HZ


def _read(path: Path, framing: Framing) -> Arrays:
    with open_members(path, DataError) as members:
        check_members(path, members, _DIMENSIONS)
        arrays = {name: members[name].read_all() for name in _DIMENSIONS}
    n_samples, limits = len(arrays["label"]), (len(CLASSES), N_PERSONS, len(_REPOSITORY_PARTS))
    problems = length_problems({name: arrays[name] for name in _PER_SAMPLE}, n_samples)
    problems += length_problems({"pos": arrays["pos"]}, len(arrays["t"]))
    problems += offsets_problems("offsets", arrays["offsets"], len(arrays["t"]), n_samples)
    for name, limit in zip(_PER_SAMPLE, limits):
        problems += range_problems(name, arrays[name], 0, limit - 1)
    if arrays["classes"].tolist() != [ord(character) for character in CLASSES]:
        problems.append("classes: must be A…Z and 1…9, as bytes")
    if not problems:
        offsets = arrays["offsets"].astype(np.int64)
        problems += place_problems("t", arrays["t"], offsets, N_STEPS - 1)
        problems += place_problems("pos", arrays["pos"], offsets, SIDE * SIDE - 1)
        problems += order_problems("t", arrays["t"], offsets)
        problems += eventless_problems(np.diff(offsets), framing)
    if problems:
        raise DataError(str(path), problems)
    return arrays


def _blocks(
    taxel: npt.NDArray[Any],
    time_us: LongArray,
    offsets: LongArray,
    bins: Bins,
    shape: tuple[int, ...],
    framing: Framing,
) -> Iterator[Events]:
    for low in range(0, len(offsets) - 1, _SAMPLES_AT_ONCE):
        part = offsets[low : low + _SAMPLES_AT_ONCE + 1]
        chosen, inner = slice(part[0], part[-1]), part - part[0]
        y, x = np.divmod(taxel[chosen].astype(np.int64), SIDE)
        if framing.crop_around == "median":
            x, y = centred(x, y, inner, (SIDE, SIDE))
        neuron = places(x, y, np.zeros_like(x), (SIDE, SIDE), framing)
        yield bin_events(time_us[chosen], neuron, inner, bins, shape, framing.values == "counts")


def _by_person(arrays: Arrays) -> LongArray:
    return np.where(np.isin(arrays["participant"], TEST_PERSONS), TEST, TRAIN)


def _of_repository(arrays: Arrays) -> LongArray:
    return _REPOSITORY_PARTS[arrays["split"]]


def _divide_by_person(facts: Facts, split: Split) -> Division:
    return hold_out("stemnist-circuit-spikes", facts, split, VALIDATION_PERSONS), CLASSES


def _divide_stratified(facts: Facts, split: Split) -> Division:
    return facts.parts, CLASSES


_TITLE = "STEMNIST, circuit spikes: characters on a tactile sensor, 16 × 16 taxels, 240 steps of 1/120 s"
_FRAMING = (
    *("n_steps", "bin_ms", "start_ms", "from_first_event"),
    *("pool", "crop", "crop_around", "values", "skip_empty"),
)

STEMNIST_CIRCUIT_SPIKES = DataSet(
    "stemnist-circuit-spikes",
    title=_TITLE,
    licence=ORIGIN.licence,
    origin=ORIGIN.words,
    files=tuple(ORIGIN.packed),
    content="7,700 characters of 34 persons, split by person: test persons 0, 5 … 30 (1,925), validation persons "
    "4, 9 … 29 (1,225)",
    framing=_FRAMING,
    frame=partial(_frame, "stemnist-circuit-spikes", _by_person),
    divide=_divide_by_person,
    split=("validation_groups", "test_groups"),
)

STEMNIST_CIRCUIT_SPIKES_STRATIFIED = DataSet(
    "stemnist-circuit-spikes-stratified",
    title=f"{_TITLE}; the repository's split",
    licence=ORIGIN.licence,
    origin=ORIGIN.words,
    files=tuple(ORIGIN.packed),
    content="the same 7,700 characters, 5,390 / 1,155 / 1,155 as in their repository: every person is in all parts",
    framing=_FRAMING,
    frame=partial(_frame, "stemnist-circuit-spikes-stratified", _of_repository),
    divide=_divide_stratified,
)
