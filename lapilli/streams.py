"""The error stream, and a standard output that nobody reads any more or that cannot be written."""

import os
import sys

from lapilli.printable import printable

_LONGEST = 8000


def complain(text: str) -> None:
    """Say one sentence on the error stream, the beginning of one that does not end."""
    sentence = printable(" ".join(text.split()))
    more = f"… ({len(sentence) - _LONGEST:,} characters more)" if len(sentence) > _LONGEST else ""
    print(f"lapilli: {sentence[:_LONGEST]}{more}", file=sys.stderr)


def silence_output() -> None:
    """Drop what the standard output still holds; Python would try again to write it when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
