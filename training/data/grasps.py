"""Grasps felt by a NeuTouch sensor of 39 taxels: Ev-Objects and Ev-Containers, events of an event-driven touch sensor.

Their files do not say how long a step is, so steps have no duration here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.simulators.events import Events
from lapilli.simulators.files.archives import open_members
from lapilli.training.data.checks import check_members, eventless_problems, length_problems, range_problems
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.kernels import LARGEST_COUNT
from lapilli.training.data.origins import GRASPS as ORIGIN
from lapilli.training.data.sets import NO_PART, TEST, TRAIN, DataError, DataSet, Division, Facts, Framed, every_nth

POLARITIES, TAXELS = 2, 39
N_CHANNELS = POLARITIES * TAXELS
"""All taxels of the first polarity, then all of the second."""

VALIDATION_NTH = 4
"""Every so many-th training sample of a class is for validation: as many as are for the test."""

_SAMPLES_AT_ONCE = 64
_PARTS = ("train", "test")

Arrays = dict[str, npt.NDArray[Any]]
LongArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Grasps:
    """One of the two sets.

    Arguments:
        name: what users call it.
        prefix: of its arrays in the archive.
        n_steps: of every recording.
        n_classes: numbers of objects, from 0.
    """

    name: str
    prefix: str
    n_steps: int
    n_classes: int


OBJECTS = Grasps("ev-objects", "obj", 250, 36)
CONTAINERS = Grasps("ev-containers", "con", 325, 20)


def _frame(grasps: Grasps, paths: Sequence[Path], framing: Framing) -> Framed:
    """Frame `evtactile.npz`, whose format is described in the README beside it."""
    arrays = _read(paths[0], grasps)
    labels = [arrays[f"{grasps.prefix}_{part}_label"] for part in _PARTS]
    spikes = np.concatenate([_spikes(arrays, grasps, part) for part in _PARTS])
    sizes = spikes.sum(axis=(1, 2), dtype=np.int64)
    if problems := eventless_problems(sizes, framing):
        raise DataError(str(paths[0]), problems)
    filled = -(-grasps.n_steps // framing.bin_steps)
    n_steps = framing.n_steps or filled
    return Framed(
        (N_CHANNELS,),
        n_steps,
        None,
        np.concatenate(labels),
        np.full(len(spikes), -1),
        np.where(sizes > 0, min(filled, n_steps), 0),
        np.where(sizes > 0, np.repeat([TRAIN, TEST], [len(found) for found in labels]), NO_PART),
        "u1" if framing.values == "counts" else None,
        _blocks(spikes, framing, n_steps),
    )


def _read(path: Path, grasps: Grasps) -> Arrays:
    names = [f"{grasps.prefix}_{part}_{what}" for part in _PARTS for what in ("bits", "label")]
    with open_members(path, DataError) as members:
        check_members(path, members, dict.fromkeys(names, 1))
        arrays = {name: members[name].read_all() for name in names}
    problems = []
    for bits, label in (names[:2], names[2:]):
        n_bits = len(arrays[label]) * grasps.n_steps * N_CHANNELS
        problems += length_problems({bits: arrays[bits]}, -(-n_bits // 8))
        problems += range_problems(label, arrays[label], 0, grasps.n_classes - 1)
        if arrays[bits].dtype != np.uint8:
            problems.append(f"{bits}: must be bytes, got {arrays[bits].dtype}")
    if problems:
        raise DataError(str(path), problems)
    return arrays


def _spikes(arrays: Arrays, grasps: Grasps, part: str) -> npt.NDArray[np.uint8]:
    """(samples, steps, channels), 0 and 1."""
    n_samples = len(arrays[f"{grasps.prefix}_{part}_label"])
    bits = np.unpackbits(arrays[f"{grasps.prefix}_{part}_bits"])
    return bits[: n_samples * grasps.n_steps * N_CHANNELS].reshape(n_samples, grasps.n_steps, N_CHANNELS)


def _blocks(spikes: npt.NDArray[np.uint8], framing: Framing, n_steps: int) -> Iterator[Events]:
    starts = np.arange(0, spikes.shape[1], framing.bin_steps)
    for low in range(0, len(spikes), _SAMPLES_AT_ONCE):
        counts = np.add.reduceat(spikes[low : low + _SAMPLES_AT_ONCE], starts, axis=1, dtype=np.int32)
        counts = np.minimum(counts[:, :n_steps], LARGEST_COUNT if framing.values == "counts" else 1)
        yield Events.from_dense(counts.transpose(0, 2, 1)).with_steps(n_steps)


def _divide(grasps: Grasps, facts: Facts, split: Split) -> Division:
    return every_nth(facts, VALIDATION_NTH), tuple(map(str, range(grasps.n_classes)))


_FRAMING = ("n_steps", "bin_steps", "values", "skip_empty")

EV_OBJECTS = DataSet(
    OBJECTS.name,
    title="Ev-Objects: grasps of 36 objects, event-driven touch sensor of 39 taxels, two polarities, 250 steps whose "
    "duration is not stated",
    licence=ORIGIN.licence,
    origin=ORIGIN.words,
    files=tuple(ORIGIN.packed),
    content="576 grasps for training, of which every fourth of a class is for validation, and 144 for the test",
    framing=_FRAMING,
    frame=partial(_frame, OBJECTS),
    divide=partial(_divide, OBJECTS),
)

EV_CONTAINERS = DataSet(
    CONTAINERS.name,
    title="Ev-Containers: grasps of 20 filled containers, event-driven touch sensor of 39 taxels, two polarities, 325 "
    "steps whose duration is not stated",
    licence=ORIGIN.licence,
    origin=ORIGIN.words,
    files=tuple(ORIGIN.packed),
    content="240 grasps for training, of which every fourth of a class is for validation, and 60 for the test",
    framing=_FRAMING,
    frame=partial(_frame, CONTAINERS),
    divide=partial(_divide, CONTAINERS),
)
