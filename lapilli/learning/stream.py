"""Samples that come one by one, on the standard input or from a file, and the answers to them."""

import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import IO

from lapilli.netx_exports import LapilliError
from lapilli.output import print_json_line, progress_line
from lapilli.simulators.learning.online import Answer

STANDARD_INPUT = "-"

_LAST = 100
"""Samples whose accuracy is shown."""


def refuse_contradictions(given: Mapping[str, object]) -> None:
    """Refuse options that choose among samples, or repeat them, where nobody knows which will come.

    Arguments:
        given: options by name; None and False: not given.
    """
    if wrong := [f"--{name}" for name, value in given.items() if value is not None and value is not False]:
        raise LapilliError(
            f"--stream contradicts {', '.join(wrong)}: its samples come once, all, and in their own order"
        )


@contextmanager
def opened_stream(path: str) -> Iterator[tuple[IO[bytes], str]]:
    """The file of a stream, and its name; `-` is the standard input."""
    if path == STANDARD_INPUT:
        yield sys.stdin.buffer, "standard input"
        return
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise LapilliError(f"cannot read {path}: {error.strerror or error}") from error
    with file:
        yield file, path


@contextmanager
def answers(json: bool) -> Iterator[Callable[[Answer], None]]:
    """What to call with each answer: a line of JSON on the standard output, else a line for people that is renewed."""
    if json:
        yield lambda answer: print_json_line(asdict(answer))
        return
    right: deque[bool] = deque(maxlen=_LAST)
    with progress_line("waiting for the first sample") as say:

        def tell(answer: Answer) -> None:
            right.append(answer.label == answer.decided)
            last = f"of the last {len(right)} decided rightly: {sum(right) / len(right):.0%}"
            say(f"sample {answer.number}: label {answer.label}, decided {answer.decided}; {last}")

        yield tell
