"""Learning in Lava Processes, in a guarded child interpreter: the same weights as the twin, a thousand times slower."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lapilli.simulators.decisions.decide import decide
from lapilli.simulators.events import Events
from lapilli.simulators.lava.client import shared_worker
from lapilli.simulators.learning.blueprint import Int16, LearningBlueprint, learned_network
from lapilli.simulators.learning.feeding import feed
from lapilli.simulators.learning.lava_job import LearningJob
from lapilli.simulators.learning.parts import LearningPart
from lapilli.simulators.learning.twin import Rows, Trail
from lapilli.simulators.run import run

Int64 = npt.NDArray[np.int64]

_STEPS_AT_ONCE = 20_000
_BYTES_AT_ONCE = 1 << 28


def learn_lava(
    part: LearningPart,
    blueprint: LearningBlueprint,
    events: Events,
    labels: Int64,
    first_step: int,
    time_limit_s: float | None,
    progress: Callable[[int], None],
) -> tuple[tuple[Int16, ...], Int64]:
    """Learn each sample in Lava; decide it, on `fast`, with the weights that Lava had before it.

    Arguments:
        part, blueprint: what learns, with the weights to start from.
        events: of the whole network's input.
        labels: of the samples.
        first_step: steps that were learnt before.
        time_limit_s: seconds for all runs; None: no limit.
        progress: called with the number of samples finished since its last call.

    Returns:
        The weights and the decisions.

    Raises:
        UnsupportedError: when Lava is not installed.
        LavaTimeoutError: when Lava needs more than `time_limit_s`; it is killed.
        LavaRunError: when a Lava Process fails.
    """
    deadline = None if time_limit_s is None else time.monotonic() + time_limit_s
    weights = tuple(synapse.weights for synapse in blueprint.synapses)
    decisions = np.zeros(len(events), np.int64)
    for first, last in _stretches(blueprint, len(events)):
        chosen = events.select(slice(first, last))
        job = learning_job(
            blueprint.with_weights(weights), feed(part, chosen, blueprint.period), labels[first:last],
            first_step + first * blueprint.period, records=False,
        )  # fmt: skip
        after = run_learning_job(job, deadline, time_limit_s).weights
        for number in range(last - first):
            decisions[first + number] = _decided(part, weights, chosen.select([number]), blueprint)
            weights = tuple(rows[number] for rows in after)
        progress(last - first)
    return weights, decisions


def learning_job(
    blueprint: LearningBlueprint, fed: Events, labels: Int64, first_step: int, records: bool
) -> LearningJob:
    """The Lava run of samples that follow each other; arguments as of `lapilli.simulators.learning.twin.learn_fast`."""
    step = (fed.sample_of_event * blueprint.period + fed.step).astype(np.int32)
    return LearningJob(blueprint, labels, first_step, records, step, fed.neuron)


@dataclass(frozen=True, eq=False)
class LavaLearned:
    """What a Lava run left.

    Arguments:
        weights: after each sample, (samples, neurons, source neurons) of each synapse.
        trail: what happened, where the job records it.
        seconds: that Lava's run took, without building and compiling.
    """

    weights: tuple[Int16, ...]
    trail: Trail | None
    seconds: float


def run_learning_job(job: LearningJob, deadline: float | None = None, time_limit_s: float | None = None) -> LavaLearned:
    """Run a job in Lava; raises as `learn_lava`."""
    with shared_worker("learning") as worker:
        folder = worker.new_folder()
        seconds = worker.run(job, folder, deadline, time_limit_s)
        weights = tuple(np.load(folder / f"weights{number}.npy") for number in range(len(job.blueprint.synapses)))
        trail = None
        if job.records:
            numbers = range(len(job.blueprint.layers))
            zeros = [np.zeros((job.n_steps, layer.size), np.int32) for layer in job.blueprint.layers]

            def rows(name: str) -> Rows:
                paths = [folder / f"{number}.{name}.npy" for number in numbers]
                return tuple(np.load(path) if path.exists() else zeros[n] for n, path in zip(numbers, paths))

            traces = tuple(np.load(folder / f"trace{number}.npy") for number in range(len(job.blueprint.synapses)))
            trail = Trail(rows("spikes"), rows("voltage"), rows("y1"), rows("y2"), rows("y3"), traces)
        shutil.rmtree(folder)
    return LavaLearned(weights, trail, seconds)


def _stretches(blueprint: LearningBlueprint, n_samples: int) -> Iterator[tuple[int, int]]:
    """First and last sample, excluded, of each Lava run: short enough for its rows to fit on disk."""
    bytes_of_sample = 2 * sum(synapse.weights.size for synapse in blueprint.synapses)
    at_once = max(1, min(_STEPS_AT_ONCE // blueprint.period, _BYTES_AT_ONCE // bytes_of_sample))
    for first in range(0, n_samples, at_once):
        yield first, min(first + at_once, n_samples)


def _decided(part: LearningPart, weights: tuple[Int16, ...], sample: Events, blueprint: LearningBlueprint) -> int:
    network = learned_network(part, weights)
    record = {network.output.name: frozenset({"voltage"})}
    result = run(network, sample, n_steps=blueprint.period, record=record, threads=1)
    return int(decide(result, network)[0])
