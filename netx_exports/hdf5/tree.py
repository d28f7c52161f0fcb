"""HDF5 files read with suspicion: groups and datasets of bounded size, everything else a problem with its path."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import FormatError, LapilliError
from lapilli.netx_exports.files import PathLike, begins_as, existing_file
from lapilli.netx_exports.hdf5.heap_strings import HeapStrings
from lapilli.netx_exports.hdf5.local_heaps import endless_heap
from lapilli.netx_exports.hdf5.problems import Problems

MAX_OBJECTS = 1 << 16
"""Groups and datasets that a file may have."""

MAX_CHILDREN = 1 << 12
"""Groups and datasets of one group: to look at one takes h5py a part of a millisecond, and links cost a file little."""

MAX_STRINGS = 4 * MAX_OBJECTS
"""Strings that an array may have."""

MAX_DEPTH = 8
MAX_TEXT = 1 << 10
MAX_ATTRIBUTE = 1 << 16

# Deflate inflates by up to 1032; real weights by far less, so only small files may claim that much.
_MAX_INFLATION = 100
_FREE_BYTES = 1 << 26
_MAX_CHUNK_BYTES = 1 << 28
_MAX_CHUNKS = 1 << 14

# Deflate, shuffle, checksum: what h5py's own options give. Anything else may load a plugin from a path.
_FILTERS = {1, 2, 3}

Values = npt.NDArray[Any]


@dataclass(frozen=True)
class Group:
    """A group as read: what is in it and where it is.

    Arguments:
        path: path inside the file, without leading slash; "" is the root.
        groups, datasets: by name; datasets hold numbers, bytes for a single string, or an array of strings.
        attributes: of the root only, strings that are lapilli's.
        unreadable: names whose problem was reported already.
        empty: names of datasets that hold nothing, as h5py writes them where neither a shape nor a value is given.
    """

    path: str
    groups: Mapping[str, "Group"] = field(default_factory=dict)
    datasets: Mapping[str, Values | bytes] = field(default_factory=dict)
    attributes: Mapping[str, bytes] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()
    empty: frozenset[str] = frozenset()

    def at(self, name: str) -> str:
        """How a problem names the child `name`."""
        return f"`{self.path}/{name}`" if self.path else f"`{name}`"

    def names(self) -> set[str]:
        """All children that say something."""
        return {*self.groups, *self.datasets, *self.unreadable}


def read_tree(path: PathLike, wanted: frozenset[str], problems: Problems) -> Group:
    """Everything below the `wanted` children of the root; of the other children only the names.

    Arguments:
        path: an HDF5 file.
        wanted: names in the root to read.
        problems: receives one phrase for each part that is not a plain group or a dataset of sane size.

    Raises:
        LapilliError: when the file cannot be opened.
        FormatError: when it is not an HDF5 file or a damaged one.
    """
    file_path = existing_file(path)
    try:
        with open(file_path, "rb") as raw, h5py.File(file_path, "r", locking=False) as file:
            file_size = os.fstat(raw.fileno()).st_size
            plist = file.id.get_create_plist()
            numbering = (plist.get_userblock(), *plist.get_sizes())
            if (place := endless_heap(raw.fileno(), file_size, *numbering)) is not None:
                raise FormatError(str(path), [f"damaged (free blocks in a circle at byte {place})"])
            strings = HeapStrings(raw.fileno(), file_size, *numbering)
            return _Walk(strings, file_size, str(path), problems).root(file, wanted)
    except LapilliError:
        raise
    except MemoryError as error:
        raise FormatError(str(path), ["asks for more memory than there is"]) from error
    except Exception as error:
        # h5py raises nearly every built-in exception for damaged files; none of them tells a user more than this.
        found = begins_as(file_path)
        reason = "it is cut off" if "truncated file" in str(error) else _first_line(error)
        other = found if found and "HDF5" not in found else f"or a damaged one ({reason})"
        raise FormatError(str(path), [f"not an HDF5 file, {other}"]) from error


@dataclass
class _Walk:
    """One reading of one file, within what its size allows."""

    strings: HeapStrings
    file_size: int
    subject: str
    problems: Problems
    n_objects: int = 0
    n_bytes: int = 0
    read: dict[int, Values | bytes] = field(default_factory=dict)

    def root(self, file: h5py.File, wanted: frozenset[str]) -> Group:
        names = frozenset(_names(file))
        kept = self.group(file, "", sorted(names & wanted), [])
        attributes = dict(self.attributes(file))
        return Group("", kept.groups, kept.datasets, attributes, kept.unreadable | (names - wanted), kept.empty)

    def group(self, group: h5py.Group, path: str, names: list[str], above: list[h5py.Group]) -> Group:
        if len(names) > MAX_CHILDREN:
            phrase = f"`{path}`: holds {len(names)} groups and datasets, more than {MAX_CHILDREN}"
            raise FormatError(self.subject, [phrase])
        groups: dict[str, Group] = {}
        datasets: dict[str, Values | bytes] = {}
        unreadable, empty = set(), set()
        above = [*above, group]
        for name in names:
            where = f"{path}/{name}" if path else name
            self.n_objects += 1
            if self.n_objects > MAX_OBJECTS:
                raise FormatError(self.subject, [f"holds more than {MAX_OBJECTS} groups and datasets"])
            try:
                child = self.child(group, name)
                if isinstance(child, h5py.Group):
                    if child in above or len(above) > MAX_DEPTH:
                        raise _RefusedError("is a group inside itself" if child in above else "lies too deep")
                    groups[name] = self.group(child, where, _names(child), above)
                elif child.shape is None:
                    empty.add(name)
                else:
                    datasets[name] = self.read_once(child)
            except LapilliError:
                raise
            except _RefusedError as error:
                unreadable.add(name)
                self.problems.wrong.append(f"`{where}`: {error}")
            except Exception as error:
                unreadable.add(name)
                self.problems.wrong.append(f"`{where}`: damaged ({_first_line(error)})")
        return Group(path, groups, datasets, {}, frozenset(unreadable), frozenset(empty))

    def child(self, group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
        link = group.get(name, getlink=True)
        if link is None:
            raise _RefusedError("has a name that is not UTF-8")
        if not isinstance(link, h5py.HardLink):
            raise _RefusedError(f"must be in this file itself, got {type(link).__name__}")
        child = group[name]
        if not isinstance(child, (h5py.Group, h5py.Dataset)):
            raise _RefusedError(f"must be a group or a dataset, got {type(child).__name__}")
        return child

    def read_once(self, dataset: h5py.Dataset) -> Values | bytes:
        """What a dataset holds, read when the first of its links is come to."""
        place = int(h5py.h5o.get_info(dataset.id).addr)
        if place not in self.read:
            self.read[place] = self.dataset(dataset)
        return self.read[place]

    def dataset(self, dataset: h5py.Dataset) -> Values | bytes:
        shape, dtype = dataset.shape, dataset.dtype
        self.check_storage(dataset, prod(shape) * dtype.itemsize)
        text = h5py.check_string_dtype(dtype)
        if text is not None:
            return self.text(dataset, text.length)
        if dtype.kind not in "iufb" or dtype.itemsize > 8 or dtype.hasobject:
            raise _RefusedError(f"must be numbers, got {dtype}")
        return np.asarray(dataset[()])

    def check_storage(self, dataset: h5py.Dataset, n_bytes: int) -> None:
        plist = dataset.id.get_create_plist()
        if dataset.is_virtual or plist.get_external_count():
            raise _RefusedError("must be in this file itself, got storage in other files")
        stored = dataset.id.get_storage_size()
        claim = f"claims shape {dataset.shape} of {dataset.dtype}, but holds {stored} bytes"
        if stored > self.file_size:
            raise _RefusedError(f"claims {stored} stored bytes in a file of {self.file_size}")
        chunk, n_chunks = 0, 1
        if plist.get_layout() == h5py.h5d.CHUNKED:
            filters = {plist.get_filter(i)[0] for i in range(plist.get_nfilters())}
            if filters - _FILTERS:
                raise _RefusedError(f"must be stored plain or with gzip, got filters {sorted(filters)}")
            chunk = prod(dataset.chunks) * dataset.dtype.itemsize
            n_chunks = prod(-(-side // part) for side, part in zip(dataset.shape, dataset.chunks))
        elif n_bytes > stored:
            raise _RefusedError(claim)
        # One file may hold many small bombs: what counts is their sum.
        inflated = max(self.n_bytes + n_bytes, chunk) > _FREE_BYTES + _MAX_INFLATION * self.file_size
        if inflated or chunk > _MAX_CHUNK_BYTES or n_chunks > _MAX_CHUNKS:
            raise _RefusedError(claim)
        self.n_bytes += n_bytes

    def text(self, dataset: h5py.Dataset, length: int | None) -> Values | bytes:
        """One string, or an array of several, which the edges of NIR are."""
        if prod(dataset.shape) > MAX_STRINGS:
            raise _RefusedError(f"must be at most {MAX_STRINGS} strings")
        if length is None:
            strings = list(self.heap_texts(dataset))
        else:
            strings = [bytes(value) for value in dataset[()].reshape(-1)] if length <= MAX_TEXT else []
        if len(strings) < prod(dataset.shape):
            raise _RefusedError(f"must be a string of at most {MAX_TEXT} bytes")
        return strings[0] if len(strings) == 1 else np.array(strings, "S").reshape(dataset.shape)

    def heap_texts(self, dataset: h5py.Dataset) -> Iterator[bytes]:
        """Strings of variable length up to the first that cannot be read."""
        offset, width = dataset.id.get_offset(), 8 + self.strings.address_width
        for index in range(0 if offset is None else prod(dataset.shape)):
            value = self.strings.read(offset + index * width, MAX_TEXT)
            if value is None:
                return
            yield value

    def attributes(self, file: h5py.File) -> Iterator[tuple[str, bytes]]:
        for name in [name for name in file.attrs if name.startswith("lapilli")][:MAX_OBJECTS]:
            attribute = file.attrs.get_id(name)
            if attribute.shape != () or attribute.dtype.kind != "S" or attribute.dtype.itemsize > MAX_ATTRIBUTE:
                self.problems.wrong.append(f"attribute `{name}`: must be one string of fixed length")
                continue
            yield name, bytes(file.attrs[name])


class _RefusedError(Exception):
    """Why a part of the file is not read."""


def _names(group: h5py.Group) -> list[str]:
    # h5py gives names that are not UTF-8 as bytes. Written out, no lookup finds them, which becomes a problem.
    return [name if isinstance(name, str) else ascii(name) for name in group]


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
