"""Prepared data on disk: one folder of plain `.npy` files for each data set and framing, whole or not at all.

`step.npy`, `neuron.npy`, `value.npy` (where events carry one), `offsets.npy`, `labels.npy`, `groups.npy`,
`lengths.npy`, `parts.npy` and `meta.json`. Equal content gives equal bytes.
"""

import json
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import FormatError, LapilliError
from lapilli.netx_exports.files import part_prefix, remove_leftovers
from lapilli.netx_exports.json_text import read_json
from lapilli.netx_exports.locks import locked as held
from lapilli.netx_exports.locks import waited_for
from lapilli.netx_exports.undisturbed import undisturbed
from lapilli.training.data.framing import MAX_STEPS
from lapilli.training.data.samples import StoredEvents
from lapilli.training.data.sets import Facts, Framed, IntArray

FORMAT = 1
"""Version of the files; another one is prepared anew."""

_PER_SAMPLE = ("labels", "groups", "lengths", "parts")
_OF_SAMPLES = ("offsets", *_PER_SAMPLE)
_BLOCK = 1 << 24

_UNREADABLE = (OSError, ValueError, EOFError, OverflowError, RecursionError, SyntaxError, TokenError, TypeError)
"""What numpy raises of a damaged file: it reads headers as Python."""


class CacheError(FormatError):
    """Prepared data that is damaged or of another version."""


@dataclass(frozen=True, eq=False)
class Stored:
    """Prepared data, mapped into memory.

    Arguments:
        events: of all samples.
        facts: of all samples.
        lengths: valid steps of each sample.
        step_ms: width of a step; None where steps have no duration.
    """

    events: StoredEvents
    facts: Facts
    lengths: npt.NDArray[np.int64]
    step_ms: float | None


def held_in_memory(framed: Framed) -> Stored:
    """What `read_stored` gives, of a small data set that is not worth a file."""
    blocks = list(framed.blocks)
    ends = np.concatenate([[0], np.cumsum([block.n_events for block in blocks])])
    offsets = np.concatenate([[0], *(block.offsets[1:] + end for block, end in zip(blocks, ends))])
    value = None
    if framed.value_type is not None:
        ones = (np.ones(block.n_events, np.int32) if block.value is None else block.value for block in blocks)
        value = np.concatenate(list(ones))
    step, neuron = (np.concatenate([getattr(block, name) for block in blocks]) for name in ("step", "neuron"))
    events = StoredEvents(step, neuron, value, offsets, framed.n_steps, framed.shape)
    labels, groups, lengths, parts = (np.asarray(getattr(framed, name), np.int64) for name in _PER_SAMPLE)
    return Stored(events, Facts(labels, groups, parts, framed.classes), lengths, framed.step_ms)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time prepare what goes to `folder`; what killed ones left beside it is removed.

    A process that has to wait says for whom.

    Raises:
        LapilliError: when the folder's parent cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder.parent, error) from error
    with waited_for(_lock(folder), f"prepared data {folder}", _say):
        remove_leftovers(folder.parent, folder.name)
        yield


def remove_stale_lock(folder: Path) -> None:
    """Remove the lock of a process that was killed when its data was in place already; that of a living one stays."""
    if (lock := _lock(folder)).exists():
        # Whoever may only read the folder leaves it there.
        with suppress(LapilliError), held(lock, f"prepared data {folder}"):
            pass


def _lock(folder: Path) -> Path:
    return folder.parent / f".{folder.name}.lock"


def write_stored(folder: Path, framed: Framed, about: Mapping[str, Any], advance: Callable[[int], None]) -> None:
    """Write a data set to `folder`; what stands there is replaced.

    Arguments:
        folder: where it goes.
        framed: read to its end.
        about: more facts for `meta.json`.
        advance: called with the number of samples that were written.

    Raises:
        LapilliError: when the folder cannot be written; nothing is left behind.
    """
    temporary: Path | None = None
    try:
        with undisturbed():
            temporary = Path(tempfile.mkdtemp(prefix=part_prefix(folder.name), suffix=".part", dir=folder.parent))
        sums = _write_arrays(temporary, framed, advance)
        meta = {
            "format": FORMAT,
            **about,
            "shape": list(framed.shape),
            "n_steps": framed.n_steps,
            "step_ms": framed.step_ms,
            "classes": list(framed.classes),
            "arrays": sums,
        }
        (temporary / "meta.json").write_text(json.dumps(meta, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        for file in temporary.iterdir():
            with open(file, "rb") as written:
                os.fsync(written.fileno())
        temporary.chmod(0o755)
        if folder.exists():
            remove(folder)
        temporary.rename(folder)
    except OSError as error:
        raise _unwritable(folder.parent, error) from error
    finally:
        if temporary is not None:
            with undisturbed():
                shutil.rmtree(temporary, ignore_errors=True)


def remove(folder: Path) -> None:
    """Remove prepared data, in one moment for those who look for it.

    Raises:
        LapilliError: when it cannot be removed.
    """
    try:
        with undisturbed():
            away = Path(tempfile.mkdtemp(prefix=part_prefix(folder.name), suffix=".part", dir=folder.parent))
            folder.rename(away / "old")
            shutil.rmtree(away)
    except OSError as error:
        raise _unwritable(folder.parent, error) from error


def read_stored(folder: Path) -> Stored:
    """Map prepared data; the time that takes does not depend on the number of events, which `check_sums` checks.

    Raises:
        CacheError: when the folder is no such data, of another version, its files do not fit together, or what it says
            of each sample does not have its checksum.
    """
    meta = _read_meta(folder)
    if problems := _wrong_sums(folder, {n: meta["arrays"][n] for n in _OF_SAMPLES if n in meta["arrays"]}):
        raise CacheError(str(folder), problems)
    arrays = {name: _map(folder, name, facts) for name, facts in meta["arrays"].items()}
    try:
        sizes = {name: len(array) for name, array in arrays.items()}
        n_events, n_samples = sizes["step"], sizes["offsets"] - 1
        value = arrays.get("value")
        fits = sizes["neuron"] == n_events and (value is None or len(value) == n_events)
        fits &= all(sizes[name] == n_samples for name in _PER_SAMPLE)
        offsets = arrays["offsets"].astype(np.int64)
        fits &= bool(n_samples >= 0 and offsets[0] == 0 and offsets[-1] == n_events and np.all(np.diff(offsets) >= 0))
        shape, n_steps = tuple(int(side) for side in meta["shape"]), int(meta["n_steps"])
        step_ms = None if meta["step_ms"] is None else float(meta["step_ms"])
        if not fits or len(shape) not in (1, 3) or min(shape) < 1 or not 1 <= n_steps <= MAX_STEPS:
            raise CacheError(str(folder), ["its arrays do not fit together"])
        events = StoredEvents(arrays["step"], arrays["neuron"], value, offsets, n_steps, shape)
        labels, groups, lengths, parts = (arrays[name].astype(np.int64) for name in _PER_SAMPLE)
        classes = tuple(str(name) for name in meta.get("classes", ()))
    except (KeyError, TypeError, ValueError) as error:
        raise CacheError(str(folder), [f"meta.json is damaged ({error})"]) from error
    return Stored(events, Facts(labels, groups, parts, classes), lengths, step_ms)


def check_sums(folder: Path) -> None:
    """Read everything and compare it with its checksums.

    Raises:
        CacheError: naming the files that differ.
    """
    if problems := _wrong_sums(folder, _read_meta(folder)["arrays"]):
        raise CacheError(str(folder), problems)


def _wrong_sums(folder: Path, arrays: Mapping[str, Mapping[str, Any]]) -> list[str]:
    problems = []
    for name, facts in arrays.items():
        array, found = _map(folder, name, facts), 0
        for first in range(0, len(array), _BLOCK):
            found = zlib.crc32(array[first : first + _BLOCK].data, found)
        if found != facts.get("crc32"):
            problems.append(f"{name}.npy does not have its checksum")
    return problems


def _say(sentence: str) -> None:
    print(f"lapilli: {sentence}", file=sys.stderr)


def _write_arrays(folder: Path, framed: Framed, advance: Callable[[int], None]) -> dict[str, Any]:
    """Write all arrays; returns type, length and checksum of each."""
    n_samples = len(framed.labels)
    largest = {"step": framed.n_steps - 1, "neuron": prod(framed.shape) - 1}
    types = {name: np.min_scalar_type(max(most, 1 << 8)).str for name, most in largest.items()}
    if framed.value_type is not None:
        types["value"] = framed.value_type
    offsets = [np.zeros(1, np.int64)]
    with ExitStack() as stack:
        files = {name: stack.enter_context(_growing(folder, name, dtype)) for name, dtype in types.items()}
        for block in framed.blocks:
            if framed.value_type is None and block.value is not None:
                raise AssertionError("graded spikes without a type for what they carry")
            arrays = {"step": block.step, "neuron": block.neuron, "value": block.value}
            for name, file in files.items():
                array = arrays[name]
                file.append(np.ones(block.n_events, np.int32) if array is None else array)
            offsets.append(block.offsets[1:] + offsets[-1][-1])
            advance(len(block))
        facts = {name: file.facts for name, file in files.items()}
    per_sample = {name: getattr(framed, name) for name in _PER_SAMPLE} | {"offsets": np.concatenate(offsets)}
    for name, array in per_sample.items():
        with _growing(folder, name, "<i8") as file:
            file.append(array)
        facts[name] = file.facts
    if len(per_sample["offsets"]) != n_samples + 1:
        raise AssertionError(f"{len(per_sample['offsets']) - 1} samples were framed, {n_samples} announced")
    return facts


class _GrowingArray:
    """A one-dimensional `.npy` file whose length is written at the end.

    Arguments:
        file: open for writing.
        dtype: of the entries.
    """

    def __init__(self, file: IO[bytes], dtype: str) -> None:
        self.facts: dict[str, Any] = {"dtype": np.dtype(dtype).newbyteorder("<").str, "length": 0, "crc32": 0}
        self._file = file
        self._header()
        self._start = file.tell()

    def append(self, array: IntArray) -> None:
        content = array.astype(self.facts["dtype"])
        if not np.array_equal(content, array):
            raise AssertionError(f"{array.min()}…{array.max()} do not fit {self.facts['dtype']}")
        self._file.write(content.data)
        self.facts["length"] += len(content)
        self.facts["crc32"] = zlib.crc32(content.data, self.facts["crc32"])

    def finish(self) -> None:
        self._file.seek(0)
        self._header()
        assert self._file.tell() == self._start

    def _header(self) -> None:
        # numpy pads headers of rising lengths to the same size.
        facts = {"descr": self.facts["dtype"], "fortran_order": False, "shape": (self.facts["length"],)}
        np.lib.format.write_array_header_1_0(self._file, facts)


@contextmanager
def _growing(folder: Path, name: str, dtype: str) -> Iterator[_GrowingArray]:
    with open(folder / f"{name}.npy", "wb") as file:
        array = _GrowingArray(file, dtype)
        yield array
        array.finish()


def _read_meta(folder: Path) -> dict[str, Any]:
    try:
        meta = read_json((folder / "meta.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CacheError(str(folder), [f"meta.json cannot be read ({error})"]) from error
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise CacheError(str(folder), [f"must be of format {FORMAT}"])
    if not isinstance(meta.get("arrays"), dict) or not all(isinstance(f, dict) for f in meta["arrays"].values()):
        raise CacheError(str(folder), ["meta.json names no arrays"])
    return meta


def _map(folder: Path, name: str, facts: Mapping[str, Any]) -> npt.NDArray[Any]:
    try:
        file = folder / f"{name}.npy"
        # A file without entries cannot be mapped.
        mapped = np.load(file, mmap_mode="r" if facts.get("length") else None, allow_pickle=False)
    except _UNREADABLE as error:
        raise CacheError(str(folder), [f"{name}.npy cannot be read ({error})"]) from error
    if mapped.ndim != 1 or mapped.dtype.kind not in "iu" or mapped.dtype.str != facts.get("dtype"):
        raise CacheError(str(folder), [f"{name}.npy: must be integers of type {facts.get('dtype')}"])
    if len(mapped) != facts.get("length"):
        raise CacheError(str(folder), [f"{name}.npy: must have {facts.get('length')} entries, got {len(mapped)}"])
    # Slices of plain arrays are made much faster than those of numpy's class for maps.
    return np.asarray(mapped)


def _unwritable(folder: Path, error: OSError) -> LapilliError:
    return LapilliError(
        f"cannot write prepared data to {folder}: {error.strerror or error}; set LAPILLI_DATA to a folder with room"
    )
