"""Ctrl-C, SIGTERM and SIGHUP end a command in order, with one sentence, at whatever moment they come.

While a command works they raise KeyboardInterrupt, so that what was learnt is kept and temporary files are removed.
Before and after that there is nothing to undo, and the process ends at once. An exception in the midst of an import
would be lost, or be printed by a library; there they wait until the import has ended.
"""

import atexit
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

INTERRUPTED = 130
"""Exit status of a command that was interrupted."""

_AGAIN_S = 0.02
_IMPORT = "<frozen importlib"

_signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_works = False
_status: int | None = None


def answer_signals() -> None:
    """From now on signals end this process in order; those that it was started to ignore it still ignores."""
    for number in _signals:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _answer)
    signal.signal(signal.SIGALRM, _answer)
    sys.unraisablehook = _ask_again
    # Registered first, called last: from then on Python takes itself down, and would die of a signal.
    atexit.register(_ignore_signals)


@contextmanager
def interruptible() -> Iterator[None]:
    """Within the block there is something to undo: a signal that this process answers raises KeyboardInterrupt."""
    global _works
    _works = True
    try:
        yield
    finally:
        _works = False


def ends_with(status: int) -> int:
    """The work is done, and signals end the process with this status; returns it."""
    global _status
    _status = status
    return status


def _answer(number: int, frame: FrameType | None) -> None:
    if not _works:
        _end()
    elif _imports(frame):
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
    else:
        raise KeyboardInterrupt


def _end() -> None:
    """End the process at once: Python says nothing, and no file is open that must be kept or removed."""
    if _status is None:
        # A terminal may show a line that waits for the first word of the command.
        erased = os.isatty(2) and os.environ.get("TERM") != "dumb"
        os.write(2, (b"\r\x1b[K" if erased else b"") + b"lapilli: interrupted\n")
    os._exit(INTERRUPTED if _status is None else _status)


def _ignore_signals() -> None:
    for number in _signals:
        signal.signal(number, signal.SIG_IGN)


def _imports(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith(_IMPORT):
            return True
        frame = frame.f_back
    return False


def _ask_again(lost: Any) -> None:
    """Where Python cannot raise an exception, as in a callback of a library, it would print it and go on."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
    else:
        sys.__unraisablehook__(lost)
