"""What all parts of the benchmark share: sizes, rows, repeated timing, a bar to compare with, one thread for peers."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.installing import how_to_install
from lapilli.netx_exports.network import Network
from lapilli.simulators.events import Events, events_equal
from lapilli.simulators.plan import _ignore
from lapilli.simulators.results import RunResult
from lapilli.simulators.run import BackendName, run


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Arguments:
        hidden: recurrent neurons of each 700 → N → 20 network.
        n_steps: steps of each sample.
        density: probability of an input spike for each neuron and step.
        batch: samples of a batch.
        repeats: timed runs of each case.
        samples: of the event file of the part `file`.
        memory_samples: of the event file of the part `memory`.
        seed: of weights and input.
    """

    hidden: tuple[int, ...] = (256, 512, 1024)
    n_steps: int = 1000
    density: float = 0.02
    batch: int = 64
    repeats: int = 5
    samples: int = 2264
    memory_samples: int = 100_000
    seed: int = 0

    @property
    def standard(self) -> bool:
        """Whether the bars that are stated for 1,000 steps, 2 % input and a batch of 64 apply."""
        return (self.n_steps, self.density, self.batch) == (1000, 0.02, 64)


@contextmanager
def _no_bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    yield _ignore


@dataclass(frozen=True)
class Watch:
    """Who is told what happens.

    Arguments:
        note: called with a line for what is done now.
        bar: opens a progress bar; what it yields is called with the number of items finished since the last call.
    """

    note: Callable[[str], None] = field(default=lambda text: None)
    bar: Callable[[str, int], AbstractContextManager[Callable[[int], None]]] = _no_bar


@dataclass(frozen=True)
class Row:
    """One line of the benchmark.

    Arguments:
        part: name of the part.
        network: its layers' sizes, "r" marks a recurrent one.
        what: the backend or case that was measured.
        batch: samples of a run; threads: cores that it may use; n_steps: of a sample.
        unit: of `values`.
        values: of the repeated runs; the median counts.
        ratio: compared with another row, as `ratio_of` says.
        bar: what `ratio` or the median should reach; met: whether it does, "" where nothing is asked.
        compared: with what the output was compared before timing, and what came out.
        remark: whatever else a reader should know.
        syn_ops_per_sample: exact count, where there is one.
    """

    part: str
    network: str
    what: str
    batch: int
    threads: int
    n_steps: int
    unit: str
    values: tuple[float, ...]
    ratio: float | None = None
    ratio_of: str = ""
    bar: str = ""
    met: str = ""
    compared: str = ""
    remark: str = ""
    syn_ops_per_sample: int | None = None

    @property
    def median(self) -> float:
        """The middle one of the values."""
        return statistics.median(self.values)

    def as_dict(self) -> dict[str, object]:
        """Columns of a table: the fields, with median, least, most and number in place of the values."""
        fields = {name: "" if value is None else value for name, value in vars(self).items() if name != "values"}
        spread = {"median": self.median, "min": min(self.values), "max": max(self.values)}
        numbers = {name: rounded(value) for name, value in spread.items()} | {"repeats": len(self.values)}
        ratio = {"ratio": "" if self.ratio is None else rounded(self.ratio)}
        first = {name: fields.pop(name) for name in ("part", "network", "what", "batch", "threads", "n_steps", "unit")}
        return {**first, **numbers, **(fields | ratio)}


def rounded(value: float) -> float:
    """Five digits: more than any timing is good for."""
    return float(f"{value:.5g}")


def at_least(value: float, bar: float, applies: bool = True) -> dict[str, str]:
    """Fields `bar` and `met` of a row."""
    return {"bar": f"≥ {bar:,g}", "met": "yes" if value >= bar else "no"} if applies else {}


def at_most(value: float, bar: float, applies: bool = True) -> dict[str, str]:
    """Fields `bar` and `met` of a row."""
    return {"bar": f"≤ {bar:,g}", "met": "yes" if value <= bar else "no"} if applies else {}


def repeated(what: str, measure: Callable[[], float], repeats: int, watch: Watch) -> tuple[float, ...]:
    """`measure` once unheeded, which compiles and starts what is needed, then `repeats` times."""
    watch.note(f"timing {what}")
    values = []
    with watch.bar(what, repeats + 1) as advance:
        for number in range(repeats + 1):
            value = measure()
            values += [value] if number else []
            advance(1)
    return tuple(values)


def backend_seconds(
    network: Network, events: Events, backend: BackendName, n_steps: int, threads: int
) -> Callable[[], float]:
    """Measures the seconds that a backend simulates for one sample; building and reading are not counted."""
    return lambda: run(network, events, backend, n_steps=n_steps, threads=threads).seconds / len(events)


def seconds_of(work: Callable[[], object], share: int = 1) -> Callable[[], float]:
    """Measures the seconds that `work` takes, divided by `share`."""

    def measure() -> float:
        started = time.perf_counter()
        work()
        return (time.perf_counter() - started) / share

    return measure


def milliseconds(seconds: Sequence[float]) -> tuple[float, ...]:
    """The same in ms."""
    return tuple(1e3 * value for value in seconds)


def require_equal(first: RunResult, second: RunResult, what: str) -> str:
    """Compare output spikes, all counts, and the spikes of the layers that the first run recorded.

    Returns:
        What was compared, for the row.

    Raises:
        LapilliError: when anything differs; then there is nothing to time.
    """
    counts_equal = first.counts == second.counts
    pairs = [(first.spikes, second.spikes)]
    pairs += [(found.spikes, second.recordings[name].spikes) for name, found in first.recordings.items()]  # type: ignore[misc]
    if not counts_equal or not all(events_equal(*pair) for pair in pairs):
        raise LapilliError(f"bench: {first.backend} and {second.backend} differ on {what}")
    n_spikes = sum(spikes.n_events for spikes, _ in pairs[1:] or pairs)
    whose = "spikes of all recorded layers" if first.recordings else "output spikes"
    return f"{first.backend} = {second.backend}: {n_spikes:,} {whose}, all counts"


@contextmanager
def one_thread() -> Iterator[None]:
    """numpy's and torch's libraries use one thread within the block."""
    try:
        import torch
        from threadpoolctl import threadpool_limits
    except ModuleNotFoundError as error:
        raise LapilliError(f"bench: peers need {error.name}: {how_to_install('train')}") from error
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
