"""Reading `.npz` files from strangers: no pickles, integers unless asked, no memory taken on a header's word."""

import os
import zipfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import prod
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import FormatError, LapilliError
from lapilli.netx_exports.files import PathLike, begins_as, existing_file

MAX_MEMBERS = 1 << 15
"""Arrays of an archive: each that is open takes about 8 kB."""

# Deflate cannot compress further; more is a lie in the archive's directory. Less would refuse the states of a network
# that is silent, and spikes of one in which all neurons spike.
_MAX_INFLATION = 1100
_FREE_BYTES = 1 << 26
_KINDS = {"i": "integers", "f": "floats", "S": "bytes", "U": "text"}


@dataclass
class MemberReader:
    """An array in an archive, read in order.

    Arguments:
        shape, dtype: from the array's header, which was compared with the size of what follows.
        file: stands behind the header.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    file: IO[bytes]

    def read(self, n: int) -> npt.NDArray[Any]:
        """The next `n` entries of a one-dimensional array."""
        block = self.file.read(n * self.dtype.itemsize)
        if len(block) != n * self.dtype.itemsize:
            raise EOFError("ends too early")
        return np.frombuffer(block, self.dtype)

    def read_all(self) -> npt.NDArray[Any]:
        """The whole array."""
        return self.read(prod(self.shape)).reshape(self.shape)


def read_arrays(
    path: PathLike, error_type: type[FormatError], known: Collection[str] | None = None
) -> dict[str, npt.NDArray[Any]]:
    """All arrays of an `.npz` file.

    Arguments:
        path: the file.
        error_type: raised for what is wrong inside of the file.
        known: names that arrays may have; one of another name is refused before anything is read. None: any.

    Raises:
        LapilliError: when the file cannot be read.
        FormatError: of `error_type`, when it is no such archive, damaged, or holds anything but integers.
    """
    with open_members(path, error_type, known=known) as members:
        return {name: member.read_all() for name, member in members.items()}


@contextmanager
def open_members(
    path: PathLike, error_type: type[FormatError], kinds: str = "iu", known: Collection[str] | None = None
) -> Iterator[dict[str, MemberReader]]:
    """All arrays of an `.npz` file, to be read in order; raises as `read_arrays`, within the block too.

    Arguments:
        path, error_type, known: as of `read_arrays`.
        kinds: numpy's letters of the kinds of types that are taken; f is floats, S and U are texts.
    """
    file = existing_file(path)
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(file))
            if problems := _directory_problems(archive, known):
                raise error_type(str(path), problems)
            yield _open(archive, stack, str(path), error_type, kinds)
        except (LapilliError, MemoryError):
            raise
        except (zipfile.BadZipFile, zipfile.LargeZipFile) as error:
            found = begins_as(file)
            other = found if found and "npz" not in found else f"or a damaged one ({error})"
            raise error_type(str(path), [f"not an npz file, {other}"]) from error
        except Exception as error:
            # Damaged archives make zipfile, zlib and numpy raise errors of many unrelated types.
            raise error_type(str(path), [f"damaged ({error})"]) from error


def _directory_problems(archive: zipfile.ZipFile, known: Collection[str] | None) -> list[str]:
    """What an archive's directory alone tells; nothing of its members is read."""
    entries = archive.infolist()
    if len(entries) > MAX_MEMBERS:
        return [f"must hold at most {MAX_MEMBERS} arrays, got {len(entries)}"]
    problems: list[str] = []
    names: set[str] = set()
    for info in entries:
        name = _name(info)
        if name in names:
            problems.append(f"{name}: stands in the archive twice")
        elif known is not None and name not in known:
            problems.append(f"{name}: unknown entry")
        elif info.comment:
            # numpy writes none; a damaged length makes one of the entries that follow, which would then be missing.
            problems.append(f"{name}: has a comment of {len(info.comment)} bytes")
        elif info.file_size > _MAX_INFLATION * info.compress_size + _FREE_BYTES:
            problems.append(f"{name}: claims {info.file_size} bytes in {info.compress_size}")
        names.add(name)
    # Entries may lie over each other: what counts is their sum.
    claimed, size = sum(info.file_size for info in entries), os.stat(str(archive.filename)).st_size
    if not problems and claimed > _MAX_INFLATION * size + _FREE_BYTES:
        problems.append(f"its arrays claim {claimed} bytes in {size}")
    return problems


def _open(
    archive: zipfile.ZipFile, stack: ExitStack, path: str, error_type: type[FormatError], kinds: str
) -> dict[str, MemberReader]:
    problems: list[str] = []
    members: dict[str, MemberReader] = {}
    for info in archive.infolist():
        name = _name(info)
        file = stack.enter_context(archive.open(info))
        shape, fortran_order, dtype = _header(file)
        # Reading all that a member holds makes zipfile compare its checksum: a header that claims less would evade it.
        complete = min(shape, default=0) >= 0 and file.tell() + dtype.itemsize * prod(shape) == info.file_size
        if dtype.hasobject or dtype.kind not in kinds or (fortran_order and len(shape) > 1) or not complete:
            wanted = ", ".join(_KINDS[kind] for kind in kinds if kind != "u")
            problems.append(f"{name}: must be {wanted} and complete, got {dtype} of shape {shape}")
            continue
        members[name] = MemberReader(shape, dtype, file)
    if problems:
        raise error_type(path, problems)
    return members


def _name(info: zipfile.ZipInfo) -> str:
    return info.filename.removesuffix(".npy")


def _header(member: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(member)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"unknown npy version {version}")
    try:
        shape, fortran_order, dtype = readers[version](member)
    except (MemoryError, RecursionError) as error:
        raise ValueError("a header of brackets within brackets") from error
    return shape, fortran_order, dtype
