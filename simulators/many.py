"""Many samples over many processes or machines: split into parts, results in the samples' order.

joblib runs the parts, on worker processes of this machine or on a Dask cluster. A part is the same wherever it runs, so
results do not depend on how the work was split; a worker that dies costs the time of its parts, which are run again.
Worker processes of this machine end with the process that started them, however that ends.
"""

import multiprocessing.resource_tracker
import os
import select
import signal
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple, Protocol

import joblib
from joblib.externals.loky.backend import resource_tracker
from joblib.externals.loky.process_executor import TerminatedWorkerError

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Network
from lapilli.simulators.cluster import Cluster, on_cluster
from lapilli.simulators.events import Events
from lapilli.simulators.plan import Backend, _ignore
from lapilli.simulators.results import RunResult
from lapilli.simulators.run import BackendName, Record, run

SAMPLES_AT_ONCE = 64
"""Samples in a part."""

_TRIES = 4


class Part(NamedTuple):
    """Samples that run together, and what is recorded of them."""

    events: Events
    record: Record


class Chunked(Protocol):
    """Samples that are read some at a time: `Events`, an `EventFile`, or the `Samples` of a data set."""

    def chunks(self, n_samples: int) -> Iterator[Events]:
        """Events of `n_samples` samples after another."""
        ...


def parts_of(samples: Chunked, record: Record = {}, at_once: int = SAMPLES_AT_ONCE) -> Iterator[Part]:  # noqa: B006
    """Cut samples into parts of `at_once` samples, of all of which the same is recorded."""
    return (Part(chunk, record) for chunk in samples.chunks(at_once))


def run_parts(
    network: Network,
    parts: Iterable[Part],
    backend: BackendName | Backend = "fast",
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    n_steps: int | None = None,
    threads: int | None = None,
    time_limit_s: float | None = None,
    progress: Callable[[int], None] = _ignore,
) -> Iterator[tuple[Part, RunResult]]:
    """Run part by part; yields each part with its result, in order.

    Memory: at most `2 * jobs` parts, with their results, at a time; on a cluster twice as many as it has threads.

    Arguments:
        network, backend, n_steps, time_limit_s: as in `run`.
        parts: what to run.
        jobs: worker processes on this machine; 1 runs in this process.
        scheduler: address of a Dask scheduler, whose cluster then runs the parts; None: this machine.
        threads: of the `fast` backend in each process; all cores with one job, else 1, where None.
        progress: called with the number of samples finished since its last call.

    Raises:
        LapilliError: as `run`; or when workers keep dying, or the cluster cannot be reached.
    """
    if jobs < 1:
        raise LapilliError(f"jobs: must be at least 1, got {jobs}")
    alone = jobs == 1 and scheduler is None
    options = {"n_steps": n_steps, "time_limit_s": time_limit_s}
    options["threads"] = threads if threads is not None or alone else 1
    rest = iter(parts)
    with _engine(jobs, scheduler) as engine:
        while window := list(islice(rest, 2 * engine.workers if engine else 1)):
            results = _window(network, window, backend, options, engine)
            for part, result in zip(window, results):
                yield part, result
                progress(len(result.spikes))


def _window(
    network: Network,
    parts: Sequence[Part],
    backend: BackendName | Backend,
    options: Mapping[str, Any],
    engine: "_Engine | None",
) -> list[RunResult]:
    if engine is None:
        return [run(network, part.events, backend, record=part.record, **options) for part in parts]

    def work() -> list[RunResult]:
        each = (joblib.delayed(_run_kept)(network.fingerprint, network, part, backend, options) for part in parts)
        # joblib keeps the configuration by thread.
        with joblib.parallel_config(n_jobs=engine.workers, **engine.config), warnings.catch_warnings():
            # Its parts are run again, and joblib would say so on two lines of the error stream.
            warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
            return list(joblib.Parallel()(each))

    if engine.cluster is not None:
        return engine.cluster.wait_for(work)
    for left in reversed(range(_TRIES)):
        try:
            _start(engine)
            return work()
        except TerminatedWorkerError as error:
            if not left:
                raise LapilliError(f"worker processes died {_TRIES} times on the same samples") from error
    raise AssertionError("unreachable: the last try returns or raises")


_kept: dict[str, Network] = {}


def _run_kept(
    fingerprint: str, network: Network, part: Part, backend: BackendName | Backend, options: Mapping[str, Any]
) -> RunResult:
    """In a worker: run the network's object of the part before, where it is equal, so that what it became is kept."""
    kept = _kept.get(fingerprint)
    if kept is None:
        _kept.clear()
        kept = _kept[fingerprint] = network
    return run(kept, part.events, backend, record=part.record, **options)


def _end_with(owner: int) -> None:
    """Let this worker end when its owner does: joblib's would finish its work and wait for more, for minutes."""
    try:
        handle = os.pidfd_open(owner)
    except ProcessLookupError:
        os._exit(1)
    if os.getppid() != owner:
        # It died before we looked, and its number is another process's by now.
        os._exit(1)
    threading.Thread(target=_end_after, args=(handle,), daemon=True).start()


def _end_after(handle: int) -> None:
    select.select([handle], [], [])
    os._exit(1)


class _Engine(NamedTuple):
    """Where joblib's work goes.

    Arguments:
        workers: how many work at a time.
        config: options of `joblib.parallel_config`.
        cluster: where they are; None: processes of this machine.
    """

    workers: int
    config: Mapping[str, Any]
    cluster: Cluster | None = None


def _start(engine: _Engine) -> None:
    """Start the worker processes, where they do not run yet, with Ctrl-C blocked.

    A terminal sends it to them too, and they would print where it met them, Python's start included. They end with this
    process.
    """
    # Python's own and joblib's start with the first worker, and unblock Ctrl-C then, whoever blocked it.
    for tracker in (multiprocessing.resource_tracker, resource_tracker):
        tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with joblib.parallel_config(n_jobs=engine.workers, **engine.config):
            # As a generator it does not wait for them.
            begun = joblib.Parallel(return_as="generator")(joblib.delayed(int)() for _ in range(engine.workers))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    list(begun)


@contextmanager
def _engine(jobs: int, scheduler: str | None) -> Iterator[_Engine | None]:
    """What runs the parts within the block; None: this process."""
    if scheduler is None:
        mine = {"backend": "loky", "initializer": _end_with, "initargs": (os.getpid(),)}
        yield _Engine(jobs, mine) if jobs > 1 else None
        return
    with on_cluster(scheduler) as cluster:
        yield _Engine(max(jobs, cluster.n_threads), {"backend": "dask"}, cluster)
