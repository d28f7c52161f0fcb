"""Event files of any size: read and written a few samples at a time, in memory that does not grow with the file.

Held at once: the offsets and labels of all samples (16 bytes each) and the events of one chunk of samples. 100,000
samples take 1.6 MB and their chunk's events.
"""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from netx_exports.files import PathLike, replacing
from simulators.archives import MemberReader, open_members
from simulators.events import Events, EventsError, file_problems

_STREAMED = ("step", "neuron", "value")


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
        with open_members(path, EventsError) as members:
            whole = {name: member.read_all() for name, member in members.items() if name not in _STREAMED}
            self._lengths = {name: member.shape for name, member in members.items() if name in _STREAMED}
        empty = {name: np.zeros((0,) * len(shape), np.int32) for name, shape in self._lengths.items()}
        if problems := file_problems(whole | empty):
            raise EventsError(str(path), problems)
        self.offsets: npt.NDArray[np.int64] = whole["offsets"].astype(np.int64)
        self.labels: npt.NDArray[np.int64] | None = whole["labels"].astype(np.int64) if "labels" in whole else None
        self.n_steps, self.shape = int(whole["n_steps"]), tuple(int(side) for side in whole["shape"])
        self.n_events = int(self.offsets[-1]) if self.offsets.ndim == 1 and len(self.offsets) else 0
        needed = (self.n_events,)
        problems = [f"{name}: needs {self.n_events} entries" for name, s in self._lengths.items() if s != needed]
        # Differences of hostile offsets would overflow.
        if self.offsets.ndim != 1 or not len(self.offsets) or self.offsets[0] or _falls(self.offsets):
            problems.append("offsets: must rise from 0")
        elif self.labels is not None and self.labels.shape != (len(self),):
            problems.append(f"labels: needs one entry for each of {len(self)} samples")
        if problems:
            raise EventsError(str(path), problems)
        try:
            # The checks of an empty `Events` are those of the facts that all chunks share.
            Events(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(1, np.int64), self.n_steps, self.shape)
        except EventsError as error:
            raise EventsError(str(path), error.problems) from None

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.offsets) - 1

    def chunks(self, n_samples: int) -> Iterator[Events]:
        """Events of `n_samples` samples after another.

        Raises:
            EventsError: when a chunk is damaged, naming its samples; when the file is another one than was opened.
        """
        with open_members(self.path, EventsError) as members:
            streamed = {name: member for name, member in members.items() if name in _STREAMED}
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


def _falls(offsets: npt.NDArray[np.int64]) -> bool:
    return bool(np.any(offsets[1:] < offsets[:-1]))


class EventWriter:
    """Writes an event file chunk by chunk; the file appears, whole, when the block ends without an error.

    Arguments:
        path: the file.
        n_steps, shape: as in `Events`; every chunk must have the same.
    """

    def __init__(self, path: PathLike, n_steps: int, shape: tuple[int, ...]) -> None:
        self._path, self._n_steps, self._shape = path, n_steps, shape
        self._stack = ExitStack()
        self._counts: list[npt.NDArray[np.int64]] = [np.zeros(1, np.int64)]
        self._labels: list[npt.NDArray[np.int64]] = []
        self._files: dict[str, IO[bytes]] = {}
        self._sizes: dict[str, int] = {}

    def __enter__(self) -> "EventWriter":
        self._target = self._stack.enter_context(replacing(self._path))
        for name in _STREAMED:
            self._files[name] = self._stack.enter_context(tempfile.TemporaryFile(dir=self._target.parent))
            self._sizes[name] = 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        if kind is None:
            try:
                self._join()
            except BaseException as failure:
                if not self._stack.__exit__(type(failure), failure, failure.__traceback__):
                    raise
                return None
        return self._stack.__exit__(kind, error, traceback)

    def add(self, events: Events) -> None:
        """Append the samples of `events`."""
        self._counts.append(np.diff(events.offsets))
        if events.labels is not None:
            self._labels.append(events.labels)
        if events.value is not None:
            # Events of earlier chunks without values were plain spikes.
            self._append("value", np.ones(self._sizes["step"] - self._sizes["value"], np.int32))
            self._append("value", events.value)
        elif self._sizes["value"]:
            self._append("value", np.ones(events.n_events, np.int32))
        self._append("step", events.step)
        self._append("neuron", events.neuron)

    def _append(self, name: str, array: npt.NDArray[np.int32]) -> None:
        self._files[name].write(np.ascontiguousarray(array, "<i4").tobytes())
        self._sizes[name] += len(array)

    def _join(self) -> None:
        offsets = np.cumsum(np.concatenate(self._counts))
        whole: dict[str, npt.NDArray[Any]] = {"offsets": offsets, "n_steps": np.array(self._n_steps, np.int64)}
        whole["shape"] = np.array(self._shape, np.int64)
        if sum(map(len, self._labels)) == len(offsets) - 1 and self._labels:
            whole["labels"] = np.concatenate(self._labels)
        with zipfile.ZipFile(self._target, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
            for name, array in whole.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
            for name in _STREAMED:
                if name != "value" or self._sizes[name]:
                    self._copy(archive, name)

    def _copy(self, archive: zipfile.ZipFile, name: str) -> None:
        source = self._files[name]
        source.seek(0)
        header = {"descr": "<i4", "fortran_order": False, "shape": (self._sizes[name],)}
        with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array_header_1_0(member, header)
            while block := source.read(1 << 22):
                member.write(block)
