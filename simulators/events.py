"""Spike data, stored sparsely: `Events`, its dense form, tonic's event arrays and its `.npz` file."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import sides_of, whole_number
from lapilli.netx_exports.errors import FormatError
from lapilli.netx_exports.files import PathLike, replacing
from lapilli.netx_exports.network import MAX_NEURONS
from lapilli.simulators.files.archives import open_members
from lapilli.simulators.files.event_facts import EVENT_FIELDS, FACT_FIELDS, MAX_STEPS, read_facts
from lapilli.simulators.recorded_events import binned, recording_problems, sensor_problems

_FIELDS = {"step": "int32", "neuron": "int32", "offsets": "int64"}
_OPTIONAL_FIELDS = {"value": "int32", "labels": "int64"}


class EventsError(FormatError):
    """Spike data that contradicts itself, or an event file that is not one."""


@dataclass(frozen=True, eq=False)
class Events:
    """Spikes of many samples, sorted by sample, step and neuron; steps count from 0.

    Arguments:
        step: int32, one entry for each event.
        neuron: int32, flat index into `shape` in C order.
        offsets: int64, (samples + 1); events of sample i are `offsets[i]:offsets[i + 1]`.
        n_steps: length of every sample in steps.
        shape: shape of the neurons, (N,) or (C, H, W).
        value: int32 payload of graded spikes, never 0; None where every event is one spike.
        labels: int64, one class for each sample, if known.

    Raises:
        EventsError: with every problem found.
    """

    step: npt.NDArray[np.int32]
    neuron: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    n_steps: int
    shape: tuple[int, ...]
    value: npt.NDArray[np.int32] | None = None
    labels: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if (n_steps := whole_number(self.n_steps)) is None:
            raise EventsError("events", [f"n_steps: must be a whole number, got {self.n_steps!r}"])
        object.__setattr__(self, "n_steps", n_steps)
        object.__setattr__(self, "shape", sides_of(self.shape))
        for name, dtype in {**_FIELDS, **_OPTIONAL_FIELDS}.items():
            array = getattr(self, name)
            if array is None:
                continue
            array = np.asarray(array)
            if array.dtype.kind not in "iu" and array.size:
                raise EventsError("events", [f"{name}: must be integers, got {array.dtype}"])
            if array.size and not np.can_cast(array.dtype, dtype):
                limits = np.iinfo(dtype)
                if int(array.min()) < limits.min or int(array.max()) > limits.max:
                    raise EventsError("events", [f"{name}: must fit {dtype}, got {array.min()}…{array.max()}"])
            object.__setattr__(self, name, array.astype(dtype, copy=False))
        if problems := _problems(self):
            raise EventsError("events", problems)

    def __repr__(self) -> str:
        kinds = [name for name, array in (("graded", self.value), ("labelled", self.labels)) if array is not None]
        shape = " x ".join(map(str, self.shape))
        words = f"{len(self):,} samples, input {shape}, {self.n_steps:,} steps, {self.n_events:,} events"
        return f"<Events: {', '.join([words, *kinds])}>"

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.offsets) - 1

    @property
    def n_neurons(self) -> int:
        """Neurons of one sample."""
        return prod(self.shape)

    @property
    def n_events(self) -> int:
        """Events of all samples."""
        return len(self.step)

    @classmethod
    def from_dense(cls, spikes: npt.ArrayLike, labels: npt.ArrayLike | None = None) -> "Events":
        """From an integer array (samples, *shape, steps); values other than 0 and 1 make the events graded."""
        dense = np.asarray(spikes)
        if dense.ndim < 3:
            raise EventsError("events", [f"dense spikes must be (samples, *shape, steps), got shape {dense.shape}"])
        if dense.dtype.kind not in "biuf" or not np.isfinite(dense).all() or np.any(dense != np.rint(dense)):
            raise EventsError("events", [f"dense spikes must be whole numbers, got {dense.dtype}"])
        n_samples, n_steps = dense.shape[0], dense.shape[-1]
        by_step = dense.reshape(n_samples, prod(dense.shape[1:-1]), n_steps).transpose(0, 2, 1)
        sample, step, neuron = np.nonzero(by_step)
        value = by_step[sample, step, neuron]
        limits = np.iinfo(np.int32)
        if value.size and not (limits.min <= value.min() and value.max() <= limits.max):
            raise EventsError("events", [f"dense spikes must fit int32, got {value.min()}…{value.max()}"])
        return cls(
            step.astype(np.int32),
            neuron.astype(np.int32),
            np.searchsorted(sample, np.arange(n_samples + 1)).astype(np.int64),
            n_steps,
            dense.shape[1:-1],
            None if np.all(value == 1) else value.astype(np.int32),
            None if labels is None else np.asarray(labels),
        )

    def to_dense(self) -> npt.NDArray[np.int32]:
        """Array (samples, *shape, steps), int32: 1 or the payload where there is an event."""
        dense = np.zeros((len(self), self.n_neurons, self.n_steps), np.int32)
        dense[self.sample_of_event, self.neuron, self.step] = 1 if self.value is None else self.value
        return dense.reshape(len(self), *self.shape, self.n_steps)

    @property
    def sample_of_event(self) -> npt.NDArray[np.int64]:
        """Sample that each event belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    @classmethod
    def from_tonic(
        cls,
        recordings: Sequence[npt.NDArray[Any]],
        sensor_size: tuple[int, int, int],
        step_us: float,
        n_steps: int,
        labels: npt.ArrayLike | None = None,
    ) -> "Events":
        """From tonic's structured arrays with fields t (µs), x, y, p (those that the sensor has).

        Arguments:
            recordings: one structured array for each sample.
            sensor_size: tonic's (width, height, polarities); the shape becomes (polarities, height, width), or
                (width,) where height and polarities are 1, as for audio. With one polarity, p is not looked at.
            step_us: microseconds in one step.
            n_steps: steps to keep; later events are dropped, several in one step and place become one spike.
            labels: one class for each recording, if known.

        Raises:
            EventsError: for a place outside the sensor, times that are not finite or below 0, and steps without length.
        """
        if problems := list(sensor_problems(sensor_size, step_us, n_steps)):
            raise EventsError("events", problems)
        width, height, polarities = sensor_size
        steps, neurons, counts = [], [], []
        for number, recording in enumerate(recordings):
            if problems := [f"recording {number}: {text}" for text in recording_problems(recording, sensor_size)]:
                raise EventsError("events", problems)
            step, neuron = binned(recording, sensor_size, step_us, n_steps)
            steps.append(step)
            neurons.append(neuron)
            counts.append(len(step))
        return cls(
            np.concatenate([*steps, np.zeros(0, np.int32)]),
            np.concatenate([*neurons, np.zeros(0, np.int32)]),
            np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64),
            n_steps,
            (width,) if height == 1 and polarities == 1 else (polarities, height, width),
            None,
            None if labels is None else np.asarray(labels),
        )

    def select(self, samples: Sequence[int] | npt.NDArray[np.integer[Any]] | slice) -> "Events":
        """The chosen samples, in the order given; a slice of neighbours shares the arrays of all."""
        first, last, stride = samples.indices(len(self)) if isinstance(samples, slice) else (0, 0, 0)
        if stride == 1:
            index: Any = slice(first, max(first, last))
            offsets = self.offsets[first : index.stop + 1] - self.offsets[first]
            events: Any = slice(self.offsets[first], self.offsets[index.stop])
        else:
            index = np.atleast_1d(np.arange(len(self))[samples])
            counts = np.diff(self.offsets)[index]
            offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
            events = np.repeat(self.offsets[index] - offsets[:-1], counts) + np.arange(offsets[-1])
        return self._changed(
            step=self.step[events],
            neuron=self.neuron[events],
            offsets=offsets,
            value=None if self.value is None else self.value[events],
            labels=None if self.labels is None else self.labels[index],
        )

    def _changed(self, **fields: Any) -> "Events":
        """A copy with other fields, of which it is known that they fit; to check them takes as long as to run them."""
        changed = copy(self)
        for name, field in fields.items():
            object.__setattr__(changed, name, field)
        return changed

    def chunks(self, n_samples: int) -> Iterator["Events"]:
        """Events of `n_samples` samples after another."""
        for first in range(0, len(self), n_samples):
            yield self.select(slice(first, first + n_samples))

    def with_steps(self, n_steps: int) -> "Events":
        """The same events in samples of `n_steps` steps; later events are dropped."""
        if n_steps >= self.n_steps:
            fits = isinstance(n_steps, int) and n_steps <= MAX_STEPS
            return self._changed(n_steps=n_steps) if fits else replace(self, n_steps=n_steps)
        keep = self.step < n_steps
        return replace(
            self,
            step=self.step[keep],
            neuron=self.neuron[keep],
            offsets=np.concatenate([[0], np.cumsum(keep)]).astype(np.int64)[self.offsets],
            value=None if self.value is None else self.value[keep],
            n_steps=n_steps,
        )

    def spaced(self, period: int) -> "Events":
        """The same events with step s in step `s period`, in samples as many times as long."""
        return replace(self, step=self.step.astype(np.int64) * period, n_steps=self.n_steps * period)

    def save(self, path: PathLike) -> None:
        """Write the `.npz` file described in `docs/reference/formats.md`.

        Raises:
            LapilliError: when the file cannot be written.
        """
        arrays: dict[str, Any] = {"step": self.step, "neuron": self.neuron, "offsets": self.offsets}
        arrays |= {"n_steps": np.int64(self.n_steps), "shape": np.asarray(self.shape, np.int64)}
        arrays |= {name: getattr(self, name) for name in _OPTIONAL_FIELDS if getattr(self, name) is not None}
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: PathLike) -> "Events":
        """Read an event file.

        Raises:
            LapilliError: when the file cannot be read.
            EventsError: when it is not an event file, listing every problem found.
        """
        with open_members(path, EventsError, known={*EVENT_FIELDS, *FACT_FIELDS}) as members:
            facts = read_facts(path, members, EventsError)
            arrays = {name: member.read_all() for name, member in members.items() if name in EVENT_FIELDS}
        try:
            return cls(
                arrays["step"], arrays["neuron"], facts.offsets, facts.n_steps, facts.shape,
                arrays.get("value"), facts.labels,
            )  # fmt: skip
        except EventsError as error:
            raise EventsError(str(path), error.problems) from None


def events_equal(first: Events, second: Events) -> bool:
    """Whether two sets of events hold the same spikes at the same steps (labels aside)."""
    ones = first.value is None and second.value is None
    return (
        first.n_steps == second.n_steps
        and first.n_neurons == second.n_neurons
        and np.array_equal(first.offsets, second.offsets)
        and np.array_equal(first.step, second.step)
        and np.array_equal(first.neuron, second.neuron)
        and (ones or np.array_equal(_values(first), _values(second)))
    )


def _values(events: Events) -> npt.NDArray[np.int32]:
    return np.ones(events.n_events, np.int32) if events.value is None else events.value


def _problems(events: Events) -> list[str]:
    arrays: Mapping[str, Any] = {"step": events.step, "neuron": events.neuron, "offsets": events.offsets}
    if problems := [f"{name}: must be one-dimensional" for name, array in arrays.items() if array.ndim != 1]:
        return problems
    problems = []
    n_events = len(events.step)
    whole = all(isinstance(side, int) for side in events.shape)
    if len(events.shape) not in (1, 3) or not whole or min(events.shape) < 1 or prod(events.shape) > MAX_NEURONS:
        problems.append(f"shape: must be (N,) or (C, H, W), at most {MAX_NEURONS} neurons, got {events.shape}")
    if not 0 <= events.n_steps <= MAX_STEPS:
        problems.append(f"n_steps: must be 0…{MAX_STEPS}, got {events.n_steps}")
    if len(events.neuron) != n_events:
        problems.append(f"neuron: needs {n_events} entries as step has, got {len(events.neuron)}")
    offsets = events.offsets
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != n_events or np.any(offsets[1:] < offsets[:-1]):
        problems.append(f"offsets: must rise from 0 to the number of events, {n_events}")
    if events.value is not None and (events.value.shape != (n_events,) or np.any(events.value == 0)):
        problems.append("value: needs one entry other than 0 for each event")
    if events.labels is not None and events.labels.shape != (len(offsets) - 1,):
        problems.append(f"labels: needs one entry for each of {len(offsets) - 1} samples, got {events.labels.shape}")
    if problems or not n_events:
        return problems
    for name, limit in (("step", events.n_steps), ("neuron", prod(events.shape))):
        array = arrays[name]
        if array.min() < 0 or array.max() >= limit:
            bad = int(np.flatnonzero((array < 0) | (array >= limit))[0])
            problems.append(f"{name}: must be 0…{limit - 1}, got {array[bad]} at event {bad}")
    key = events.step.astype(np.int64) * prod(events.shape) + events.neuron
    rising = np.diff(key) > 0
    rising[offsets[1:-1][(offsets[1:-1] > 0) & (offsets[1:-1] < n_events)] - 1] = True
    if not rising.all():
        bad = int(np.flatnonzero(~rising)[0]) + 1
        problems.append(f"events must be sorted by sample, step and neuron without repetition; event {bad} is not")
    return problems
