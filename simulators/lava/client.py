"""The parent's side of the Lava worker: started once, asked for one run at a time, killed when anything goes wrong."""

import atexit
import importlib.util
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Protocol

from lapilli.netx_exports.errors import LapilliError, UnsupportedError
from lapilli.netx_exports.installing import how_to_install
from lapilli.simulators.lava.guard import ChildDiedError, ChildTimeoutError, GuardedProcess
from lapilli.simulators.lava.job import Graph

_START_S = 120.0


class Job(Protocol):
    """What a worker does at once."""

    def save(self, path: Path) -> None:
        """Write it for the worker."""


class LavaRunError(LapilliError):
    """A run that failed inside Lava; its cause shows the traceback of the process that failed."""


class LavaTimeoutError(LavaRunError):
    """A run that took longer than its time limit and was killed."""


class ChildTracebackError(Exception):
    """The traceback of an exception in another process, as text."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def installed(module: str) -> bool:
    """Whether a module can be found, without importing more than the packages around it."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


class LavaWorker:
    """A child interpreter with Lava.

    Arguments:
        module: what it runs; its `__main__` part serves jobs (`lapilli.simulators.lava.worker.serve`).

    Raises:
        UnsupportedError: when Lava is not installed.
        LavaRunError: when the worker does not start.
    """

    def __init__(self, module: str = "lapilli.simulators.lava.worker") -> None:
        if not installed("lava.magma"):
            reason = f"needs lava-nc, which is not installed: {how_to_install('train')}"
            raise UnsupportedError("backend lava", [reason])
        if not hasattr(os, "pidfd_open"):
            raise UnsupportedError("backend lava", ["needs Linux 5.3 or later"])
        self._process = GuardedProcess(
            [sys.executable, "-m", module],
            {
                "PYTHONPATH": os.pathsep.join(os.path.abspath(place) for place in sys.path),
                # More than one thread before a fork makes torch hang in the forked process.
                "OMP_NUM_THREADS": "1",
            },
        )
        self._n_jobs = 0
        with _explained(None):
            self._process.receive(time.monotonic() + _START_S)

    @property
    def process(self) -> GuardedProcess:
        """The guarded process behind it."""
        return self._process

    def new_folder(self) -> Path:
        """An empty folder, removed with the worker."""
        self._n_jobs += 1
        folder = self._process.folder / f"job-{self._n_jobs}"
        folder.mkdir()
        return folder

    def run(self, job: Job, folder: Path, deadline: float | None, limit_s: float | None) -> float:
        """Run a job; afterwards its rows lie in `folder`.

        Returns:
            Seconds that Lava's run took, without building and compiling.

        Raises:
            LavaTimeoutError: when the deadline (on `time.monotonic`'s clock) passes.
            LavaRunError: when it fails. After any exception the worker is gone.
        """
        job.save(folder / "job.npz")
        with _explained(limit_s):
            answer = json.loads(self._process.ask(str(folder), deadline))
        if "error" in answer:
            self._process.kill()
            raise LavaRunError(f"the Lava run failed: {answer['error']}") from ChildTracebackError(answer["traceback"])
        return float(answer["seconds"])


@contextmanager
def _explained(limit_s: float | None) -> Iterator[None]:
    try:
        yield
    except ChildTimeoutError:
        if limit_s is None:
            raise LavaRunError(f"the Lava worker did not start within {_START_S:g} s and was killed") from None
        raise LavaTimeoutError(
            f"the Lava run took longer than its time limit of {limit_s:g} s and was killed"
        ) from None
    except ChildDiedError as error:
        log = str(error)
        last = log.splitlines()[-1] if log else "it left no message"
        raise LavaRunError(f"the Lava worker ended unexpectedly: {last}") from ChildTracebackError(log)


_lock = threading.Lock()
_shared: dict[str, LavaWorker] = {}

_LEARNING_MODULE = "lapilli.simulators.learning.lava_worker"


@contextmanager
def shared_worker(graph: Graph | Literal["learning"]) -> Iterator[LavaWorker]:
    """This process's one worker for a kind of graph, for the length of the block; a new one where there is none.

    Stock graphs have one of their own: lava-dl brings torch, which makes the many forks of every later run slower.
    """
    with _lock:
        if graph not in _shared or not _shared[graph].process.usable:
            _stop(graph)
            _shared[graph] = LavaWorker(_LEARNING_MODULE) if graph == "learning" else LavaWorker()
        yield _shared[graph]


def stop_workers() -> None:
    """End all workers; the next run starts a new one."""
    for graph in list(_shared):
        _stop(graph)


def _stop(graph: str) -> None:
    if worker := _shared.pop(graph, None):
        worker.process.close()


atexit.register(stop_workers)
