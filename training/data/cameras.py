"""Event cameras: N-MNIST, a small part of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.simulators.events import Events
from lapilli.simulators.files.archives import open_members
from lapilli.training.data.analogue import image_shape
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
from lapilli.training.data.origins import NMNIST_SMALL as ORIGIN
from lapilli.training.data.sets import NO_PART, TEST, TRAIN, DataError, DataSet, Division, Facts, Framed, every_nth

SIDE = 34
POLARITIES = 2
CLASSES = tuple(str(digit) for digit in range(10))

VALIDATION_NTH = 6
"""Every so many-th training sample of a class is for validation."""

CAMERA = ("n_steps", "bin_ms", "start_ms", "from_first_event", "pool", "crop", "values", "skip_empty")
"""Fields of `Framing` for event cameras."""

_DEFAULT_BIN_MS = 10.0
_SAMPLES_AT_ONCE = 128
_EVENTS = ("x", "y", "dt_us_lo", "dt_us_hi")
_DIMENSIONS = dict.fromkeys((*_EVENTS, "p", "offsets", "label"), 1) | {"n_train": 0}

LongArray = npt.NDArray[np.int64]


def places(
    x: LongArray, y: LongArray, polarity: LongArray, size: tuple[int, int], framing: Framing
) -> npt.NDArray[np.int64]:
    """Flat index of events in the cropped and pooled (polarities, rows, columns); -1 of what is cropped away.

    Arguments:
        x, y, polarity: of each event, within the sensor.
        size: rows and columns of the sensor.
        framing: with `crop` and `pool`.
    """
    height, width = (framing.crop or length for length in size)
    row, column = y - (size[0] - height) // 2, x - (size[1] - width) // 2
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    rows, columns = (-(-length // framing.pool) for length in (height, width))
    flat = (polarity * rows + row // framing.pool) * columns + column // framing.pool
    return np.where(inside, flat, -1)


def centred(x: LongArray, y: LongArray, offsets: LongArray, size: tuple[int, int]) -> tuple[LongArray, LongArray]:
    """Columns and rows of events, each sample moved so that the median of its events is in the middle of the sensor.

    Of an even number of events the lower median counts, so that places stay whole. What moves off the sensor is for
    `places` to cut.

    Arguments:
        x, y: of each event.
        offsets: (samples + 1).
        size: rows and columns of the sensor.
    """
    return _around_median(x, offsets, size[1]), _around_median(y, offsets, size[0])


def _around_median(place: LongArray, offsets: LongArray, length: int) -> LongArray:
    moved = place.astype(np.int64)
    for low, high in zip(offsets[:-1].tolist(), offsets[1:].tolist()):
        if high > low:
            middle = (high - low - 1) // 2
            moved[low:high] += length // 2 - np.partition(place[low:high], middle)[middle]
    return moved


def _frame(paths: Sequence[Path], framing: Framing) -> Framed:
    """Frame `nmnist_small.npz`, whose format is described in the README beside it."""
    with open_members(paths[0], DataError) as members:
        check_members(paths[0], members, _DIMENSIONS)
        arrays = {name: members[name].read_all() for name in _DIMENSIONS}
    _check(paths[0], arrays, framing)
    offsets = arrays["offsets"].astype(np.int64)
    elapsed = np.cumsum(arrays["dt_us_lo"] + arrays["dt_us_hi"].astype(np.int64) * 256)
    first, last = spans(elapsed, offsets)
    empty = last < first
    start = first if framing.from_first_event else np.concatenate([[0], elapsed])[offsets[:-1]]
    bins, lengths = plan_bins("nmnist-small", framing, _DEFAULT_BIN_MS, 1, np.where(empty, -1, last - start))
    shape = image_shape("nmnist-small", framing, (POLARITIES, SIDE, SIDE))
    time_us = elapsed - np.repeat(start, np.diff(offsets))
    return Framed(
        shape,
        bins.n_steps,
        bins.width_ms,
        arrays["label"],
        np.full(len(lengths), -1),
        lengths,
        np.where(empty, NO_PART, np.where(np.arange(len(lengths)) < int(arrays["n_train"]), TRAIN, TEST)),
        "u1" if framing.values == "counts" else None,
        _blocks(arrays, time_us, offsets, bins, shape, framing),
    )


def _check(path: Path, arrays: dict[str, npt.NDArray[Any]], framing: Framing) -> None:
    n_events, n_samples = len(arrays["x"]), len(arrays["label"])
    problems = length_problems({name: arrays[name] for name in _EVENTS}, n_events)
    problems += length_problems({"p": arrays["p"]}, -(-n_events // 8))
    problems += range_problems("label", arrays["label"], 0, len(CLASSES) - 1)
    problems += range_problems("n_train", arrays["n_train"].reshape(1), 1, n_samples)
    problems += offsets_problems("offsets", arrays["offsets"], n_events, n_samples)
    if arrays["p"].dtype != np.uint8:
        problems.append(f"p: must be bytes, got {arrays['p'].dtype}")
    problems += [f"{name}: must not be negative" for name in _EVENTS[2:] if arrays[name].min(initial=0) < 0]
    if not problems:
        offsets = arrays["offsets"].astype(np.int64)
        problems += [text for name in "xy" for text in place_problems(name, arrays[name], offsets, SIDE - 1)]
        problems += eventless_problems(np.diff(offsets), framing)
    if problems:
        raise DataError(str(path), problems)


def _blocks(
    arrays: dict[str, npt.NDArray[Any]],
    time_us: LongArray,
    offsets: LongArray,
    bins: Bins,
    shape: tuple[int, ...],
    framing: Framing,
) -> Iterator[Events]:
    polarity = np.unpackbits(arrays["p"])
    for low in range(0, len(offsets) - 1, _SAMPLES_AT_ONCE):
        part = offsets[low : low + _SAMPLES_AT_ONCE + 1]
        chosen = slice(part[0], part[-1])
        x, y, p = (array[chosen].astype(np.int64) for array in (arrays["x"], arrays["y"], polarity))
        neuron = places(x, y, p, (SIDE, SIDE), framing)
        yield bin_events(time_us[chosen], neuron, part - part[0], bins, shape, framing.values == "counts")


def _divide(facts: Facts, split: Split) -> Division:
    return every_nth(facts, VALIDATION_NTH), CLASSES


NMNIST_SMALL = DataSet(
    "nmnist-small",
    title="N-MNIST, a small part: digits that move in front of an event camera, 34 × 34, two polarities",
    licence=ORIGIN.licence,
    origin=ORIGIN.words,
    files=tuple(ORIGIN.packed),
    content="1,000 recordings for training, of which every sixth of a class is for validation, and 100 for the test",
    framing=CAMERA,
    frame=_frame,
    divide=_divide,
)
