"""What a learning run has reached, as a file: enough to go on exactly where it stopped."""

import io
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import FormatError
from lapilli.netx_exports.files import PathLike, replacing
from lapilli.simulators.files.archives import read_arrays
from lapilli.simulators.learning.learner import OPERATIONS, Learned, LearningState

Int64 = npt.NDArray[np.int64]


class RecordError(FormatError):
    """A file that is no record of a learning run, or that of another one."""


@dataclass(frozen=True, eq=False)
class LearningRecord:
    """A learning run so far.

    Arguments:
        state: to go on from.
        labels, decisions: int64, of each sample that was learnt.
        operations: int64, (samples, operations), of `OPERATIONS`; -1 where they were not counted.
        seconds: that learning took.
    """

    state: LearningState
    labels: Int64
    decisions: Int64
    operations: Int64
    seconds: float

    def __len__(self) -> int:
        """Samples learnt."""
        return len(self.decisions)

    def extended(self, learned: Learned) -> "LearningRecord":
        """With the samples of one more stretch."""
        uncounted = np.full((len(learned.decisions), len(OPERATIONS)), -1, np.int64)
        counts = uncounted if learned.counts is None else learned.counts.operations
        return self.followed_by(
            LearningRecord(learned.state, learned.labels, learned.decisions, counts, learned.seconds)
        )

    def followed_by(self, recent: "LearningRecord") -> "LearningRecord":
        """With what was learnt since; a record that is in this one already adds nothing."""
        if recent.state.n_steps <= self.state.n_steps:
            return self
        return LearningRecord(
            recent.state,
            np.concatenate([self.labels, recent.labels]),
            np.concatenate([self.decisions, recent.decisions]),
            np.concatenate([self.operations, recent.operations]),
            self.seconds + recent.seconds,
        )


def new_record(state: LearningState) -> LearningRecord:
    """Nothing learnt since `state`."""
    nothing = np.zeros(0, np.int64)
    return LearningRecord(state, nothing, nothing, np.zeros((0, len(OPERATIONS)), np.int64), 0.0)


def save_record(path: PathLike, record: LearningRecord, identity: bytes) -> None:
    """Write a record.

    Arguments:
        path: the file.
        record: what to write.
        identity: digest of all that the run was given; only the same run may go on from the file.

    Raises:
        LapilliError: when the file cannot be written.
    """
    arrays: dict[str, npt.NDArray[Any]] = {f"weights{n}": weights for n, weights in enumerate(record.state.weights)}
    arrays |= {"labels": record.labels, "decisions": record.decisions, "operations": record.operations}
    arrays["n_steps"] = np.array(record.state.n_steps, np.int64)
    arrays["milliseconds"] = np.array(round(record.seconds * 1e3), np.int64)
    arrays["identity"] = np.frombuffer(identity, np.uint8)
    content = io.BytesIO()
    with _undisturbed():
        np.savez(content, **arrays)
    with replacing(path) as temporary:
        temporary.write_bytes(content.getbuffer())


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait: numpy leaves an archive half open, which complains, where they come in between."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def load_record(path: PathLike, identity: bytes, shapes: Sequence[tuple[int, ...]]) -> LearningRecord:
    """Read a record.

    Arguments:
        path: the file.
        identity: of the run that goes on.
        shapes: of the weights of its synapses.

    Raises:
        LapilliError: when the file cannot be read.
        RecordError: when it is no record, or one of another run.
    """
    arrays = read_arrays(path, RecordError)
    weights = [f"weights{number}" for number in range(len(shapes))]
    expected = {"labels", "decisions", "operations", "n_steps", "milliseconds", "identity", *weights}
    if problems := [f"{name}: missing" for name in sorted(expected - arrays.keys())]:
        raise RecordError(str(path), problems)
    if arrays["identity"].tobytes() != identity:
        raise RecordError(str(path), ["it is of a run with another network, other events or other options"])
    found = [arrays[name].shape for name in weights]
    if found != list(shapes):
        raise RecordError(str(path), [f"weights: shapes must be {list(shapes)}, got {found}"])
    n_samples = len(arrays["decisions"]) if arrays["decisions"].ndim == 1 else -1
    if arrays["labels"].shape != (n_samples,) or arrays["operations"].shape != (n_samples, len(OPERATIONS)):
        raise RecordError(str(path), ["labels, decisions and operations must be of the same samples"])
    return LearningRecord(
        LearningState(tuple(arrays[name].astype(np.int16) for name in weights), int(arrays["n_steps"])),
        arrays["labels"].astype(np.int64),
        arrays["decisions"].astype(np.int64),
        arrays["operations"].astype(np.int64),
        int(arrays["milliseconds"]) / 1e3,
    )
