"""Writing files so that a reader finds either the old content or all of the new, and errors are one sentence."""

import errno
import hashlib
import os
import re
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.undisturbed import undisturbed

PathLike = str | os.PathLike[str]

_PART = re.compile(r"\..+\.([0-9a-f]{8})-([0-9]+)\.[^.]+\.part")
"""Temporary files: `.NAME.MACHINE-PROCESS.RANDOM.part`."""
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"

_BEGINNINGS = {b"\x89HDF\r\n\x1a\n": "an HDF5 file, as NetX and NIR are", b"PK\x03\x04": "an archive, as .npz are"}


@contextmanager
def replacing(path: PathLike) -> Iterator[Path]:
    """Yield a temporary path beside `path`; what was written there takes `path`'s place when the block succeeds.

    What killed processes of this machine left of the same file is removed.

    Raises:
        LapilliError: when the folder is missing, read-only or full; nothing is left behind and `path` is untouched.
    """
    target = checked_target(path)
    temporary: Path | None = None
    try:
        remove_leftovers(target.parent, target.name)
        with undisturbed():
            handle, name = tempfile.mkstemp(prefix=part_prefix(target.name), suffix=".part", dir=target.parent)
            os.close(handle)
            temporary = Path(name)
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, target)
    except BrokenPipeError:
        # Of the standard output, on which the block also prints: files have no readers who leave.
        raise
    except OSError as error:
        raise LapilliError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def part_prefix(name: str) -> str:
    """What temporary names of a file or folder begin with; they end with ".part"."""
    return f".{name}.{_machine()}-{os.getpid()}."


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Remove temporary files and folders of processes that are no more.

    Arguments:
        folder: where they lie.
        name: of the file or folder they were to become, by this version of lapilli; None: any, of older ones too, in a
            folder that is locked.
    """
    for part in folder.iterdir():
        if is_leftover(part) and (name is None or part.name.startswith(f".{name}.{_machine()}-")):
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink(missing_ok=True)


def is_leftover(path: Path) -> bool:
    """Whether a file or folder is a temporary one whose process is no more.

    That is a process of this machine that does not live, or one of an older lapilli, whose names say nothing of it.
    """
    if not path.name.startswith(".") or path.suffix != ".part":
        return False
    found = _PART.fullmatch(path.name)
    return found is None or (found[1] == _machine() and not _lives(int(found[2])))


def existing_file(path: PathLike) -> Path:
    """`path` as a Path to a readable file.

    Raises:
        LapilliError: when it is missing, a folder, a pipe or a device, which might never end, or unreadable.
    """
    if not os.fspath(path):
        raise LapilliError("cannot read a file without a name")
    file = Path(path)
    try:
        mode = os.stat(file).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise LapilliError(f"cannot read {file}: not a regular file")
        with open(file, "rb") as opened:
            begins = opened.read(len(_LFS_POINTER)) if stat.S_ISREG(mode) else b""
    except OSError as error:
        raise LapilliError(f"cannot read {file}: {error.strerror or error}") from error
    except ValueError as error:
        raise LapilliError(f"cannot read {str(file)!r}: {error}") from error
    if begins == _LFS_POINTER:
        raise LapilliError(f"cannot read {file}: it is a Git LFS pointer; `git lfs pull` gets the file itself")
    return file


def is_file(path: PathLike) -> bool:
    """Whether `path` is a regular file; False for names that no file can have."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def begins_as(path: PathLike) -> str:
    """What the first bytes of a file say that it is, for messages; "" where they say nothing that lapilli reads."""
    with open(path, "rb") as file:
        first = file.read(8)
    return next((kind for begins, kind in _BEGINNINGS.items() if first.startswith(begins)), "")


def checked_target(path: PathLike) -> Path:
    """The file that writing to `path` would write, behind all links.

    Raises:
        LapilliError: for an empty name, for what is there and is no regular file, and where no folder is.
    """
    if not os.fspath(path):
        raise LapilliError("cannot write a file without a name")
    try:
        target = Path(path).resolve()
        if target.exists() and not target.is_file():
            raise LapilliError(f"cannot write {path}: it exists and is no regular file")
        if not target.parent.is_dir():
            reason = errno.ENOTDIR if target.parent.exists() else errno.ENOENT
            raise LapilliError(f"cannot write {path}: {os.strerror(reason)}")
    except OSError as error:
        raise LapilliError(f"cannot write {path}: {error.strerror or error}") from error
    except (RuntimeError, ValueError) as error:
        # A circle of links; a name with a NUL.
        raise LapilliError(f"cannot write {str(path)!r}: {error}") from error
    return target


def _machine() -> str:
    """A short name of this machine: processes of another one, on a shared disk, may live."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        # It is somebody else's.
        return True
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
