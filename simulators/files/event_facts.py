"""What an event file says of all its samples, checked before the events themselves are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import frozen_integers
from lapilli.netx_exports.errors import FormatError
from lapilli.netx_exports.files import PathLike
from lapilli.netx_exports.network import MAX_NEURONS
from lapilli.simulators.files.archives import MemberReader

MAX_STEPS = 1 << 24
"""Steps of a sample that a file may claim."""

MAX_SAMPLES = 1 << 24
"""Samples that a file may claim: offsets and labels of all of them are held at once."""

EVENT_FIELDS = ("step", "neuron", "value")
"""Arrays with an entry for each event; `value` only where events carry one."""

FACT_FIELDS = ("offsets", "n_steps", "shape", "labels")
"""The other arrays; `labels` only where they are known."""

_NEEDED = ("step", "neuron", "offsets", "n_steps", "shape")

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class EventFacts:
    """All of an event file but its events.

    Arguments:
        offsets, labels: int64, as of `Events`.
        n_steps, shape: as of `Events`.
    """

    offsets: Int64
    n_steps: int
    shape: tuple[int, ...]
    labels: Int64 | None


def read_facts(path: PathLike, members: Mapping[str, MemberReader], error_type: type[FormatError]) -> EventFacts:
    """Read the facts of an event file.

    Arguments:
        path: the file, as errors name it.
        members: its arrays; those of `EVENT_FIELDS` are not read.
        error_type: raised for what is wrong.

    Raises:
        FormatError: of `error_type`, listing what is missing, wrong or contradicts itself.
    """
    if problems := _form_problems(members):
        raise error_type(str(path), problems)
    found = {name: int64_of(name, members[name].read_all(), problems) for name in FACT_FIELDS if name in members}
    if problems:
        raise error_type(str(path), problems)
    shape = tuple(found["shape"].tolist())
    facts = EventFacts(found["offsets"], int(found["n_steps"]), shape, found.get("labels"))
    lengths = {name: members[name].shape for name in EVENT_FIELDS if name in members}
    if problems := _value_problems(facts, lengths):
        raise error_type(str(path), problems)
    return facts


def int64_of(name: str, array: npt.NDArray[Any], problems: list[str]) -> Int64:
    """An array of a file as int64; a number that does not fit becomes a problem, not another number."""
    limits = np.iinfo(np.int64)
    wide = frozen_integers(array, low=limits.min, high=limits.max, dtype=np.int64, where=name, problems=problems)
    return wide.astype(np.int64, copy=False)


def _form_problems(members: Mapping[str, MemberReader]) -> list[str]:
    problems = [f"{name}: missing" for name in _NEEDED if name not in members]
    shapes = {name: member.shape for name, member in members.items()}
    if shapes.get("n_steps", ()) != ():
        problems.append(f"n_steps: must be one number, got shape {shapes['n_steps']}")
    if "shape" in shapes and (len(shapes["shape"]) != 1 or not 1 <= shapes["shape"][0] <= 3):
        problems.append(f"shape: must be one to three numbers, got shape {shapes['shape']}")
    for name, most in (("offsets", MAX_SAMPLES + 1), ("labels", MAX_SAMPLES)):
        if name in shapes and prod(shapes[name]) > most:
            problems.append(f"{name}: must have at most {most} entries, got shape {shapes[name]}")
    return problems


def _value_problems(facts: EventFacts, lengths: Mapping[str, tuple[int, ...]]) -> list[str]:
    problems = []
    sane = len(facts.shape) in (1, 3) and min(facts.shape) >= 1 and prod(facts.shape) <= MAX_NEURONS
    if not sane:
        problems.append(f"shape: must be (N,) or (C, H, W), at most {MAX_NEURONS} neurons, got {facts.shape}")
    if not 0 <= facts.n_steps <= MAX_STEPS:
        problems.append(f"n_steps: must be 0…{MAX_STEPS}, got {facts.n_steps}")
    offsets = facts.offsets
    # Differences of hostile offsets would overflow.
    if offsets.ndim != 1 or not len(offsets) or offsets[0] or np.any(offsets[1:] < offsets[:-1]):
        return [*problems, "offsets: must rise from 0 to the number of events"]
    n_events, n_samples = int(offsets[-1]), len(offsets) - 1
    problems += [f"{name}: needs {n_events} entries, got shape {s}" for name, s in lengths.items() if s != (n_events,)]
    if facts.labels is not None and facts.labels.shape != (n_samples,):
        problems.append(f"labels: needs one entry for each of {n_samples} samples, got shape {facts.labels.shape}")
    most = int(np.diff(offsets).max(initial=0))
    if not problems and most > facts.n_steps * prod(facts.shape):
        room = f"{facts.n_steps} steps of {prod(facts.shape)} neurons"
        problems.append(f"offsets: {most} events of one sample do not find room in {room}")
    return problems
