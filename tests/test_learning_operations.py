"""Operations of learning, enumerated synapse by synapse in plain Python from their definition: equal to the last one.

The definition is that of `LearningCounts` and of the rule in `docs/how-to/learning.md`. What neurons sent (spikes,
y1, y2, y3) and the traces of their spikes are those that the twin records, which `test_learning_lava.py` compares with
Lava. The decay of y1, y2 and y3 on their way, the learning signals and all weights of all steps are worked out here,
from Lava's own arithmetic (`LearningRuleApplierBitApprox` and `PyLearningConnection` of lava-nc 0.10.0), in plain
numbers. In the end the weights must be the twin's, so that the changes that are counted are those that there were.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import exp, floor

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from learning_cases import LearningCase, learning_case, learning_cases

from lapilli.netx_exports.synapses.kinds import WEIGHT_RANGE
from lapilli.simulators import Events
from lapilli.simulators.learning import Term
from lapilli.simulators.learning.blueprint import FROM_INPUT, LearningBlueprint, SynapseBlueprint, learning_blueprint
from lapilli.simulators.learning.learner import OPERATIONS
from lapilli.simulators.learning.parts import learning_part
from lapilli.simulators.learning.twin import Trail, learn_fast, learning_trail


def second_of_two(generator: np.random.Generator) -> Iterator[float]:
    """Lava draws once before the first step and twice in each, of which it uses the second."""
    generator.random()
    while True:
        generator.random()
        yield generator.random()


def one_of_one(generator: np.random.Generator) -> Iterator[float]:
    generator.random()
    while True:
        yield generator.random()


@dataclass
class Synapse:
    """A synapse of the blueprint, its weights as they are now, and the random numbers that round its y1, y2 and y3."""

    blueprint: SynapseBlueprint
    weights: list[list[int]]
    y_random: Iterator[float] = field(init=False)

    def __post_init__(self) -> None:
        self.y_random = second_of_two(np.random.default_rng(self.blueprint.seed + 2))


def enumerated(
    blueprint: LearningBlueprint, fed: Events, trail: Trail, first_step: int
) -> tuple[list[dict[str, int]], list[Synapse]]:
    """Operations of each sample, and the synapses as they are in the end."""
    synapses = [Synapse(synapse, synapse.weights.tolist()) for synapse in blueprint.synapses]
    rounding = one_of_one(np.random.default_rng(2))
    for _ in range(first_step):
        next(rounding)
        for synapse in synapses:
            next(synapse.y_random)
    inputs = fed.to_dense().reshape(len(fed), blueprint.n_inputs, blueprint.period)
    found = []
    for sample in range(len(fed)):
        counts = dict.fromkeys(OPERATIONS, 0)
        for step in range(blueprint.period):
            now = sample * blueprint.period + step
            counts["saturated"] += cut_signals(blueprint, trail, now, step)
            random = next(rounding)
            for number, synapse in enumerate(synapses):
                before = arrived(synapse.blueprint, trail, inputs[sample], now, step)
                trace = trail.traces[number][now].tolist()
                learn_step(synapse, before, trace, factors(synapse, trail, now), random, counts)
        found.append(counts)
    return found, synapses


def cut_signals(blueprint: LearningBlueprint, trail: Trail, now: int, step: int) -> int:
    """Learning signals of the hidden neurons that do not fit -64…63: feedback of the errors of the step before."""
    cut = 0
    for number, layer in enumerate(blueprint.layers[:-1]):
        assert layer.feedback is not None
        for neuron in range(layer.size):
            signal = 0
            if step:
                errors = trail.y3[-1][now - 1].tolist()
                products = [int(weight) * (y3 - 64) for weight, y3 in zip(layer.feedback[neuron], errors, strict=True)]
                signal = floor(sum(products) / 2**blueprint.feedback_shift)
            cut += not -64 <= signal <= 63
            assert trail.y3[number][now, neuron] - 64 == min(max(signal, -64), 63)
    return cut


def arrived(synapse: SynapseBlueprint, trail: Trail, inputs: npt.NDArray[np.int32], now: int, step: int) -> list[int]:
    """Who sent a spike a step ago, within the sample."""
    if not step:
        return [0] * synapse.weights.shape[1]
    if synapse.source == FROM_INPUT:
        return inputs[:, step - 1].tolist()
    return trail.spikes[synapse.source][now - 1].tolist()


def factors(synapse: Synapse, trail: Trail, now: int) -> list[tuple[int, int, int]]:
    """y1, y2 and d of each neuron as they meet the trace: decayed by exp(-1/65535), rounded at random."""
    random = next(synapse.y_random)

    def decayed(value: int) -> int:
        left = exp(-1 / 65535) * value
        return floor(left) + (random < left % 1)

    sent = [getattr(trail, name)[synapse.blueprint.target][now].tolist() for name in ("y1", "y2", "y3")]
    return [(decayed(y1), decayed(y2), decayed(y3) - 64) for y1, y2, y3 in zip(*sent, strict=True)]


def learn_step(
    synapse: Synapse,
    before: list[int],
    trace: list[int],
    sent: list[tuple[int, int, int]],
    random: float,
    counts: dict[str, int],
) -> None:
    """Every connection of a synapse in one step."""
    blueprint = synapse.blueprint
    low, high = WEIGHT_RANGE[blueprint.sign_mode]
    for weights, (y1, y2, d) in zip(synapse.weights, sent, strict=True):
        for j, (x0, x1) in enumerate(zip(before, trace, strict=True)):
            counts["visits"] += 1
            causal = blueprint.causal.mantissa * x1 * y1 * d
            non_causal = blueprint.non_causal.mantissa * x0 * y2 * d
            counts["causal"] += causal != 0
            counts["non_causal"] += non_causal != 0
            # A weight is the upper 9 of 16 bits; factors of 1, 7 and 7 bits, and 4 of the mantissa, give too many.
            total = 128 * weights[j]
            for product, too_many, exponent in (
                (causal, 10, blueprint.causal.exponent),
                (non_causal, 3, blueprint.non_causal.exponent),
            ):
                total = within_accumulator(
                    total + within_accumulator(floor(product / 2**too_many) * 2 ** (exponent + 7))
                )
            whole, fraction = divmod(total, 128)
            rounded = whole + (random < fraction / 128)
            new = min(max(rounded, low), high)
            counts["changes"] += new != weights[j]
            weights[j] = new


def within_accumulator(value: int) -> int:
    return min(max(value, -(2**15) - 1), 2**15 - 1)


def assert_counts_are_those_enumerated(case: LearningCase, first_step: int = 0) -> dict[str, int]:
    blueprint = learning_blueprint(learning_part(case.network), case.config, case.n_steps)
    fed, labels = case.events.with_steps(case.n_steps), case.events.labels
    assert labels is not None
    _, trail = learning_trail(blueprint, fed, labels, first_step)
    weights, _, counts = learn_fast(blueprint, fed, labels, first_step, lambda n: None)
    expected, synapses = enumerated(blueprint, fed, trail, first_step)
    for synapse, learned in zip(synapses, weights, strict=True):
        assert synapse.weights == learned.tolist()
    assert [dict(zip(OPERATIONS, row, strict=True)) for row in counts.tolist()] == expected
    return {name: sum(sample[name] for sample in expected) for name in OPERATIONS}


@settings(max_examples=30)
@given(learning_cases())
def test_operations_are_those_enumerated_synapse_by_synapse(case: LearningCase) -> None:
    assert_counts_are_those_enumerated(case)


def test_every_kind_of_operation_is_met_in_twenty_networks() -> None:
    generator = np.random.default_rng(0)
    totals = [assert_counts_are_those_enumerated(learning_case(generator, n % 3, 3, 12)) for n in range(20)]
    for name in OPERATIONS:
        assert sum(total[name] > 0 for total in totals) >= 3, name
    assert sum(total["visits"] for total in totals) > sum(total["changes"] for total in totals)


def test_products_of_which_rounding_leaves_nothing_are_counted() -> None:
    generator, totals = np.random.default_rng(0), []
    for _ in range(12):
        case = learning_case(generator, 1, 4, 16)
        small = replace(case.config.hidden, causal=Term(1), non_causal=Term(1), post_shift=5)
        config = replace(case.config, hidden=small, feedback_shift=11, window=None, voltage_exp=12)
        totals.append(assert_counts_are_those_enumerated(replace(case, config=config)))
    assert sum(total["causal"] > 0 for total in totals) >= 3
    assert sum(total["non_causal"] > 0 for total in totals) >= 3


@pytest.mark.parametrize("first_step", [1, 5_000])
def test_operations_of_a_run_that_goes_on(first_step: int) -> None:
    assert_counts_are_those_enumerated(learning_case(np.random.default_rng(7), 1, 3, 12), first_step)
