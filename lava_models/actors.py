"""Notices actors of a Lava run that were killed or have failed while others wait for what they would have sent.

Lava waits for ever then: it hears of an error only when all other actors of the graph answer too, and those that read
from the failed one never do.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from lava.magma.core.process.process import AbstractProcess
from lava.magma.runtime.runtime import Runtime

_WATCH_S = 0.2


class ChildError(Exception):
    """An exception inside a ProcessModel, which Lava itself does not show.

    Arguments:
        summary: the exception's type and message.
        traceback: its formatted traceback.
    """

    def __init__(self, summary: str, traceback: str) -> None:
        self.summary = summary
        self.traceback = traceback
        super().__init__(f"{summary}\n\n{traceback}")


@contextmanager
def actors_watched(process: AbstractProcess) -> Iterator[None]:
    """Interrupt the block when an actor of the graph of `process` is killed or fails. Main thread only.

    Raises:
        ChildError: with the actor's traceback, where it has one.
    """
    ended = threading.Event()
    main = threading.main_thread().ident
    found: list[ChildError] = []

    def watch() -> None:
        while not ended.wait(_WATCH_S):
            found.extend(_errors(process.runtime))
            if found:
                signal.pthread_kill(main, signal.SIGUSR1)  # type: ignore[arg-type]
                return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise found[0]

    before = signal.signal(signal.SIGUSR1, interrupt)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        signal.signal(signal.SIGUSR1, before)


def _errors(runtime: Runtime | None) -> Iterator[ChildError]:
    infrastructure = getattr(runtime, "_messaging_infrastructure", None)
    actors: list[Any] = [] if infrastructure is None else list(infrastructure.actors)
    for actor in actors:
        # Already joined and closed, by `stop()` or an error of Lava's.
        with suppress(ValueError, ChildProcessError, OSError, EOFError):
            if actor.exception:
                exception, trace = actor.exception
                yield ChildError(f"{type(exception).__name__}: {exception}", trace)
            state = os.waitid(os.P_PID, actor.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if state is not None and state.si_code != os.CLD_EXITED:
                yield ChildError(f"a process of the graph was killed by signal {state.si_status}", "")
