"""`run`: one meaning, several backends."""

import os
from collections.abc import Callable, Collection, Mapping
from math import prod
from typing import Literal, get_args

from lapilli.netx_exports.arrays import whole_number
from lapilli.netx_exports.errors import LapilliError, one_of
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.simulators.events import Events, EventsError
from lapilli.simulators.given import AnyEvents, AnyNetwork, given_events, given_network
from lapilli.simulators.plan import Backend, RunPlan, _ignore
from lapilli.simulators.results import RECORDABLE, Reset, RunResult, recordable

BackendName = Literal["fast", "reference", "lava", "loihi2"]
BACKENDS: tuple[str, ...] = get_args(BackendName)

Record = Mapping[str, Collection[str]]


def run(
    network: AnyNetwork,
    events: AnyEvents,
    backend: BackendName | Backend = "fast",
    *,
    n_steps: int | None = None,
    record: Record | Collection[str] = (),
    reset: Reset | None = None,
    threads: int | None = None,
    time_limit_s: float | None = None,
    progress: Callable[[int], None] = _ignore,
) -> RunResult:
    """Run every sample of `events` through `network`, each from empty state.

    Arguments:
        network: what to run, or the path of its file.
        events: spikes for the network's input, as many neurons as it has inputs: `Events`, the path of an event file,
            or an array (samples, *shape, steps) of whole numbers.
        backend: "fast", "reference", "lava", "loihi2", or a callable as in `lapilli.simulators.plan.Backend`.
        n_steps: steps to run; the events' own number where None. Add `network.depth` to see the last spikes answered.
        record: for each layer to record, "spikes" and names of its neurons' states ("current", "voltage", …); or such
            a collection for all layers, of which each layer records what its neurons have.
        reset: periodic reset of all layers, as NetX does it in Lava; None: none.
        threads: worker threads of the `fast` backend; all cores where None.
        time_limit_s: seconds after which a Lava run is killed; None: no limit.
        progress: called with the number of samples finished since its last call.

    Returns:
        Output spikes, counts and recordings: the same from every backend.

    Raises:
        EventsError: when the events do not fit the network.
        UnsupportedError: when the backend cannot express the network or is not installed.
        LapilliError: for any other wrong argument.
    """
    network = given_network(network)
    events = given_events(events, network)
    steps = at_least_one("n_steps", events.n_steps if n_steps is None else n_steps)
    check_events(network, events)
    if reset is not None:
        at_least_one("reset: interval", reset.interval)
    if threads is not None:
        at_least_one("threads", threads)
    plan = RunPlan(
        steps,
        _checked_record(network, record),
        reset,
        threads or len(os.sched_getaffinity(0)),
        time_limit_s,
        progress,
    )
    return find_backend(backend)(network, events, plan)


def find_backend(backend: str | Backend) -> Backend:
    """The callable behind a backend's name.

    Raises:
        LapilliError: for an unknown name.
    """
    if callable(backend):
        return backend
    if backend == "reference":
        from lapilli.simulators.reference.backend import run_reference

        return run_reference
    if backend == "fast":
        from lapilli.simulators.fast import run_fast

        return run_fast
    if backend == "lava":
        from lapilli.simulators.lava.backend import run_lava

        return run_lava
    if backend == "loihi2":
        from lapilli.simulators.loihi2.backend import run_loihi2

        return run_loihi2
    raise LapilliError(f"backend: {one_of(backend, BACKENDS)}")


def at_least_one(name: str, value: object) -> int:
    """A whole number from 1 on.

    Raises:
        LapilliError: for anything else; a fraction is not cut.
    """
    found = whole_number(value)
    if found is None or found < 1:
        raise LapilliError(f"{name}: must be {'a whole number, ' if found is None else ''}at least 1, got {value}")
    return found


def check_events(network: Network, events: Events) -> None:
    """Refuse events that do not fit the network's input.

    Raises:
        EventsError: naming what was expected and what was found.
    """
    check_input(network, events.shape)
    if events.value is not None and not network.graded_input:
        raise EventsError("events", ["value: graded events for a network whose input is binary spikes"])


def check_input(network: Network, shape: tuple[int, ...]) -> None:
    """Refuse events whose shape is not that of the network's input; flat ones fit where they are as many.

    Raises:
        EventsError: naming what was expected and what was found.
    """
    if problem := shape_problem(network.input_shape, shape):
        raise EventsError("events", [f"shape: {problem}"])


def shape_problem(expected: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """Why events of a shape do not fit an input of shape `expected`; "" where they do."""
    flat = prod(shape) == prod(expected) and 1 in (len(shape), len(expected))
    return "" if shape == expected or flat else f"the network's input is {expected}, got {shape}"


def _checked_record(network: Network, record: Record | Collection[str]) -> dict[str, frozenset[str]]:
    known = {layer.name: ("spikes", *layer.neuron.states) for layer in network.layers}
    if not isinstance(record, Mapping):
        if isinstance(record, str) or set(record) - {*RECORDABLE, *recordable(*network.layers)}:
            raise LapilliError(f"record: must be of {', '.join(recordable(*network.layers))}, got {record!r}")
        record = {name: set(record) & set(kinds) for name, kinds in known.items()}
    for name, kinds in record.items():
        if name not in known:
            raise LapilliError(f"record: no layer {name!r}; layers are {', '.join(known)} (not {INPUT!r})")
        if isinstance(kinds, str) or set(kinds) - set(known[name]):
            raise LapilliError(f"record: must be of {', '.join(known[name])}, got {kinds!r} for {name!r}")
    return {name: frozenset(kinds) for name, kinds in record.items() if kinds}
