"""Reading `.npz` files from strangers: integers only, no pickles, no memory taken on a header's word."""

import zipfile
from math import prod
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from netx_exports.errors import FormatError, LapilliError
from netx_exports.files import PathLike, existing_file

# Deflate cannot compress further; more is a lie in the archive's directory.
_MAX_INFLATION = 1100
_FREE_BYTES = 1 << 26


def read_arrays(path: PathLike, error_type: type[FormatError]) -> dict[str, npt.NDArray[Any]]:
    """All arrays of an `.npz` file.

    Arguments:
        path: the file.
        error_type: raised for what is wrong inside of the file.

    Raises:
        LapilliError: when the file cannot be read.
        FormatError: of `error_type`, when it is no such archive, damaged, or holds anything but integers.
    """
    file = existing_file(path)
    try:
        with zipfile.ZipFile(file) as archive:
            return _read_members(archive, str(path), error_type)
    except LapilliError:
        raise
    except (zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        raise error_type(str(path), [f"not an npz file, or a damaged one ({error})"]) from error
    except Exception as error:
        # Damaged archives make zipfile, zlib and numpy raise errors of many unrelated types.
        raise error_type(str(path), [f"damaged ({error})"]) from error


def _read_members(archive: zipfile.ZipFile, path: str, error_type: type[FormatError]) -> dict[str, npt.NDArray[Any]]:
    problems: list[str] = []
    arrays: dict[str, npt.NDArray[Any]] = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if info.file_size > _MAX_INFLATION * info.compress_size + _FREE_BYTES:
            problems.append(f"{name}: claims {info.file_size} bytes in {info.compress_size}")
            continue
        with archive.open(info) as member:
            shape, dtype = _header(member)
        if dtype.hasobject or dtype.kind not in "iu" or dtype.itemsize * prod(shape) > info.file_size:
            problems.append(f"{name}: must be integers and complete, got {dtype} of shape {shape}")
            continue
        with archive.open(info) as member:
            arrays[name] = np.lib.format.read_array(member, allow_pickle=False)
    if problems:
        raise error_type(path, problems)
    return arrays


def _header(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(member)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(member)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(member)
    else:
        raise ValueError(f"unknown npy version {version}")
    return shape, dtype
