"""Reading `.npz` files from strangers: no pickles, integers unless asked, no memory taken on a header's word."""

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import prod
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import FormatError, LapilliError
from lapilli.netx_exports.files import PathLike, existing_file

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


def read_arrays(path: PathLike, error_type: type[FormatError]) -> dict[str, npt.NDArray[Any]]:
    """All arrays of an `.npz` file.

    Arguments:
        path: the file.
        error_type: raised for what is wrong inside of the file.

    Raises:
        LapilliError: when the file cannot be read.
        FormatError: of `error_type`, when it is no such archive, damaged, or holds anything but integers.
    """
    with open_members(path, error_type) as members:
        return {name: member.read_all() for name, member in members.items()}


@contextmanager
def open_members(path: PathLike, error_type: type[FormatError], kinds: str = "iu") -> Iterator[dict[str, MemberReader]]:
    """All arrays of an `.npz` file, to be read in order; raises as `read_arrays`, within the block too.

    Arguments:
        path, error_type: as of `read_arrays`.
        kinds: numpy's letters of the kinds of types that are taken; f is floats, S and U are texts.
    """
    file = existing_file(path)
    with ExitStack() as stack:
        try:
            yield _open(stack.enter_context(zipfile.ZipFile(file)), stack, str(path), error_type, kinds)
        except (LapilliError, MemoryError):
            raise
        except (zipfile.BadZipFile, zipfile.LargeZipFile) as error:
            raise error_type(str(path), [f"not an npz file, or a damaged one ({error})"]) from error
        except Exception as error:
            # Damaged archives make zipfile, zlib and numpy raise errors of many unrelated types.
            raise error_type(str(path), [f"damaged ({error})"]) from error


def _open(
    archive: zipfile.ZipFile, stack: ExitStack, path: str, error_type: type[FormatError], kinds: str
) -> dict[str, MemberReader]:
    problems: list[str] = []
    members: dict[str, MemberReader] = {}
    if len(archive.infolist()) > MAX_MEMBERS:
        raise error_type(path, [f"must hold at most {MAX_MEMBERS} arrays, got {len(archive.infolist())}"])
    names: set[str] = set()
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name in names:
            problems.append(f"{name}: stands in the archive twice")
            continue
        names.add(name)
        if info.comment:
            # numpy writes none; a damaged length makes one of the entries that follow, which would then be missing.
            problems.append(f"{name}: has a comment of {len(info.comment)} bytes")
            continue
        if info.file_size > _MAX_INFLATION * info.compress_size + _FREE_BYTES:
            problems.append(f"{name}: claims {info.file_size} bytes in {info.compress_size}")
            continue
        file = stack.enter_context(archive.open(info))
        shape, fortran_order, dtype = _header(file)
        # Reading all that a member holds makes zipfile compare its checksum: a header that claims less would evade it.
        complete = file.tell() + dtype.itemsize * prod(shape) == info.file_size
        if dtype.hasobject or dtype.kind not in kinds or (fortran_order and len(shape) > 1) or not complete:
            wanted = ", ".join(_KINDS[kind] for kind in kinds if kind != "u")
            problems.append(f"{name}: must be {wanted} and complete, got {dtype} of shape {shape}")
            continue
        members[name] = MemberReader(shape, dtype, file)
    if problems:
        raise error_type(path, problems)
    return members


def _header(member: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(member)
    if version == (1, 0):
        header = np.lib.format.read_array_header_1_0(member)
    elif version == (2, 0):
        header = np.lib.format.read_array_header_2_0(member)
    else:
        raise ValueError(f"unknown npy version {version}")
    shape, fortran_order, dtype = header
    return shape, fortran_order, dtype
