"""A Dask cluster: found, with workers, and in one sentence where it goes away."""

import asyncio
import gc
import logging
import threading
import time
from asyncio import CancelledError
from asyncio import TimeoutError as AsyncTimeoutError
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError as FutureCancelledError
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, TypeVar

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.installing import how_to_install

CONNECT_S = 10
"""Seconds to wait for a Dask scheduler."""

ANSWER_S = 30
"""Seconds that a scheduler has for an answer in the middle of the work."""

ALONE_S = 30
"""Seconds that a scheduler may be without workers in the middle of the work: a nanny starts a new one within these."""

_LOOK_S = 1

_TIMEOUTS = (TimeoutError, AsyncTimeoutError)
"""One class from Python 3.11 on."""

T = TypeVar("T")


class Cluster(NamedTuple):
    """A cluster that a client is connected to.

    Arguments:
        n_threads: how many threads its workers have.
        client: Dask's, which has no types.
        scheduler: its address.
    """

    n_threads: int
    client: Any
    scheduler: str

    def wait_for(self, work: Callable[[], T]) -> T:
        """The result of work that waits for the cluster, done in a thread of its own.

        joblib waits for ever where the last worker died and no nanny starts another, even when the client is closed.
        Its thread is then left to itself.

        Raises:
            LapilliError: when the scheduler is without workers for `ALONE_S` seconds, or does not answer.
        """
        done: Future[T] = Future()
        threading.Thread(target=_do, args=(work, done), daemon=True).start()
        seen = time.monotonic()
        while not wait([done], timeout=_LOOK_S).done:
            if _threads(self.client, self.scheduler):
                seen = time.monotonic()
            elif time.monotonic() - seen > ALONE_S:
                raise _alone(self.scheduler, f"has had no workers for {ALONE_S} seconds")
        try:
            return done.result()
        except _TIMEOUTS as error:
            # joblib's own words tell of its options.
            if _threads(self.client, self.scheduler):
                raise
            raise _alone(self.scheduler, "has no workers any more") from error


def _alone(scheduler: str, lost: str) -> LapilliError:
    return LapilliError(f"the Dask scheduler at {scheduler} {lost}; start some with `dask worker`")


def _threads(client: Any, scheduler: str) -> int:
    """How many threads the workers of a cluster have.

    Raises:
        LapilliError: when the scheduler does not answer within `ANSWER_S` seconds.
    """
    try:
        # As `client.ncores()`, which waits without an end.
        return sum(client.sync(client.scheduler.ncores, callback_timeout=ANSWER_S).values())
    except _TIMEOUTS as error:
        raise LapilliError(f"the Dask scheduler at {scheduler} has not answered for {ANSWER_S} seconds") from error


def _do(work: Callable[[], T], done: "Future[T]") -> None:
    try:
        done.set_result(work())
    except BaseException as error:  # and raised where the result is asked for
        done.set_exception(error)


@contextmanager
def on_cluster(scheduler: str) -> Iterator[Cluster]:
    """Be a client of a cluster within the block; yields it.

    Arguments:
        scheduler: its address.

    Raises:
        LapilliError: when Dask is not installed, nobody answers, nobody works there, or the cluster goes away.
    """
    try:
        import distributed
    except ModuleNotFoundError:
        raise LapilliError(f"--scheduler needs Dask: {how_to_install('cluster')}") from None
    # Its functions have no types.
    dask: Any = distributed
    # Dask would print a traceback of its own for each connection that breaks.
    with _quiet(("distributed", "asyncio", "tornado")):
        client = _client(dask, scheduler)
        try:
            if not (n_threads := _threads(client, scheduler)):
                raise _alone(scheduler, "has no workers")
            yield Cluster(n_threads, client, scheduler)
        except ValueError as error:
            if client.status == "running":
                raise
            # Of a client that has closed, joblib says that there is none.
            raise LapilliError(f"the Dask cluster at {scheduler} went away during the work") from error
        except (OSError, AsyncTimeoutError, CancelledError, FutureCancelledError, dask.KilledWorker) as error:
            reason = str(error) or type(error).__name__
            raise LapilliError(f"the Dask cluster at {scheduler} went away during the work ({reason})") from error
        finally:
            with suppress(OSError, AsyncTimeoutError):
                client.close(timeout=CONNECT_S)


def _client(dask: Any, scheduler: str) -> Any:
    """A client of a scheduler; one that finds none is gone before the error is raised.

    It would close itself whenever the garbage collector finds it. Where that is while another client starts, under a
    lock that both take, the process waits for itself for good (seen with distributed 2026.8).
    """
    try:
        # In a thread of its own, because notebooks have an event loop that runs already.
        with ThreadPoolExecutor(1) as apart:
            apart.submit(asyncio.run, _greeted(dask, scheduler)).result()
    except (OSError, ValueError, AsyncTimeoutError) as error:
        reason = str(error) or f"within {CONNECT_S} seconds"
        raise LapilliError(f"no Dask scheduler answers at {scheduler} ({reason})") from error
    collects = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        return dask.Client(scheduler, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        # Its frames hold the client.
        failure = error.with_traceback(None)
    finally:
        if collects:
            gc.enable()
    gc.collect()
    raise LapilliError(f"no Dask scheduler answers at {scheduler} ({failure})") from failure


async def _greeted(dask: Any, scheduler: str) -> None:
    """Ask a scheduler who it is: a client waits for ever for one that takes the connection and says nothing."""
    found = dask.rpc(scheduler)
    try:
        await asyncio.wait_for(found.identity(), CONNECT_S)
    finally:
        await found.close_rpc()


@contextmanager
def _quiet(packages: tuple[str, ...]) -> Iterator[None]:
    """Silence the loggers of packages; those of their modules have levels of their own."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in packages]
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
