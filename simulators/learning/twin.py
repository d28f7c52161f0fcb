"""The fast twin: what Lava's Processes learn, bit for bit, by the kernels."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.simulators.events import Events
from lapilli.simulators.learning.arrays import TwinState, fixed_arrays, new_twin_state, split_weights
from lapilli.simulators.learning.blueprint import Int16, LearningBlueprint
from lapilli.simulators.learning.kernels import run_samples
from lapilli.simulators.learning.streams import decay_tables, streams
from lapilli.simulators.plan import _ignore

Int64 = npt.NDArray[np.int64]
Rows = tuple[npt.NDArray[np.integer[Any]], ...]


@dataclass(frozen=True, eq=False)
class Trail:
    """What happened in each step, as Lava's Processes report it.

    Arguments:
        spikes, voltage, y1, y2, y3: of each layer, (steps, neurons); voltages before the reset.
        traces: of each synapse, (steps, source neurons), after the step.
    """

    spikes: Rows
    voltage: Rows
    y1: Rows
    y2: Rows
    y3: Rows
    traces: Rows


def learn_fast(
    blueprint: LearningBlueprint,
    fed: Events,
    labels: Int64,
    first_step: int,
    progress: Callable[[int], None],
    decides: bool = True,
) -> tuple[tuple[Int16, ...], Int64, Int64]:
    """Decide and learn each sample.

    Arguments:
        blueprint: with the weights to start from.
        fed: spikes that reach the learning layers, `blueprint.period` steps.
        labels: of the samples.
        first_step: steps that were learnt before.
        progress: called with the number of samples finished since its last call.
        decides: whether to decide each sample before it is learnt, which takes a second run of it.

    Returns:
        The weights, the decisions (0 where none were wanted), and counts (samples, operations).
    """
    state = new_twin_state(blueprint)
    decisions, counts = _learn(blueprint, state, fed, labels, first_step, progress, decides)
    return split_weights(blueprint, state.weights), decisions, counts


def learning_trail(
    blueprint: LearningBlueprint, fed: Events, labels: Int64, first_step: int
) -> tuple[tuple[Int16, ...], Trail]:
    """Learn, and keep what happens in each step; arguments as of `learn_fast`."""
    state = new_twin_state(blueprint, blueprint.period * len(fed))
    _learn(blueprint, state, fed, labels, first_step, _ignore, False, at_once=max(1, len(fed)))
    ends = np.cumsum([layer.size for layer in blueprint.layers])[:-1]
    neurons = state.record.sent[:, blueprint.n_inputs :]
    y1, y2, y3 = (tuple(np.split(state.record.y[:, row], ends, axis=1)) for row in range(3))
    pre_ends = np.cumsum([synapse.weights.shape[1] for synapse in blueprint.synapses])[:-1]
    trail = Trail(
        spikes=tuple(np.split(neurons, ends, axis=1)),
        voltage=tuple(np.split(state.record.voltage, ends, axis=1)),
        y1=y1,
        y2=y2,
        y3=y3,
        traces=tuple(np.split(state.record.pre, pre_ends, axis=1)),
    )
    return split_weights(blueprint, state.weights), trail


def _learn(
    blueprint: LearningBlueprint,
    state: TwinState,
    fed: Events,
    labels: Int64,
    first_step: int,
    progress: Callable[[int], None],
    decides: bool,
    at_once: int = 1,
) -> tuple[Int64, Int64]:
    fixed, tables = fixed_arrays(blueprint), decay_tables(blueprint)
    scores = np.zeros((len(fed), blueprint.n_classes), np.int64)
    counts = np.zeros((len(fed), 5), np.int64)
    # Without samples the kernels run over none, which compiles them.
    for first in range(0, max(1, len(fed)), at_once):
        chosen = slice(first, first + at_once)
        samples = fed.select(chosen)
        random = streams(blueprint, first_step + first * blueprint.period, len(samples) * blueprint.period)
        arrays = (samples.step, samples.neuron, samples.offsets)
        run_samples(fixed, tables, random, state, arrays, labels[chosen], True, decides, scores[chosen], counts[chosen])
        progress(len(samples))
    return scores.argmax(axis=1), counts
