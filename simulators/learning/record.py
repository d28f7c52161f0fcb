"""What a learning run has reached, as a file: enough to go on exactly where it stopped."""

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import FormatError
from lapilli.netx_exports.files import PathLike, replacing
from lapilli.netx_exports.synapses.kinds import WEIGHT_RANGE
from lapilli.netx_exports.undisturbed import undisturbed
from lapilli.simulators.files.archives import MemberReader, open_members
from lapilli.simulators.files.event_facts import MAX_SAMPLES, int64_of
from lapilli.simulators.learning.learner import OPERATIONS, Learned, LearningState

Int64 = npt.NDArray[np.int64]


_LONGEST_MS = 1 << 53
"""That seconds, which are floats, hold."""


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
    arrays["checksum"] = np.frombuffer(_checksum(arrays), np.uint8)
    content = io.BytesIO()
    # Where Ctrl-C comes in between, numpy leaves an archive half open, which complains.
    with undisturbed():
        np.savez(content, **arrays)
    with replacing(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def _checksum(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Digest of arrays and their names; of integers in 64 bits, whatever they are stored in."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        values = arrays[name]
        digest.update(repr((name, values.shape)).encode())
        digest.update(values.astype("<i8").tobytes())
    return digest.digest()


@dataclass(frozen=True, eq=False)
class Recorded:
    """What a run that goes on knows of its record.

    Arguments:
        identity: of the run.
        shapes: of the weights of its synapses.
        n_classes: neurons of its readout.
        n_steps: of each sample.
        labels: of all samples in the order in which they are learnt; None: nobody knows.
    """

    identity: bytes
    shapes: Sequence[tuple[int, ...]]
    n_classes: int
    n_steps: int
    labels: Int64 | None


def load_record(path: PathLike, known: Recorded) -> LearningRecord:
    """Read a record.

    Arguments:
        path: the file.
        known: of the run that goes on.

    Raises:
        LapilliError: when the file cannot be read.
        RecordError: when it is no record, one of another run, or one that this run cannot have come to.
    """
    weights = [f"weights{number}" for number in range(len(known.shapes))]
    names = ("labels", "decisions", "operations", "n_steps", "milliseconds", "identity", *weights)
    checksum = b""
    with open_members(path, RecordError) as members:
        problems = [f"{name}: missing" for name in sorted(set(names) - members.keys())]
        problems = problems or _identity_problems(members["identity"], known)
        # Records of before had none.
        if "checksum" in members and members["checksum"].shape == (hashlib.sha256().digest_size,):
            checksum = members["checksum"].read_all().tobytes()
        shapes = {name: member.shape for name, member in members.items() if name != "checksum" or not checksum}
        problems = problems or _shape_problems(shapes, known, names)
        if problems:
            raise RecordError(str(path), problems)
        arrays = {name: int64_of(name, members[name].read_all(), problems) for name in names if name != "identity"}
    problems = problems or list(_value_problems(arrays, known))
    everything = arrays | {"identity": np.frombuffer(known.identity, np.uint8)}
    if not problems and checksum and checksum != _checksum(everything):
        problems = ["its numbers are not those that were written: it was damaged or changed"]
    if problems:
        raise RecordError(str(path), problems)
    return LearningRecord(
        LearningState(tuple(arrays[name].astype(np.int16) for name in weights), int(arrays["n_steps"])),
        arrays["labels"],
        arrays["decisions"],
        arrays["operations"],
        int(arrays["milliseconds"]) / 1e3,
    )


def _identity_problems(member: MemberReader, known: Recorded) -> list[str]:
    found = member.read_all().tobytes() if member.shape == (len(known.identity),) else b""
    other = "it is of a run with another network, other events or other options"
    return [] if found == known.identity else [other]


def _shape_problems(found: Mapping[str, tuple[int, ...]], known: Recorded, names: Sequence[str]) -> list[str]:
    """What the sizes of the arrays alone tell."""
    problems = [f"{name}: unknown entry" for name in found if name not in names]
    weights = [found[f"weights{number}"] for number in range(len(known.shapes))]
    if weights != list(known.shapes):
        problems.append(f"weights: shapes must be {list(known.shapes)}, got {weights}")
    problems += [
        f"{name}: must be one number, got shape {found[name]}" for name in ("n_steps", "milliseconds") if found[name]
    ]
    n = found["decisions"][0] if len(found["decisions"]) == 1 else -1
    if found["labels"] != (n,) or found["operations"] != (n, len(OPERATIONS)):
        problems.append("labels, decisions and operations must be of the same samples")
    most = MAX_SAMPLES if known.labels is None else len(known.labels)
    if n > most:
        problems.append(f"holds {n} samples of a run that has {most}")
    return problems


def _value_problems(arrays: Mapping[str, Int64], known: Recorded) -> Iterator[str]:
    """What this run cannot have come to."""
    n = len(arrays["decisions"])
    limits = dict.fromkeys(("labels", "decisions"), (0, known.n_classes - 1))
    limits |= {name: WEIGHT_RANGE["mixed"] for name in arrays if name.startswith("weights")}
    limits |= {"operations": (-1, np.iinfo(np.int64).max // max(n, 1)), "milliseconds": (0, _LONGEST_MS)}
    for name, (low, high) in limits.items():
        found = arrays[name]
        if found.size and not low <= found.min() <= found.max() <= high:
            yield f"{name}: must be {low}…{high}, got {found.min()}…{found.max()}"
    if arrays["n_steps"] != n * known.n_steps:
        yield f"n_steps: must be {n * known.n_steps}, those of {n} samples, got {arrays['n_steps']}"
    if known.labels is not None and not np.array_equal(arrays["labels"], known.labels[:n]):
        yield "labels: are not those of the samples"
