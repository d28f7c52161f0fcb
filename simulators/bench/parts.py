"""The parts of `lapilli bench simulate`, by name, in the order in which they run."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NamedTuple

from lapilli.netx_exports.errors import LapilliError, one_of
from lapilli.simulators.bench.measuring import Row, Sizes, Watch


class Part(NamedTuple):
    """A part: its title and the function that measures it, imported when it is wanted."""

    title: str
    module: str
    function: str


PARTS = {
    "recurrent": Part("700 → N recurrent → 20, beside Lava", "recurrent", "bench_recurrent"),
    "threads": Part("two cores beside one", "recurrent", "bench_threads"),
    "peers": Part("the same network in other simulators, one thread", "peers", "bench_peers"),
    "dense": Part("synaptic operations a second, beside the limit of this machine", "dense", "bench_dense"),
    "counting": Part("counting every event, beside not counting", "counting", "bench_counting"),
    "delays": Part("delays up to 62", "delays", "bench_delays"),
    "pilotnet": Part("lava-dl's PilotNet of LIF neurons, beside Lava", "pilotnet", "bench_pilotnet"),
    "spikescr": Part("a spiking transformer of SpikeSCR's size, beside Lava and torch", "spikescr", "bench_spikescr"),
    "spiking_lstm": Part(
        "a pipeline of spiking LSTM cells, beside Lava and torch", "spiking_lstm", "bench_spiking_lstm"
    ),
    "one_step": Part("images in one time step, window by window, beside Lava", "one_step", "bench_one_step"),
    "learning": Part("online learning of 700 → 128 → 20, beside Lava", "learning", "bench_learning"),
    "file": Part("from an event file on disk to accuracy", "event_files", "bench_file"),
    "start": Part("from the start of a process to its first step", "start", "bench_start"),
    "memory": Part("memory of `lapilli simulate`", "memory", "bench_memory"),
}


def bench_part(name: str, sizes: Sizes, watch: Watch) -> list[Row]:
    """Measure a part.

    Raises:
        LapilliError: for an unknown name; when outputs differ; when what a part needs is missing.
    """
    part = PARTS[known([name])[0]]
    measure: Callable[[Sizes, Watch], list[Row]] = getattr(
        import_module(f"lapilli.simulators.bench.{part.module}"), part.function
    )
    return measure(sizes, watch)


def known(names: Sequence[str]) -> list[str]:
    """The same names.

    Raises:
        LapilliError: where one is no part.
    """
    for name in names:
        if name not in PARTS:
            raise LapilliError(f"parts: {one_of(name, PARTS)}")
    return list(names)
