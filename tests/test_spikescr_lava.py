"""Lava is the oracle of SpikeSCR's kinds: on random networks `reference` equals it in every spike, state and count."""

import pytest
from random_networks import Case
from random_spikescr import random_spikescr
from run_equality import assert_same_run

from lapilli.simulators import run

pytestmark = pytest.mark.lava

SEEDS = 45


def assert_reference_is_lava(case: Case) -> None:
    record = {layer.name: ("spikes", *layer.neuron.states) for layer in case.network.layers}
    reference, lava = (
        run(case.network, case.events, backend, n_steps=case.n_steps, record=record, reset=case.reset, time_limit_s=60)
        for backend in ("reference", "lava")
    )
    assert_same_run(reference, lava)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_reference_equals_lava_in_every_step(seed: int) -> None:
    assert_reference_is_lava(random_spikescr(seed))
