"""Many samples over many processes or machines: an event file split by samples, results in the file's order.

joblib runs the parts, on worker processes of this machine or on a Dask cluster. A part is the same wherever it runs, so
results do not depend on how the work was split; a worker that dies costs the time of its parts, which are run again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from netx_exports.errors import LapilliError
from netx_exports.network import Network
from simulators.event_file import EventFile
from simulators.events import Events
from simulators.plan import _ignore
from simulators.results import RunResult
from simulators.run import BackendName, Record, run

SAMPLES_AT_ONCE = 64
"""Samples in a part."""

CONNECT_S = 10
"""Seconds to wait for a Dask scheduler."""

_TRIES = 4


def run_file(
    network: Network,
    file: EventFile,
    backend: BackendName = "fast",
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    n_steps: int | None = None,
    record: Record = {},  # noqa: B006
    threads: int | None = None,
    time_limit_s: float | None = None,
    progress: Callable[[int], None] = _ignore,
) -> Iterator[RunResult]:
    """Run an event file part by part; yields the results in the order of the samples.

    Memory: at most `2 * jobs` parts of `SAMPLES_AT_ONCE` samples, with their results, at a time.

    Arguments:
        network, backend, n_steps, record, time_limit_s: as in `run`.
        file: the events.
        jobs: worker processes; 1 runs in this process.
        scheduler: address of a Dask scheduler, whose cluster then runs the parts; None: this machine.
        threads: of the `fast` backend in each process; all cores with one job, else 1, where None.
        progress: called with the number of samples finished since its last call.

    Raises:
        LapilliError: as `run`; or when workers keep dying, or the cluster cannot be reached.
    """
    if jobs < 1:
        raise LapilliError(f"jobs: must be at least 1, got {jobs}")
    alone = jobs == 1 and scheduler is None
    options = {"n_steps": n_steps, "record": record, "time_limit_s": time_limit_s}
    options["threads"] = threads if threads is not None or alone else 1
    parts = file.chunks(SAMPLES_AT_ONCE)
    with _engine(scheduler):
        while window := list(islice(parts, 1 if alone else 2 * jobs)):
            for result in _window(network, window, backend, options, 1 if alone else jobs):
                yield result
                progress(len(result.spikes))


def _window(
    network: Network, parts: Sequence[Events], backend: BackendName, options: Mapping[str, Any], jobs: int
) -> list[RunResult]:
    if jobs == 1:
        return [run(network, part, backend, **options) for part in parts]
    for left in reversed(range(_TRIES)):
        try:
            work = (joblib.delayed(run)(network, part, backend, **options) for part in parts)
            return list(joblib.Parallel(n_jobs=jobs)(work))
        except TerminatedWorkerError as error:
            if not left:
                raise LapilliError(f"worker processes died {_TRIES} times on the same samples ({error})") from error
    raise AssertionError("unreachable: the last try returns or raises")


@contextmanager
def _engine(scheduler: str | None) -> Iterator[None]:
    """Where joblib's work goes within the block."""
    if scheduler is None:
        yield
        return
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise LapilliError("--scheduler needs Dask: pip install 'lapilli[cluster]'") from None
    try:
        client = Client(scheduler, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise LapilliError(f"no Dask scheduler answers at {scheduler} ({error})") from error
    with client, joblib.parallel_config(backend="dask"):
        yield
