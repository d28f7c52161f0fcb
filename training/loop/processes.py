"""Several processes that train as one: an error of one is the error of all, and none outlives the one that began."""

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from lightning.pytorch import Trainer
from rich.console import Console
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from lapilli.netx_exports.errors import LapilliError

PATIENCE_S = 5.0
"""How long a process may take to end when it is asked to; then it is killed."""


@contextmanager
def processes_of(trainer: Trainer) -> Iterator[None]:
    """Run what launches the processes of a trainer, one for each device.

    Raises:
        LapilliError: what one of the processes raised, or that one was killed.
        SystemExit: after Ctrl-C or SIGTERM, as in a training of one process.
    """
    log = logging.getLogger("torch.multiprocessing.spawn")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with _sigterm_exits():
            yield
    except ProcessRaisedException as error:
        if sentence := _sentence(str(error)):
            raise LapilliError(sentence) from error
        raise
    except ProcessExitedException as error:
        if not error.signal_name:
            # Interrupted by Ctrl-C before this process was.
            raise SystemExit(error.exit_code) from error
        raise LapilliError(
            f"a process of the training was ended by {error.signal_name} (too little memory?); resume the run to go on"
        ) from error
    finally:
        log.setLevel(level)
        _end(trainer)
        # The progress bar hides it.
        Console(stderr=True).show_cursor()


def _sentence(traceback: str) -> str | None:
    """Of an error of lapilli, from the traceback, which is all that torch carries from process to process."""
    last = [line for line in traceback.splitlines() if line and not line[0].isspace()][-1]
    kind, _, sentence = last.partition(": ")
    return sentence if kind in {f"{found.__module__}.{found.__qualname__}" for found in _errors(LapilliError)} else None


def _errors(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _errors(below)


def _end(trainer: Trainer) -> None:
    """Lightning leaves them running when it is interrupted, and Python waits for them before it exits."""
    started: list[Any] = getattr(trainer.strategy.launcher, "procs", [])
    for how in (signal.SIGINT, signal.SIGKILL):
        for process in started:
            if process.is_alive():
                trainer.strategy.launcher.kill(how)  # type: ignore[union-attr]
                break
        for process in started:
            process.join(PATIENCE_S)


@contextmanager
def _sigterm_exits() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit(number: int, frame: Any) -> NoReturn:
    sys.exit(128 + number)
