"""A part of a prepared data set: spikes in arrays that are mapped from files, read where samples are selected."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.simulators.events import Events

IntArray = npt.NDArray[np.integer[Any]]
Chosen = Sequence[int] | IntArray | slice


@dataclass(frozen=True, eq=False)
class StoredEvents:
    """Spikes of all samples of a data set, sorted as in `Events` but in types as small as may be.

    Arguments:
        step, neuron: one entry for each event.
        value: of each event; None where every event is one spike.
        offsets: (samples + 1); events of sample i are `offsets[i]:offsets[i + 1]`.
        n_steps: of every sample.
        shape: of the neurons.
    """

    step: IntArray
    neuron: IntArray
    value: IntArray | None
    offsets: npt.NDArray[np.int64]
    n_steps: int
    shape: tuple[int, ...]

    def gather(self, rows: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> Events:
        """The samples `rows`, in this order, with `labels` for them."""
        ranges = list(zip(self.offsets[rows].tolist(), self.offsets[rows + 1].tolist()))
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(self.offsets[rows + 1] - self.offsets[rows], out=offsets[1:])

        def pieces(array: IntArray) -> npt.NDArray[np.int32]:
            parts = [array[first:last] for first, last in ranges]
            return np.concatenate([*parts, array[:0]], dtype=np.int32, casting="unsafe")

        value = None if self.value is None else pieces(self.value)
        return Events(pieces(self.step), pieces(self.neuron), offsets, self.n_steps, self.shape, value, labels)


@dataclass(frozen=True, eq=False)
class Samples:
    """Some samples of a data set, none of them read yet.

    Arguments:
        stored: spikes of the whole data set.
        rows: int64, which of its samples these are.
        labels: int64, class of each sample.
        groups: int64, speaker or user of each sample, -1 where unknown.
        lengths: int64, valid steps of each sample; the rest is padding.
    """

    stored: StoredEvents
    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the input, (channels,) or (C, H, W)."""
        return self.stored.shape

    @property
    def n_steps(self) -> int:
        """Steps of every sample."""
        return self.stored.n_steps

    @property
    def n_events(self) -> int:
        """Events of all samples."""
        return int((self.stored.offsets[self.rows + 1] - self.stored.offsets[self.rows]).sum())

    def select(self, chosen: Chosen) -> Events:
        """Read the chosen samples, in the order given, with their labels."""
        index = np.arange(len(self))[chosen]
        return self.stored.gather(self.rows[index], self.labels[index])

    def chunks(self, n_samples: int) -> Iterator[Events]:
        """Read `n_samples` samples after another, with their labels."""
        for first in range(0, len(self), n_samples):
            yield self.select(slice(first, first + n_samples))

    def subset(self, chosen: Chosen) -> "Samples":
        """The chosen samples, in the order given, without reading them."""
        index = np.arange(len(self))[chosen]
        return replace(
            self,
            rows=self.rows[index],
            labels=self.labels[index],
            groups=self.groups[index],
            lengths=self.lengths[index],
        )

    def events(self) -> Events:
        """Read all samples."""
        return self.select(slice(None))


def in_memory(events: Events, groups: IntArray | None = None, lengths: IntArray | None = None) -> Samples:
    """Events with labels as samples.

    Arguments:
        events: held as they are.
        groups: of the samples; -1 if not given.
        lengths: valid steps of the samples; all if not given.
    """
    assert events.labels is not None
    stored = StoredEvents(events.step, events.neuron, events.value, events.offsets, events.n_steps, events.shape)
    return Samples(
        stored,
        np.arange(len(events)),
        events.labels,
        np.full(len(events), -1) if groups is None else groups.astype(np.int64),
        np.full(len(events), events.n_steps) if lengths is None else lengths.astype(np.int64),
    )
