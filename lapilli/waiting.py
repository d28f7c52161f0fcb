"""A line on the terminal from the first moment on, until a command has something to say itself."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

WAITING = "starting: packages and kernels are loaded…"
"""The line; packages take seconds where the machine is busy, and kernels where they are compiled first."""

_ERASE = "\r\x1b[K"


@contextmanager
def waiting() -> Iterator[None]:
    """Within the block the line stands on the error stream, until something is written to either stream.

    Where the error stream is no terminal, or one that erases nothing, nothing is written.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield
        return
    line = _Line(sys.stdout, sys.stderr)
    line.show()
    try:
        yield
    finally:
        line.erase()


class _Line:
    """The line, and the streams as they were."""

    def __init__(self, output: TextIO, errors: TextIO) -> None:
        self.output, self.errors = output, errors

    def show(self) -> None:
        self.errors.write(WAITING)
        self.errors.flush()
        self.shown = True
        # They are kept: `print` of Python 3.13 does not hold the stream that it writes to.
        self.in_place = _Stream(self, self.output), _Stream(self, self.errors)
        sys.stdout, sys.stderr = self.in_place

    def erase(self) -> None:
        if self.shown:
            self.shown = False
            self.errors.write(_ERASE)
            self.errors.flush()
            sys.stdout, sys.stderr = self.output, self.errors


class _Stream:
    """A stream that erases the line before it writes."""

    def __init__(self, line: _Line, stream: TextIO) -> None:
        self._line, self._stream = line, stream

    def write(self, text: str) -> int:
        self._line.erase()
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
