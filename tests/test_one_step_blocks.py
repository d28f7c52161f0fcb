"""Random blocks of one time step: `reference` equals a loop over single neurons, and `fast` equals `reference`."""

import numpy as np
import pytest
from plain_one_step import assert_plain
from random_networks import random_case
from random_one_step import random_one_step
from run_equality import assert_same_run

from lapilli.netx_exports.neurons.kinds import NEURONS
from lapilli.simulators import run

BLOCKS = 210


@pytest.mark.parametrize("first", range(0, BLOCKS, 30))
def test_reference_equals_a_loop_over_single_neurons_and_fast_equals_reference(first: int) -> None:
    carries, active = set(), []
    for seed in range(first, first + 30):
        case = random_one_step(seed, resets=False)
        record = {layer.name: ("spikes", *layer.neuron.states) for layer in case.network.layers}
        reference, fast = (
            run(case.network, case.events, backend, n_steps=case.n_steps, record=record)
            for backend in ("reference", "fast")
        )
        assert_plain(case.network, case.events, case.n_steps, reference)
        assert_same_run(reference, fast)
        for layer in case.network.layers:
            if layer.neuron.model == "WINDOW":
                carries.add(layer.neuron.carry)  # type: ignore[attr-defined]
                active.append(reference.counts.sent[:, 1 + case.network.layers.index(layer)].sum() > 0)
    assert carries == {"none", "group", "layer", "sum", "table", "omega"}
    assert np.mean(active) > 0.3


def test_its_synapses_equal_it_between_neurons_of_any_model() -> None:
    """Windows anywhere, values and sums that wrap, delays and phases that fit no schedule."""
    for seed in range(100):
        rng = np.random.default_rng(seed)
        kinds = rng.choice(["scaled conv", "window conv", "join", "conv"], int(rng.integers(1, 4))).tolist()
        models = rng.choice(list(NEURONS), 3).tolist()
        case = random_case(kinds, 2, bool(rng.random() < 0.5), seed, models=models)
        record = {layer.name: ("spikes", *layer.neuron.states) for layer in case.network.layers}
        runs = [
            run(case.network, case.events, backend, n_steps=case.n_steps, record=record, reset=case.reset)
            for backend in ("reference", "fast")
        ]
        assert_same_run(*runs)


def test_resets_too() -> None:
    compared = 0
    for seed in range(BLOCKS, BLOCKS + 150):
        case = random_one_step(seed, most_side=8)
        if case.reset is not None:
            record = {layer.name: ("spikes", *layer.neuron.states) for layer in case.network.layers}
            runs = [
                run(case.network, case.events, backend, n_steps=case.n_steps, record=record, reset=case.reset)
                for backend in ("reference", "fast")
            ]
            assert_same_run(*runs)
            compared += 1
    assert compared > 5
