"""One process at a time: locks that end with the process that holds them, and that say who it is.

`filelock`, which does nearly this, empties the file of whoever holds the lock, so that nobody can say who that is.
"""

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.undisturbed import undisturbed

_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)
"""What file systems answer that have no locks."""

_NOT_OURS = "is no lock of lapilli: move it away, or choose another folder"

_LONGEST = 300
"""Bytes of a lock at most: a number and a name."""


class InUseError(LapilliError):
    """Another process works on the same files."""


@contextmanager
def locked(lock: Path, what: str) -> Iterator[None]:
    """Hold a lock, or say who holds it.

    The kernel lets go of it when the process ends, however it ends. On a file system without locks nothing is held.

    Arguments:
        lock: file that stands for what is locked; it is there while the lock is held.
        what: is locked, as an error names it.

    Raises:
        InUseError: when another process holds it, with its number.
        LapilliError: when the file cannot be written, or is a link, or a file of something else.
    """
    with _held(lock, what, _refused):
        yield


@contextmanager
def waited_for(lock: Path, what: str, say: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock, and wait for it where another process holds it.

    Arguments:
        lock, what: as of `locked`.
        say: called with a sentence that says who is waited for.

    Raises:
        LapilliError: when the file cannot be written.
    """

    def wait(handle: int, sentence: str) -> None:
        say(f"{sentence}; waiting for it")
        fcntl.flock(handle, fcntl.LOCK_EX)

    with _held(lock, what, wait):
        yield


@contextmanager
def _held(lock: Path, what: str, otherwise: Callable[[int, str], None]) -> Iterator[None]:
    handle: int | None = None
    mine = False
    try:
        while not mine:
            with undisturbed():
                handle, mine = _taken(lock)
            if not mine and handle is not None:
                try:
                    otherwise(handle, f"{what} is in use by {_holder(handle)}")
                finally:
                    os.close(handle)
        yield
    finally:
        if mine:
            lock.unlink(missing_ok=True)
            # Forked children have the handle too, so that closing it here would not let go.
            if handle is not None:
                _let_go(handle)


def _taken(lock: Path) -> tuple[int | None, bool]:
    """A handle of the lock, and whether it is held now; no handle on a file system without locks."""
    while True:
        try:
            # Neither what a link points to is ours, nor does a pipe that nobody reads hold us up.
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise LapilliError(f"{lock} {_NOT_OURS}") from error
            raise LapilliError(f"cannot write {lock}: {error.strerror or error}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_there(lock, handle):
                _check_ours(lock, handle)
                os.ftruncate(handle, 0)
                os.pwrite(handle, f"{os.getpid()} {socket.gethostname()}".encode(), 0)
                return handle, True
        except BlockingIOError:
            return handle, False
        except LapilliError:
            os.close(handle)
            raise
        except OSError as error:
            os.close(handle)
            if error.errno in _WITHOUT_LOCKS:
                return None, True
            raise
        # Whoever held it has removed the file in between.
        os.close(handle)


def _refused(handle: int, sentence: str) -> None:
    raise InUseError(sentence)


def _check_ours(lock: Path, handle: int) -> None:
    """A lock of a process that died holds its number and its machine; whatever else is there is not ours to empty."""
    if not stat.S_ISREG(os.fstat(handle).st_mode) or (os.fstat(handle).st_size and _words(handle) is None):
        raise LapilliError(f"{lock} {_NOT_OURS}")


def _words(handle: int) -> list[str] | None:
    """Number and machine of the process that wrote a lock; None where something else is in the file."""
    words = os.pread(handle, _LONGEST, 0).decode("utf-8", "replace").split()
    ours = len(words) == 2 and words[0].isdecimal() and os.fstat(handle).st_size <= _LONGEST
    return words if ours else None


def _holder(handle: int) -> str:
    """Who holds a lock, as far as the file says it."""
    if (words := _words(handle)) is None:
        return "another process"
    return f"process {words[0]}" + ("" if words[1] == socket.gethostname() else f" on {words[1]!r}")


def _is_there(lock: Path, handle: int) -> bool:
    """Whether the file of a handle still is the one with that name."""
    try:
        return os.path.samestat(os.lstat(lock), os.fstat(handle))
    except FileNotFoundError:
        return False


def _let_go(handle: int) -> None:
    fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)
