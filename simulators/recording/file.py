"""Reading recordings: what chosen layers did in chosen samples, a few samples at a time.

The format is described in `docs/how-to/recording.md`. What is read is checked: kinds, sizes, ranges, and the checksum
of every array that is touched, to its end.
"""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import FormatError, LapilliError
from lapilli.netx_exports.files import PathLike
from lapilli.netx_exports.network import MAX_NAME, MAX_NEURONS
from lapilli.netx_exports.neurons.kinds import known_states
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.simulators.events import Events, EventsError
from lapilli.simulators.files.archives import MemberReader, open_members
from lapilli.simulators.files.event_facts import EVENT_FIELDS, MAX_SAMPLES, MAX_STEPS, int64_of
from lapilli.simulators.plan import _ignore
from lapilli.simulators.recording.choice import SPIKES, RecordedLayer
from lapilli.simulators.results import Recording

SCHEMA = 1
"""Version of the format that is written, and the only one that is read."""

_FACTS = {"schema": (), "n_steps": (), "fingerprint": (32,)}
THRESHOLD_SUFFIX = "_threshold"
_BLOCK_BYTES = 1 << 20

Archive = Mapping[str, MemberReader]


class RecordingError(FormatError):
    """A file that is not a recording, or a damaged one."""


def _threshold_fields() -> dict[str, str]:
    """Names of the thresholds of states in a file, and the states."""
    return {f"{state}{THRESHOLD_SUFFIX}": state for state in known_states()}


def _layer_fields() -> set[str]:
    return {"shape", "offsets", *EVENT_FIELDS, *known_states(), *_threshold_fields()}


def _identity(path: PathLike) -> tuple[int, int, int]:
    """What tells a file from one that has taken its place."""
    found = os.stat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns


class RecordingFile:
    """A recording, open for reading sample by sample.

    Held: facts, sample numbers, labels, and where each sample's spikes begin.

    Arguments:
        path: the file.

    Attributes:
        fingerprint: of the network, in hexadecimal.
        n_steps: steps of every sample.
        samples: int64, rising: numbers that the samples had in the event file.
        labels: int64, one class for each sample, if known.
        layers: what was recorded, in the network's order.

    Raises:
        LapilliError: when the file cannot be read.
        RecordingError: when it is not a recording, listing every problem found.
    """

    def __init__(self, path: PathLike) -> None:
        self.path = path
        with open_members(path, RecordingError) as members:
            self._identity = _identity(path)
            if problems := _fact_problems(members):
                raise RecordingError(str(path), problems)
            facts = {name: _whole(member) for name, member in members.items() if "/" not in name}
            self.fingerprint = facts["fingerprint"].astype(np.uint8).tobytes().hex()
            self.n_steps = int(facts["n_steps"])
            self.samples = int64_of("samples", facts["samples"], problems)
            self.labels = int64_of("labels", facts["labels"], problems) if "labels" in facts else None
            if problems := problems or self._value_problems(facts):
                raise RecordingError(str(path), problems)
            self._offsets: dict[str, npt.NDArray[np.int64]] = {}
            self._sizes = {name: prod(member.shape) * member.dtype.itemsize for name, member in members.items()}
            self.layers = tuple(self._layer(name, part, problems) for name, part in _by_layer(members).items())
        if not self.layers:
            problems.append("no layer was recorded")
        if problems:
            raise RecordingError(str(path), problems)

    def read(
        self,
        samples: Sequence[int] | None = None,
        record: Mapping[str, Collection[str]] | None = None,
        progress: Callable[[int], None] = _ignore,
    ) -> dict[str, Recording]:
        """What was recorded of the chosen samples, by layer, as `lapilli.simulators.run` gives it.

        Arguments:
            samples: their numbers in the event file; all where None.
            record: for each layer to read, which of the recorded kinds; everything where None.
            progress: called with the number of bytes read since its last call, `n_bytes(record)` in all.

        Raises:
            LapilliError: for what was not recorded, or when the file cannot be read.
            RecordingError: when it is damaged.
        """
        wanted = {layer.name: layer.kinds for layer in self.layers} if record is None else record
        layers = {layer.name: layer for layer in self.layers}
        for name, kinds in wanted.items():
            if name not in layers:
                raise LapilliError(f"{self.path}: no layer {name!r} was recorded; recorded are {', '.join(layers)}")
            if missing := set(kinds) - set(layers[name].kinds):
                has = ", ".join(layers[name].kinds)
                raise LapilliError(f"{self.path}: no {sorted(missing)[0]} of layer {name!r} was recorded, only {has}")
        rows = np.arange(len(self.samples)) if samples is None else self._rows(samples)
        with open_members(self.path, RecordingError) as members:
            if _identity(self.path) != self._identity:
                raise RecordingError(str(self.path), ["has changed since it was opened"])
            return {
                name: self._recording(members, layers[name], set(kinds), rows, progress)
                for name, kinds in wanted.items()
            }

    def n_bytes(self, record: Mapping[str, Collection[str]] | None = None) -> int:
        """Bytes, uncompressed, that `read` goes through: all samples, because their checksum is one."""
        wanted = {layer.name: layer.kinds for layer in self.layers} if record is None else record
        fields = {
            f"{name}/{field}"
            for name, kinds in wanted.items()
            for kind in kinds
            for field in (EVENT_FIELDS if kind == SPIKES else (kind,))
        }
        return sum(size for name, size in self._sizes.items() if name in fields)

    def _rows(self, samples: Sequence[int]) -> npt.NDArray[np.int64]:
        places = {int(number): row for row, number in enumerate(self.samples)}
        if absent := [number for number in samples if number not in places]:
            raise LapilliError(f"{self.path}: sample {absent[0]} was not recorded; {self._described_samples()}")
        return np.array([places[number] for number in samples], np.int64)

    def _described_samples(self) -> str:
        if not len(self.samples):
            return "it holds no samples"
        shown = ", ".join(map(str, self.samples[:8])) + (", …" if len(self.samples) > 8 else "")
        return f"recorded are {shown}"

    def _recording(
        self,
        members: Archive,
        layer: RecordedLayer,
        kinds: set[str],
        rows: npt.NDArray[np.int64],
        progress: Callable[[int], None],
    ) -> Recording:
        order, back = np.unique(rows, return_inverse=True)
        states = {}
        for kind in known_states():
            if kind in kinds:
                size = layer.size * self.n_steps
                ranges = [(row * size, (row + 1) * size) for row in order]
                found = _read_ranges(members[f"{layer.name}/{kind}"], ranges, progress)
                states[kind] = found.reshape(len(order), *layer.shape, self.n_steps)[back]
        spikes = self._spikes(members, layer, order, progress).select(back) if SPIKES in kinds else None
        return Recording(spikes, **states)

    def _spikes(
        self, members: Archive, layer: RecordedLayer, rows: npt.NDArray[np.int64], progress: Callable[[int], None]
    ) -> Events:
        offsets = self._offsets[layer.name]
        ranges = [(int(offsets[row]), int(offsets[row + 1])) for row in rows]
        arrays = {
            field: _read_ranges(members[f"{layer.name}/{field}"], ranges, progress)
            for field in EVENT_FIELDS
            if f"{layer.name}/{field}" in members
        }
        ends = np.cumsum([0, *(high - low for low, high in ranges)], dtype=np.int64)
        labels = None if self.labels is None else self.labels[rows]
        try:
            return Events(
                arrays["step"], arrays["neuron"], ends, self.n_steps, layer.shape, arrays.get("value"), labels
            )
        except EventsError as error:
            raise RecordingError(f"{self.path}: layer {layer.name!r}", error.problems) from None

    def _value_problems(self, facts: Mapping[str, npt.NDArray[Any]]) -> list[str]:
        problems = []
        if facts["schema"] != SCHEMA:
            problems.append(f"schema: {SCHEMA} is read, got {facts['schema']}")
        if np.any((facts["fingerprint"] < 0) | (facts["fingerprint"] > 255)):
            problems.append("fingerprint: must be 32 bytes")
        if not 1 <= self.n_steps <= MAX_STEPS:
            problems.append(f"n_steps: must be 1…{MAX_STEPS}, got {self.n_steps}")
        if self.samples.ndim != 1 or np.any(self.samples < 0) or np.any(np.diff(self.samples) <= 0):
            problems.append("samples: must be rising numbers from 0 on")
        elif self.labels is not None and self.labels.shape != self.samples.shape:
            problems.append(f"labels: needs one entry for each of {len(self.samples)} samples")
        return problems

    def _layer(self, name: str, part: Archive, problems: list[str]) -> RecordedLayer:
        """The layer of some members of the archive; what is wrong is appended to `problems`."""
        found = _layer_problems(name, part)
        shape = tuple(int(side) for side in _whole(part["shape"])) if not found else (1,)
        if min(shape) < 1 or len(shape) not in (1, 3) or prod(shape) > MAX_NEURONS:
            found.append(f"shape: must be (N,) or (C, H, W), at most {MAX_NEURONS} neurons, got {shape}")
        if not found:
            states = (len(self.samples), *shape, self.n_steps)
            found += [
                f"{kind}: must be int32 of shape {states}, got {member.dtype} of shape {member.shape}"
                for kind, member in part.items()
                if kind in known_states() and (member.dtype, member.shape) != (np.dtype(np.int32), states)
            ]
        if not found and "offsets" in part:
            found += self._offset_problems(name, part)
        problems += [f"layer {name!r}: {problem}" for problem in found]
        kinds = tuple(
            kind for kind in (SPIKES, *known_states()) if kind in part or (kind == SPIKES and "offsets" in part)
        )
        levels = {
            state: int(_whole(part[field]))
            for field, state in _threshold_fields().items()
            if field in part and not found
        }
        return RecordedLayer(name, shape, kinds, levels)

    def _offset_problems(self, name: str, part: Archive) -> list[str]:
        wanted = f"offsets: must rise from 0, one entry more than {len(self.samples)} samples"
        if part["offsets"].shape != (len(self.samples) + 1,):
            return [wanted]
        problems: list[str] = []
        offsets = int64_of("offsets", _whole(part["offsets"]), problems)
        if problems or offsets[0] or np.any(offsets[1:] < offsets[:-1]):
            return problems or [wanted]
        self._offsets[name] = offsets
        needed = (int(offsets[-1]),)
        return [
            f"{field}: needs {needed[0]} entries, got shape {part[field].shape}"
            for field in EVENT_FIELDS
            if field in part and part[field].shape != needed
        ]


def _fact_problems(members: Archive) -> list[str]:
    """What is missing, unknown or of a wrong shape among the facts that all layers share."""
    facts = {name: member.shape for name, member in members.items() if "/" not in name}
    problems = [f"{name}: missing" for name in (*_FACTS, "samples") if name not in facts]
    problems += [f"{name}: unknown entry" for name in facts if name not in (*_FACTS, "samples", "labels")]
    problems += [
        f"{name}: must be of shape {shape}, got {facts[name]}"
        for name, shape in _FACTS.items()
        if name in facts and facts[name] != shape
    ]
    problems += [
        f"{name}: must have at most {MAX_SAMPLES} entries, got shape {facts[name]}"
        for name in ("samples", "labels")
        if prod(facts.get(name, ())) > MAX_SAMPLES
    ]
    return problems


def _by_layer(members: Archive) -> dict[str, dict[str, MemberReader]]:
    """Members by layer and by what they are, in the archive's order."""
    layers: dict[str, dict[str, MemberReader]] = {}
    for name, member in members.items():
        layer, slash, field = name.rpartition("/")
        if slash:
            layers.setdefault(layer, {})[field] = member
    return layers


def _layer_problems(name: str, part: Archive) -> list[str]:
    """What is missing, unknown or of a wrong shape, as far as it can be told before anything is read."""
    problems = []
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable() or "/" in name:
        problems.append(f"name: must be 1…{MAX_NAME} printable characters without a slash")
    problems += [f"{field}: unknown entry" for field in part if field not in _layer_fields()]
    spikes = {"offsets", "step", "neuron"}
    if spikes & part.keys() or "value" in part:
        problems += [f"{field}: missing" for field in sorted(spikes - part.keys())]
    elif not part.keys() & set(known_states()):
        problems.append("nothing was recorded")
    if name == INPUT and part.keys() & set(known_states()):
        problems.append("the input has only spikes")
    if "shape" not in part:
        problems.append("shape: missing")
    elif len(part["shape"].shape) != 1 or not 1 <= part["shape"].shape[0] <= 3:
        problems.append(f"shape: must be one to three numbers, got shape {part['shape'].shape}")
    problems += [
        f"{field}: must be one number, got shape {part[field].shape}"
        for field in _threshold_fields()
        if field in part and part[field].shape != ()
    ]
    return problems


def _whole(member: MemberReader) -> npt.NDArray[Any]:
    return _read_ranges(member, [(0, prod(member.shape))]).reshape(member.shape)


def _read_ranges(
    member: MemberReader, ranges: Sequence[tuple[int, int]], progress: Callable[[int], None] = _ignore
) -> npt.NDArray[Any]:
    """Entries `low…high - 1` of each range, the ranges rising; reads on to the end, where the checksum is compared."""
    at, found = 0, [np.zeros(0, member.dtype)]
    for low, high in ranges:
        _skip(member, low - at, progress)
        found.append(member.read(high - low))
        progress(found[-1].nbytes)
        at = high
    _skip(member, prod(member.shape) - at, progress)
    if member.file.read(1):
        raise ValueError("more bytes than the array has entries")
    return np.concatenate(found)


def _skip(member: MemberReader, n: int, progress: Callable[[int], None]) -> None:
    most = max(1, _BLOCK_BYTES // member.dtype.itemsize)
    while n:
        skipped = member.read(min(n, most))
        n -= len(skipped)
        progress(skipped.nbytes)
