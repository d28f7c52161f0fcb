"""`learn`: a network learns online from labelled samples, each decided before it is learnt."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.readout import Readout, from_metadata
from lapilli.simulators.events import Events
from lapilli.simulators.learning.blueprint import Int16, LearningBlueprint, learned_network, learning_blueprint
from lapilli.simulators.learning.config import LearningConfig, LearningError
from lapilli.simulators.learning.feeding import feed
from lapilli.simulators.learning.parts import learning_part
from lapilli.simulators.plan import _ignore
from lapilli.simulators.run import at_least_one, check_events

Int64 = npt.NDArray[np.int64]

LearningBackend = Literal["fast", "lava"]

OPERATIONS = ("visits", "causal", "non_causal", "changes", "saturated")
"""What is counted of each sample, in the order of `LearningCounts.operations`."""


@dataclass(frozen=True, eq=False)
class LearningState:
    """Where a learning run stands between two samples; nothing else is needed to go on.

    Arguments:
        weights: int16, of each learning synapse, (neurons, source neurons).
        n_steps: steps learnt so far, from which the random numbers go on.
    """

    weights: tuple[Int16, ...]
    n_steps: int


@dataclass(frozen=True, eq=False)
class LearningCounts:
    """Operations of learning, exact.

    Arguments:
        operations: int64, (samples, operations), of `OPERATIONS`: synapses that the engine visits, all in each step;
            causal and non-causal products that are not 0 before their last bits are cut off; weights that changed;
            learning signals of spiking layers beyond -64…63, cut there.
    """

    operations: Int64

    def total(self) -> dict[str, int]:
        """Sums over all samples, by name."""
        return dict(zip(OPERATIONS, (int(value) for value in self.operations.sum(axis=0))))


@dataclass(frozen=True, eq=False)
class Learned:
    """What became of a network.

    Arguments:
        network: with the new weights.
        state: to go on from.
        labels, decisions: int64, (samples,); each sample was decided with the weights before it was learnt.
        counts: of the twin; None of Lava, which does not count.
        seconds: of the run.
    """

    network: Network
    state: LearningState
    labels: Int64
    decisions: Int64
    counts: LearningCounts | None
    seconds: float

    @property
    def accuracy(self) -> float:
        """Share of the samples that were decided rightly before they were learnt."""
        return float(np.mean(self.decisions == self.labels))


def learn(
    network: Network,
    events: Events,
    config: LearningConfig = LearningConfig(),
    *,
    layers: Sequence[str | int] | None = None,
    n_steps: int | None = None,
    state: LearningState | None = None,
    backend: LearningBackend = "fast",
    time_limit_s: float | None = None,
    progress: Callable[[int], None] = _ignore,
) -> Learned:
    """Decide each sample of `events`, then learn from it, one after the other.

    Arguments:
        network: whose last layers learn.
        events: spikes for the network's input, with labels.
        config: how it learns.
        layers: names or numbers of the layers that learn; None: all where all can, else the readout.
        n_steps: steps of each sample; None: those of the events and the network's depth, so that the last input spikes
            are answered.
        state: to go on from; None: the network's own weights, at the first step.
        backend: "fast", or "lava": the same in Lava Processes, weights equal bit for bit.
        time_limit_s: seconds after which a Lava run is killed; None: no limit.
        progress: called with the number of samples finished since its last call.

    Raises:
        LearningError: for labels that are missing or name no class, for layers that cannot learn, for a state of
            another network.
        EventsError: when the events do not fit the network.
        UnsupportedError: when Lava is wanted and not installed.
    """
    started = time.perf_counter()
    network = with_readout(network)
    part = learning_part(network, layers)
    check_events(network, events)
    steps = at_least_one("n_steps", events.n_steps + network.depth if n_steps is None else n_steps)
    blueprint = learning_blueprint(part, config, steps)
    labels = checked_labels(events, blueprint.n_classes)
    if state is None:
        state = LearningState(tuple(synapse.weights for synapse in blueprint.synapses), 0)
    blueprint = blueprint.with_weights(checked_weights(state, blueprint))
    if backend == "fast":
        from lapilli.simulators.learning.twin import learn_fast

        weights, decisions, operations = learn_fast(
            blueprint, feed(part, events, steps), labels, state.n_steps, progress
        )
        counts = LearningCounts(operations)
    elif backend == "lava":
        from lapilli.simulators.learning.lava import learn_lava

        weights, decisions = learn_lava(part, blueprint, events, labels, state.n_steps, time_limit_s, progress)
        counts = None
    else:
        raise LapilliError(f"backend: must be one of {', '.join(get_args(LearningBackend))}, got {backend!r}")
    new = LearningState(weights, state.n_steps + steps * len(events))
    seconds = time.perf_counter() - started
    return Learned(learned_network(part, weights), new, labels, decisions, counts, seconds)


def with_readout(network: Network) -> Network:
    """The network, which decides by the sum of voltages unless it says otherwise."""
    # What does not fit the network is still in its metadata, and is refused.
    said = network.readout or from_metadata(network.metadata)
    return network if said is not None else replace(network, readout=Readout("voltage_sum"))


def initial_state(
    network: Network, config: LearningConfig, layers: Sequence[str | int] | None, n_steps: int
) -> LearningState:
    """Where learning starts: the network's own weights. Arguments and errors as of `learn`."""
    blueprint = learning_blueprint(learning_part(network, layers), config, n_steps)
    return LearningState(tuple(synapse.weights for synapse in blueprint.synapses), 0)


def checked_labels(events: Events, n_classes: int) -> Int64:
    """The labels.

    Raises:
        LearningError: when there are none, or one is none of the classes.
    """
    if events.labels is None:
        raise LearningError("events", ["labels: missing; learning needs one for each sample"])
    if len(events) and (events.labels.min() < 0 or events.labels.max() >= n_classes):
        bad = int(np.flatnonzero((events.labels < 0) | (events.labels >= n_classes))[0])
        found = f"got {events.labels[bad]} at sample {bad}"
        raise LearningError("events", [f"labels: must be 0…{n_classes - 1}, the neurons of the readout, {found}"])
    return events.labels


def checked_weights(state: LearningState, blueprint: LearningBlueprint) -> tuple[Int16, ...]:
    """The state's weights.

    Raises:
        LearningError: when they are those of another network.
    """
    expected = [synapse.weights.shape for synapse in blueprint.synapses]
    found = [np.shape(weights) for weights in state.weights]
    if expected != found or state.n_steps < 0:
        raise LearningError("state", [f"weights: shapes must be {expected}, got {found}"])
    return state.weights
