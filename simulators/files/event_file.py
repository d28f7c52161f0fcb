"""Event files of any size: read and written a few samples at a time, in memory that does not grow with the file.

Held at once: the offsets and labels of all samples (16 bytes each) and the events of one chunk of samples. 100,000
samples take 1.6 MB and their chunk's events.
"""

import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.files import PathLike, replacing
from lapilli.simulators.events import Events, EventsError
from lapilli.simulators.files.archives import MemberReader, open_members
from lapilli.simulators.files.event_facts import EVENT_FIELDS, FACT_FIELDS, read_facts
from lapilli.simulators.files.spool import Spool, write_array
from lapilli.simulators.plan import _ignore


class EventFile:
    """An event file, open for reading in order.

    Arguments:
        path: the file.

    Raises:
        LapilliError: when the file cannot be read.
        EventsError: when it is not an event file.
    """

    def __init__(self, path: PathLike) -> None:
        self.path = path
        with open_members(path, EventsError, known={*EVENT_FIELDS, *FACT_FIELDS}) as members:
            facts = read_facts(path, members, EventsError)
            self._lengths = {name: member.shape for name, member in members.items() if name in EVENT_FIELDS}
        self.offsets, self.labels, self.n_steps, self.shape = facts.offsets, facts.labels, facts.n_steps, facts.shape
        self.n_events = int(self.offsets[-1])

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.offsets) - 1

    def chunks(self, n_samples: int) -> Iterator[Events]:
        """Events of `n_samples` samples after another.

        Raises:
            EventsError: when a chunk is damaged, naming its samples; when the file is another one than was opened.
        """
        with open_members(self.path, EventsError) as members:
            streamed = {name: member for name, member in members.items() if name in EVENT_FIELDS}
            if {name: member.shape for name, member in streamed.items()} != self._lengths:
                raise EventsError(str(self.path), ["it has changed since it was opened"])
            for first in range(0, len(self), n_samples):
                yield self._chunk(streamed, first, min(first + n_samples, len(self)))

    def _chunk(self, members: dict[str, MemberReader], first: int, last: int) -> Events:
        offsets = self.offsets[first : last + 1]
        arrays = {name: member.read(int(offsets[-1] - offsets[0])) for name, member in members.items()}
        labels = None if self.labels is None else self.labels[first:last]
        try:
            return Events(
                arrays["step"], arrays["neuron"], offsets - offsets[0], self.n_steps, self.shape,
                arrays.get("value"), labels,
            )  # fmt: skip
        except EventsError as error:
            raise EventsError(f"{self.path}: samples {first}…{last - 1}", error.problems) from None


class EventWriter:
    """Writes an event file chunk by chunk; the file appears, whole, when the block ends without an error.

    Arguments:
        path: the file.
        n_steps, shape: as in `Events`; every chunk must have the same.
    """

    def __init__(self, path: PathLike, n_steps: int, shape: tuple[int, ...]) -> None:
        self._path, self._n_steps, self._shape = path, n_steps, shape
        self._labels: list[npt.NDArray[np.int64]] = []
        self._n_samples = 0
        self._stack = ExitStack()

    def __enter__(self) -> "EventWriter":
        self._target = self._stack.enter_context(replacing(self._path))
        self._spool = Spool(self._stack.enter_context(tempfile.TemporaryFile(dir=self._target.parent)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        if kind is not None:
            return self._stack.__exit__(kind, error, traceback)
        with self._stack:
            self._finish()
        return None

    def add(self, events: Events) -> None:
        """Append the samples of `events`.

        Raises:
            EventsError: when they have another shape or length than the file.
        """
        if (events.n_steps, events.shape) != (self._n_steps, self._shape):
            found = f"{events.n_steps} steps of {events.shape}"
            raise EventsError("events", [f"must be {self._n_steps} steps of {self._shape}, got {found}"])
        self._n_samples += len(events)
        if events.labels is not None:
            self._labels.append(events.labels)
        spool_events(self._spool, "", events)

    def _finish(self) -> None:
        # The least compression is several times as fast as the usual one, and takes somewhat more room.
        options: dict[str, Any] = {"compression": zipfile.ZIP_DEFLATED, "allowZip64": True, "compresslevel": 1}
        with zipfile.ZipFile(self._target, "w", **options) as archive:
            write_array(archive, "n_steps", np.array(self._n_steps, np.int64))
            write_array(archive, "shape", np.array(self._shape, np.int64))
            if self._labels and sum(map(len, self._labels)) == self._n_samples:
                write_array(archive, "labels", np.concatenate(self._labels))
            write_events(self._spool, "", archive)


def spool_events(spool: Spool, prefix: str, events: Events) -> None:
    """Append events to the spool's arrays `counts` (of each sample), `step`, `neuron` and `value`, after a prefix.

    As long as all are plain spikes there are no values.
    """
    earlier = spool.length(f"{prefix}step")
    spool.append(f"{prefix}counts", np.diff(events.offsets))
    spool.append(f"{prefix}step", events.step)
    spool.append(f"{prefix}neuron", events.neuron)
    if events.value is not None:
        spool.append(f"{prefix}value", np.ones(earlier - spool.length(f"{prefix}value"), np.int32))
        spool.append(f"{prefix}value", events.value)
    elif spool.length(f"{prefix}value"):
        spool.append(f"{prefix}value", np.ones(events.n_events, np.int32))


def write_events(
    spool: Spool, prefix: str, archive: zipfile.ZipFile, progress: Callable[[int], None] = _ignore
) -> None:
    """Write what `spool_events` collected as the arrays `offsets`, `step`, `neuron` and, where it is needed, `value`.

    Arguments:
        spool, prefix: as there.
        archive: open for writing.
        progress: called with the bytes of each block.
    """
    counts = spool.read(f"{prefix}counts", np.int64)
    write_array(archive, f"{prefix}offsets", np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]))
    for field in EVENT_FIELDS:
        if field != "value" or spool.length(f"{prefix}value"):
            spool.copy(f"{prefix}{field}", archive, (spool.length(f"{prefix}{field}"),), progress)
