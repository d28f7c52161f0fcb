"""All data sets by name, and prepared ones: framed once, cached, mapped into memory."""

import hashlib
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError, did_you_mean, one_of
from lapilli.training.data.audio import SPOKEN_DIGITS
from lapilli.training.data.braille import BRAILLE
from lapilli.training.data.cache import (
    FORMAT,
    CacheError,
    Stored,
    check_sums,
    held_in_memory,
    locked,
    read_stored,
    remove,
    remove_stale_lock,
    write_stored,
)
from lapilli.training.data.cameras import NMNIST_SMALL
from lapilli.training.data.cochlea import SHD_REGENERATED
from lapilli.training.data.folders import data_folder, find_file, listed, needed_files
from lapilli.training.data.framing import Framing, Split, check_taken
from lapilli.training.data.grasps import EV_CONTAINERS, EV_OBJECTS
from lapilli.training.data.held_out_images import CIFAR10_HELD_OUT
from lapilli.training.data.images import CIFAR10_PART, MNIST, MNIST_ROWS, SKLEARN_DIGITS
from lapilli.training.data.motion import HAPT
from lapilli.training.data.official.catalogue import OFFICIAL
from lapilli.training.data.origins import ORIGINS, packed_files
from lapilli.training.data.progress import progress_bar
from lapilli.training.data.samples import Samples
from lapilli.training.data.sets import NO_PART, PARTS, DataSet, PartName
from lapilli.training.data.spectrograms import SPEECH_COMMANDS_SPECTROGRAMS
from lapilli.training.data.touch import STEMNIST_CIRCUIT_SPIKES, STEMNIST_CIRCUIT_SPIKES_STRATIFIED
from lapilli.training.data.turning_objects import DVS_OBJECTS

_ALL = (
    *(SKLEARN_DIGITS, SHD_REGENERATED, SPEECH_COMMANDS_SPECTROGRAMS, SPOKEN_DIGITS),
    *(STEMNIST_CIRCUIT_SPIKES, STEMNIST_CIRCUIT_SPIKES_STRATIFIED, EV_OBJECTS, EV_CONTAINERS),
    *(BRAILLE, DVS_OBJECTS),
    *(HAPT, NMNIST_SMALL, MNIST, MNIST_ROWS, CIFAR10_PART, CIFAR10_HELD_OUT, *OFFICIAL),
)

_NAMED = 10
"""Recordings that a sentence names."""

DATA_SETS: dict[str, DataSet] = {found.name: found for found in _ALL}
"""Every data set that lapilli knows."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data set, framed.

    Arguments:
        name: of the data set.
        classes: names of the classes.
        step_ms: width of a step in ms; None where steps have no duration.
        parts: the samples of each part.
        folder: where it is cached; None where it is made anew each time.
        skipped: numbers of the recordings without events, which are in no part.
    """

    name: str
    classes: tuple[str, ...]
    step_ms: float | None
    parts: dict[PartName, Samples]
    folder: Path | None
    skipped: npt.NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the input, (channels,) or (C, H, W)."""
        return self.parts["train"].shape

    @property
    def n_steps(self) -> int:
        """Steps of every sample."""
        return self.parts["train"].n_steps

    def part(self, part: PartName) -> Samples:
        """The samples of "train", "validation" or "test".

        Raises:
            LapilliError: for another word.
        """
        if part not in get_args(PartName):
            raise LapilliError(f"part: {one_of(part, PARTS)}")
        return self.parts[part]


def data_set(name: str) -> DataSet:
    """A data set by its name.

    Raises:
        LapilliError: naming the known ones.
    """
    if name not in DATA_SETS:
        hint = did_you_mean(name, DATA_SETS) or f"; data sets are {', '.join(DATA_SETS)}"
        raise LapilliError(f"unknown data set {name!r}{hint}")
    return DATA_SETS[name]


def prepared(
    name: str,
    framing: Framing = Framing(),
    split: Split = Split(),
    progress: bool = True,
) -> Prepared:
    """A data set as samples of equally many steps; the first call frames it, later ones map what that one wrote.

    Arguments:
        name: of the data set.
        framing: how recordings become steps.
        split: which samples belong to which part.
        progress: whether to show a progress bar while framing.

    Raises:
        LapilliError: for an unknown name, choices that the data set does not have, missing files, a cache that cannot
            be written.
        DataError: for damaged files, with every problem found.
    """
    found = data_set(name)
    check_taken(name, framing, found.framing)
    check_taken(name, split, found.split)
    if not found.files:
        return _divided(found, held_in_memory(found.frame((), framing)), split, None)
    paths = _files(found)
    sources = [_source(path, file) for path, file in zip(paths, found.files)]
    folder = cache_folder(found, framing, sources)
    stored = _opened(folder)
    if stored is None:
        with locked(folder):
            # Another process may have done it meanwhile.
            stored = _opened(folder) or _framed(found, framing, paths, sources, folder, progress)
    remove_stale_lock(folder)
    return _divided(found, stored, split, folder)


def whole(found: Prepared) -> Prepared:
    """Prepared data whose events have their checksums, too: what a training reads once, before it begins.

    What is left out of it is said on the error stream.

    Raises:
        CacheError: naming the files that differ, and how they are made anew.
    """
    if found.folder is not None:
        try:
            check_sums(found.folder)
        except CacheError as error:
            raise CacheError(
                error.subject, [*error.problems, f"`lapilli data prepare {found.name}` mends it"]
            ) from error
    if len(found.skipped):
        print(f"lapilli: {skipped_words(found)}", file=sys.stderr)
    return found


def skipped_words(found: Prepared) -> str:
    """How many recordings are left out, and which."""
    numbers = ", ".join(map(str, found.skipped[:_NAMED].tolist())) + (", …" if len(found.skipped) > _NAMED else "")
    return f"empty recordings of {found.name} that are left out: {len(found.skipped):,} ({numbers})"


def remove_damaged(name: str, framing: Framing = Framing()) -> bool:
    """Compare what is cached of a data set with its checksums, and remove it if it differs.

    Arguments:
        name, framing: as of `prepared`.

    Returns:
        Whether something was removed.

    Raises:
        LapilliError: for an unknown name, choices that it does not have, a cache that cannot be written.
    """
    found = data_set(name)
    check_taken(name, framing, found.framing)
    paths = [path for file in found.files if (path := find_file(file)) is not None]
    sources = [_source(path, file) for path, file in zip(paths, found.files)]
    folder = cache_folder(found, framing, sources)
    if len(paths) < len(found.files) or not folder.exists():
        return False
    try:
        check_sums(folder)
        return False
    except CacheError:
        with locked(folder):
            remove(folder)
        return True


def cached_folders(name: str) -> list[Path]:
    """Folders of all framings of a data set that are cached."""
    folder = data_folder() / "prepared"
    return sorted(path for path in folder.glob("*") if re.fullmatch(f"{re.escape(name)}-[0-9a-f]{{16}}", path.name))


def cache_folder(found: DataSet, framing: Framing, sources: Sequence[dict[str, Any]]) -> Path:
    """Where a framed data set is cached: the name has a hash of all that decides about its content."""
    facts = {"format": FORMAT, "framing": _taken(found, framing), "sources": list(sources)}
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    return data_folder() / "prepared" / f"{found.name}-{key}"


def _files(found: DataSet) -> tuple[Path, ...]:
    """Paths of a data set's files, downloaded where they are missing and somebody offers them."""
    if found.name in ORIGINS:
        return packed_files(found.name)
    missing = [file for file in found.files if find_file(file) is None]
    if found.fetch is not None and missing:
        where = f"{listed(missing)} in {data_folder()}"
        facts = f"origin {found.origin}, licence {found.licence}"
        print(f"lapilli: data set {found.name} lacks {where}; {facts}", file=sys.stderr)
        found.fetch(data_folder())
    return needed_files(found.name, found.files, found.origin)


def _opened(folder: Path) -> Stored | None:
    """What is cached; None where nothing is, or something damaged that is to be made anew."""
    if not folder.exists():
        return None
    try:
        return read_stored(folder)
    except CacheError as error:
        print(f"lapilli: {error}; it is made anew", file=sys.stderr)
        return None


def _framed(
    found: DataSet,
    framing: Framing,
    paths: Sequence[Path],
    sources: Sequence[dict[str, Any]],
    folder: Path,
    progress: bool,
) -> Stored:
    framed = found.frame(paths, framing)
    about = {"name": found.name, "framing": _taken(found, framing), "sources": list(sources)}
    with progress_bar(f"preparing {found.name}", len(framed.labels), progress) as advance:
        write_stored(folder, framed, about, advance)
    return read_stored(folder)


def _divided(found: DataSet, stored: Stored, split: Split, folder: Path | None) -> Prepared:
    parts, classes = found.divide(stored.facts, split)
    skipped = np.flatnonzero((stored.facts.parts == NO_PART) & (stored.lengths == 0))
    everything = Samples(stored.events, np.arange(len(parts)), stored.facts.labels, stored.facts.groups, stored.lengths)
    samples = {name: everything.subset(np.flatnonzero(parts == number)) for number, name in enumerate(PARTS)}
    return Prepared(found.name, classes, stored.step_ms, samples, folder, skipped)


def _taken(found: DataSet, framing: Framing) -> dict[str, Any]:
    taken = {name: value for name, value in asdict(framing).items() if name in found.framing}
    if not framing.skip_empty:
        # It is newer than data that was prepared without it, and is the same.
        taken.pop("skip_empty", None)
    return taken


def _source(path: Path, file: str) -> dict[str, Any]:
    facts = path.stat()
    return {"file": file, "bytes": facts.st_size, "mtime_ns": facts.st_mtime_ns}
