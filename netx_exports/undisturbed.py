"""Moments in which a process is not to be interrupted: between making a file and knowing that it is there."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

INTERRUPTING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What asks a process to end and lets it do something first."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let signals that a handler of Python answers wait until the block ends.

    A mask of the thread would not do: the kernel gives a signal to another thread then, and Python answers it in this.
    """
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may say what a signal does, and only there would it be answered.
        yield
        return
    waiting: list[int] = []

    def wait(number: int, frame: Any) -> None:
        waiting.append(number)

    with ExitStack() as answers:
        # Comes last of all.
        answers.callback(_answer, waiting)
        for number in INTERRUPTING:
            handler = signal.getsignal(number)
            if callable(handler):
                answers.callback(signal.signal, number, handler)
                signal.signal(number, wait)
        yield


def _answer(waiting: list[int]) -> None:
    for number in waiting:
        signal.raise_signal(number)
