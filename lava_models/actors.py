"""The operating system's processes of a Lava run, and what became of those that failed while others wait for them.

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


def actors_of(runtime: Runtime | None) -> list[Any]:
    """Lava's handles of the processes of a run."""
    infrastructure = getattr(runtime, "_messaging_infrastructure", None)
    return [] if infrastructure is None else list(infrastructure.actors)


def raised(actor: Any) -> ChildError | None:
    """The exception that ended an actor, if one has."""
    if not actor.exception:
        return None
    exception, trace = actor.exception
    return ChildError(f"{type(exception).__name__}: {exception}", trace)


@contextmanager
def actors_watched(process: AbstractProcess) -> Iterator[None]:
    """Interrupt the block when an actor of the graph of `process` fails, is killed or ends. Main thread only.

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
    try:
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
    finally:
        # The signal may come as late as within `join`.
        signal.signal(signal.SIGUSR1, before)


def _errors(runtime: Runtime | None) -> Iterator[ChildError]:
    for actor in actors_of(runtime):
        # Already joined and closed, by `stop()` or an error of Lava's.
        with suppress(ValueError, ChildProcessError, OSError, EOFError):
            # Before the exception is looked for: an actor that raises one sends it, then ends.
            state = os.waitid(os.P_PID, actor.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if error := raised(actor):
                yield error
            elif state is not None and state.si_code == os.CLD_EXITED:
                yield ChildError(f"a process of the graph ended by itself, with status {state.si_status}", "")
            elif state is not None:
                yield ChildError(f"a process of the graph was killed by signal {state.si_status}", "")
