"""Lava's learning Processes and the fast twin: the same weights, traces, spikes, voltages and factors, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from learning_cases import LearningCase, learning_case, learning_cases

from lapilli.simulators.learning import learn
from lapilli.simulators.learning.blueprint import learning_blueprint
from lapilli.simulators.learning.lava import learning_job, run_learning_job
from lapilli.simulators.learning.parts import learning_part
from lapilli.simulators.learning.twin import learn_fast, learning_trail

pytestmark = pytest.mark.lava


def assert_twin_is_lava(case: LearningCase, first_step: int = 0) -> None:
    part = learning_part(case.network)
    blueprint = learning_blueprint(part, case.config, case.n_steps)
    fed, labels = case.events.with_steps(case.n_steps), case.events.labels
    assert labels is not None
    weights, trail = learning_trail(blueprint, fed, labels, first_step)
    lava = run_learning_job(learning_job(blueprint, fed, labels, first_step, records=True))
    after, found = lava.weights, lava.trail
    assert found is not None
    for kind in ("spikes", "voltage", "y1", "y2", "y3", "traces"):
        for number, (ours, lavas) in enumerate(zip(getattr(trail, kind), getattr(found, kind), strict=True)):
            if kind.startswith("y") and number == len(blueprint.layers) - 1:
                continue  # what the readout tells its synapses shows in their weights only
            differ = np.argwhere(ours != lavas)
            assert not len(differ), f"{kind} {number} differs first at {differ[0]}"
    for number, (ours, rows) in enumerate(zip(weights, after, strict=True)):
        assert np.array_equal(ours, rows[-1]), f"weights of synapse {number}"
    decided, _, _ = learn_fast(blueprint, fed, labels, first_step, lambda n: None)
    assert all(np.array_equal(one, other) for one, other in zip(decided, weights))


@settings(max_examples=50)
@given(learning_cases())
def test_the_twin_equals_lava_in_every_step(case: LearningCase) -> None:
    assert_twin_is_lava(case)


def test_lava_goes_on_where_an_earlier_run_ended() -> None:
    case = learning_case(np.random.default_rng(7), n_hidden=1, n_samples=3, n_event_steps=12)
    assert_twin_is_lava(case, first_step=12_345)


def test_learning_in_lava_is_learning_in_the_twin_decisions_included() -> None:
    case = learning_case(np.random.default_rng(3), n_hidden=1, n_samples=4, n_event_steps=15)
    fast, lava = (
        learn(case.network, case.events, case.config, backend=backend, time_limit_s=60) for backend in ("fast", "lava")
    )
    assert fast.network == lava.network != case.network
    assert np.array_equal(fast.decisions, lava.decisions)
    assert fast.state.n_steps == lava.state.n_steps
    assert lava.counts is None
