"""Official data sets, downloaded, checked and unpacked by the classes that know them; or one sentence that says what is
missing."""

import socket
import sys
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TypeVar
from zipfile import BadZipFile, ZipFile

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.data.sets import DataError

_PATIENCE_S = 30.0
_DOWNLOAD_ERRORS = (OSError, RuntimeError, EOFError, HTTPException, tarfile.TarError, BadZipFile)
_Opened = TypeVar("_Opened")


def opened(name: str, files: Sequence[str], folder: Path, origin: str, open_class: Callable[[], _Opened]) -> _Opened:
    """What a data set class makes of its files, which it downloads and unpacks if need be.

    Such classes compare what they download, and an archive that lies there already, with its checksum before they
    unpack it.

    Arguments:
        name: of the data set, for the error.
        files: archives that the class looks for, within `folder`.
        folder: where data sets lie.
        origin: where a user gets the archives.
        open_class: makes the object.

    Raises:
        LapilliError: naming the files to put there by hand when the class finds none and cannot download them.
    """
    try:
        # What these classes print is no answer of a command.
        with redirect_stdout(sys.stderr), _patience():
            folder.mkdir(parents=True, exist_ok=True)
            return open_class()
    except _DOWNLOAD_ERRORS as error:
        raise LapilliError(
            f"data set {name} is not here and could not be downloaded ({_first_line(error)}); "
            f"put {', '.join(files)} into {folder}; they come from {origin}"
        ) from error


def check_unpacked(archives: Sequence[Path], suffix: str, n_found: int, folder: Path) -> None:
    """Refuse what an unpacking that was interrupted left: tonic is content with a part of the files.

    Arguments:
        archives: .zip or .tar.gz.
        suffix: that names of recordings end with.
        n_found: recordings that are there.
        folder: where they are.

    Raises:
        DataError: when the archives hold another number of recordings.
    """
    n_packed = 0
    for archive in archives:
        with reading(archive):
            # macOS adds a "._name" for each file.
            names = [PurePosixPath(name).name for name in _members(archive)]
            n_packed += sum(name.endswith(suffix) and not name.startswith(".") for name in names)
    if n_packed != n_found:
        problem = f"holds {n_found} of {n_packed} recordings; remove it, so that it is unpacked again"
        raise DataError(str(folder), [problem])


def unpack_whole(archive: Path, inner: str, folder: Path) -> None:
    """Unpack a folder of an archive to `folder`, all of it or nothing.

    Arguments:
        archive: .zip or .tar.gz, already compared with its checksum.
        inner: path of the folder within the archive.
        folder: where its content goes; nothing is there yet.
    """
    from tonic.download_utils import extract_archive

    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent) as temporary:
        whole = Path(temporary) / "whole"
        extract_archive(str(archive), str(whole))
        (whole / inner).rename(folder)


@contextmanager
def reading(path: object) -> Iterator[None]:
    """Name the file in whatever goes wrong while a library reads it.

    Arguments:
        path: of the file.

    Raises:
        DataError: in place of the library's error.
    """
    try:
        yield
    except (LapilliError, MemoryError):
        raise
    except Exception as error:
        # Damaged files make h5py, numpy, PIL, wave and tonic raise errors of many unrelated types.
        raise DataError(str(path), [f"missing, damaged or another file ({_first_line(error)})"]) from error


@contextmanager
def _patience() -> Iterator[None]:
    """Give up on a silent network: without a limit, a blocked one would be waited for for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _members(archive: Path) -> list[str]:
    if archive.suffix == ".zip":
        with ZipFile(archive) as packed:
            return packed.namelist()
    with tarfile.open(archive) as packed_tar:
        return packed_tar.getnames()


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
