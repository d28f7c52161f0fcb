"""`lapilli.simulators.learning`: what the twin decides and learns; Lava's word is in `test_learning_lava.py`."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from learning_cases import LearningCase, learning_case, learning_cases
from of_kind import of_kind

from lapilli.netx_exports import (
    AdaptiveLif,
    ConvSynapse,
    CubaLif,
    DenseSynapse,
    IdentitySynapse,
    LapilliError,
    Layer,
    Network,
    Readout,
    load,
    save,
)
from lapilli.netx_exports.neurons.cuba_lif import NEVER_SPIKES
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.simulators import Events, run
from lapilli.simulators.configurations import configured
from lapilli.simulators.decisions.decide import decide
from lapilli.simulators.learning import (
    HiddenRule,
    LearningConfig,
    LearningError,
    LearningState,
    ReadoutRule,
    Term,
    learn,
)
from lapilli.simulators.learning.blueprint import learned_network
from lapilli.simulators.learning.errors import softmax_error
from lapilli.simulators.learning.feeding import feed
from lapilli.simulators.learning.parts import learning_part

ACTIVE = LearningConfig(HiddenRule(Term(-5, 2), Term(1, 0), 5.0, 30.0), ReadoutRule(Term(-5, -2), 5.0, 30.0))


def lif(vth_mant: int = 30) -> CubaLif:
    return CubaLif(vth_mant, 4096, 400)


def readout(source: str, n_source: int, n_classes: int = 3, seed: int = 1, **synapse: object) -> Layer:
    weights = np.random.default_rng(seed).integers(-60, 61, (n_classes, n_source))
    neuron = CubaLif(NEVER_SPIKES, 4096, 200)
    return Layer("readout", (n_classes,), neuron, (DenseSynapse(source, weights, **synapse),))  # type: ignore[arg-type]


def events(n_neurons: int, n_samples: int = 5, n_steps: int = 12, n_classes: int = 3) -> Events:
    generator = np.random.default_rng(0)
    dense = generator.random((n_samples, n_neurons, n_steps)) < 0.4
    return Events.from_dense(dense.astype(int), np.arange(n_samples) % n_classes)


# Deciding and learning.


@settings(max_examples=60)
@given(learning_cases())
def test_each_sample_is_decided_with_the_weights_before_it(case: LearningCase) -> None:
    part = learning_part(case.network)
    found = learn(case.network, case.events, case.config, n_steps=case.n_steps)
    state = None
    for number in range(len(case.events)):
        sample = case.events.select([number])
        before = case.network if state is None else learned_network(part, state.weights)
        result = run(before, sample, "reference", n_steps=case.n_steps, record={"readout": {"voltage"}})
        assert decide(result, before)[0] == found.decisions[number]
        one = learn(case.network, sample, case.config, n_steps=case.n_steps, state=state)
        state = one.state
    assert state is not None
    assert state.n_steps == found.state.n_steps == len(case.events) * case.n_steps
    assert all(np.array_equal(one, other) for one, other in zip(state.weights, found.state.weights))
    assert found.network == learned_network(part, state.weights)


def test_outside_of_the_window_nothing_is_learnt() -> None:
    case = learning_case(np.random.default_rng(11), 1, 3, 12)
    whole = learn(case.network, case.events, replace(ACTIVE, window=None), n_steps=15)
    short = learn(case.network, case.events, replace(ACTIVE, window=1), n_steps=15)
    assert whole.counts is not None
    assert short.counts is not None
    assert whole.counts.total()["causal"] > short.counts.total()["causal"]
    assert short.counts.total()["visits"] == whole.counts.total()["visits"]


def test_operations_of_a_readout_are_those_counted_by_hand() -> None:
    # One input that spikes in step 0, two classes, a trace without memory: in step 1 the spike has arrived, and both
    # classes err alike, by half, because both weights are 0.
    neuron = CubaLif(NEVER_SPIKES, 4096, 0)
    network = Network((1,), (Layer("readout", (2,), neuron, (DenseSynapse(INPUT, np.zeros((2, 1), int)),)),))
    spike = np.zeros((1, 1, 4), int)
    spike[0, 0, 0] = 1
    config = LearningConfig(readout=ReadoutRule(Term(-7, 8), 0.0, 127.0))
    found = learn(network, Events.from_dense(spike, [1]), config, n_steps=4)
    assert found.counts is not None
    assert found.counts.total() == {"visits": 8, "causal": 2, "non_causal": 0, "changes": 2, "saturated": 0}
    assert found.state.weights[0].tolist() == [[-256], [255]]
    assert found.decisions.tolist() == [0]


def test_learning_decides_ever_better() -> None:
    first, last = (np.mean([ends[end] for ends in map(_accuracy_of_ends, range(5))]) for end in (0, 1))
    assert first < 0.8
    assert last > 0.85


def _accuracy_of_ends(seed: int) -> tuple[float, float]:
    """Of the first 10 and the last 50 of 150 samples: two groups of inputs, one for each class."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, 150)
    rates = np.where((np.arange(10) < 5) == labels[:, None], 0.5, 0.05)
    dense = generator.random((150, 10, 20)) < rates[..., None]
    hidden = Layer("hidden", (12,), lif(), (DenseSynapse(INPUT, generator.integers(-40, 80, (12, 10))),))
    network = Network((10,), (hidden, readout("hidden", 12, 2, seed)))
    found = learn(network, Events.from_dense(dense.astype(int), labels), LearningConfig(voltage_exp=14))
    right = found.decisions == labels
    return float(right[:10].mean()), float(right[-50:].mean())


def test_signs_stay_where_a_mode_allows_one_only() -> None:
    for mode, sign in (("excitatory", 1), ("inhibitory", -1)):
        layer = readout(INPUT, 4)
        synapse = DenseSynapse(INPUT, sign * np.full((3, 4), 9), sign_mode=mode)  # type: ignore[arg-type]
        network = Network((4,), (replace(layer, synapses=(synapse,)),))
        found = learn(network, events(4, 12), ACTIVE)
        assert np.all(sign * found.state.weights[0] >= 0)
        assert np.any(found.state.weights[0] == 0)


def test_learned_weights_come_back_from_a_file(tmp_path: object) -> None:
    network = Network((4,), (readout(INPUT, 4),))
    learned = learn(network, events(4, 8), ACTIVE).network
    assert np.any(learned.layers[0].synapses[0].effective_weights & 1), "odd weights need the ninth bit"
    path = f"{tmp_path}/model.net"
    save(learned, path)
    assert load(path) == learned != network


def test_the_error_is_the_rounded_softmax() -> None:
    generator = np.random.default_rng(2)
    for _ in range(50):
        voltage = generator.integers(-20_000, 20_000, 5).astype(np.int32)
        share = np.exp(voltage / 4096 - voltage.max() / 4096)
        share /= share.sum()
        share[3] -= 1
        error = softmax_error(voltage, 3, 12)
        assert np.abs(error - np.clip(64 * share, -64, 63)).max() <= 0.5 + 1e-6
    assert softmax_error(np.zeros(1, np.int32), 0, 12).tolist() == [0]


# Layers that stay as they are.


def test_lower_layers_of_any_kind_feed_the_part_that_learns() -> None:
    conv = ConvSynapse(INPUT, np.full((2, 1, 2, 2), 20))
    first = Layer("conv", (2, 2, 2), lif(), (conv,))
    second = Layer("adaptive", (4,), AdaptiveLif(20, 500, 400, 300, 200, 5), (_dense("conv", 4, 8),))
    network = Network((1, 3, 3), (first, second, readout("adaptive", 4)))
    samples = events(9, 6)
    samples = replace(samples, shape=(1, 3, 3))
    part = learning_part(network)
    assert (part.names, part.source) == (("readout",), "adaptive")
    found = learn(network, samples, ACTIVE)
    assert [layer.synapses for layer in found.network.layers[:2]] == [layer.synapses for layer in network.layers[:2]]
    assert np.any(found.state.weights[0] != network.output.synapses[0].effective_weights)


def test_delays_of_a_layer_that_stays_are_kept() -> None:
    first = Layer("hidden", (6,), lif(), (_dense(INPUT, 6, 5),))
    last = readout("hidden", 6, delays=np.array([[0, 3, 1, 7, 2, 30]]))
    network = Network((5,), (first, last))
    part = learning_part(network)
    assert part.names == ("readout",)
    samples = events(5)
    found = learn(network, samples, ACTIVE)
    result = run(network, samples.select([0]), n_steps=samples.n_steps + network.depth, record={"readout": {"voltage"}})
    assert decide(result, replace(network, readout=Readout("voltage_sum")))[0] == found.decisions[0]
    learnt, given = (of_kind(DenseSynapse, layer.synapses[0]).delays for layer in (found.network.output, last))
    assert np.array_equal(np.asarray(learnt), np.asarray(given))
    fed, alone = feed(part, samples, 14), feed(replace(part, delays=None), samples, 14)
    assert fed.n_events < alone.n_events, "what comes after the last step is lost"
    moved = {(int(s), int(t), int(n)) for s, t, n in zip(fed.sample_of_event, fed.step, fed.neuron)}
    assert {(s, t - int([0, 3, 1, 7, 2, 30][n]), n) for s, t, n in moved} <= {
        (int(s), int(t), int(n)) for s, t, n in zip(alone.sample_of_event, alone.step, alone.neuron)
    }


def _dense(source: str, size: int, n_source: int) -> DenseSynapse:
    return DenseSynapse(source, np.random.default_rng(size).integers(-20, 61, (size, n_source)))


# Refusals.


def test_what_cannot_learn_is_refused_by_name() -> None:
    hidden = Layer("hidden", (4,), lif(), (_dense(INPUT, 4, 4),))
    last = readout("hidden", 4)

    def refusal(*layers: Layer, chosen: list[str] | None = None, **network: object) -> str:
        whole = Network((4,), layers, **network)  # type: ignore[arg-type]
        with pytest.raises(LearningError) as caught:
            learning_part(whole, [layer.name for layer in layers] if chosen is None else chosen)
        return str(caught.value)

    own = of_kind(DenseSynapse, hidden.synapses[0])
    delayed = replace(hidden, synapses=(replace(own, delays=np.eye(4, dtype=int)),))
    assert "layer 'hidden' has a delay for each connection from input" in refusal(delayed, last)
    late = readout("hidden", 4, delays=np.array([[1, 2, 3, 4]]))
    assert "layer 'readout' has delays in its synapse from 'hidden'" in refusal(hidden, late)
    skip = Layer("skip", (4,), lif(), (IdentitySynapse("hidden", 3),))
    assert "layer 'skip' has a identity synapse from 'hidden'" in refusal(hidden, skip, readout("skip", 4))
    adaptive = replace(hidden, neuron=AdaptiveLif(20, 500, 400, 300, 200, 5))
    assert "layer 'hidden' has neurons of model" in refusal(adaptive, last)
    assert "layer 'hidden' spikes" in refusal(hidden)
    assert "only the last layers of a network learn (readout), got hidden" in refusal(hidden, last, chosen=["hidden"])
    assert "no layer 'other'; layers are hidden, readout" in refusal(hidden, last, chosen=["other"])
    groups = Readout("voltage_sum", 3)
    assert "several output neurons for each of 3 classes" in refusal(hidden, last, readout=groups)
    assert "spikes of 'input' carry values" in refusal(hidden, last, graded_input=True)


def test_layers_are_chosen_by_name_or_number() -> None:
    network = Network((4,), (Layer("hidden", (4,), lif(), (_dense(INPUT, 4, 4),)), readout("hidden", 4)))
    assert learning_part(network).names == ("hidden", "readout")
    assert learning_part(network, ["readout"]).names == learning_part(network, ["1"]).names == ("readout",)


def test_wrong_labels_are_refused() -> None:
    network = Network((4,), (readout(INPUT, 4),))
    samples = events(4)
    with pytest.raises(LearningError, match="labels: missing"):
        learn(network, replace(samples, labels=None))
    with pytest.raises(LearningError, match="labels: must be 0…2, the neurons of the readout, got 7 at sample 1"):
        learn(network, replace(samples, labels=np.array([0, 7, 1, 2, 0])))
    with pytest.raises(LapilliError, match="labels: needs one entry for each of 5 samples, got"):
        replace(samples, labels=np.zeros(4, int))


def test_a_state_of_another_network_is_refused() -> None:
    network = Network((4,), (readout(INPUT, 4),))
    with pytest.raises(LearningError, match=r"weights: shapes must be \[\(3, 4\)\], got \[\(2, 2\)\]"):
        learn(network, events(4), state=LearningState((np.zeros((2, 2), np.int16),), 0))


def test_parameters_that_the_engine_does_not_take_are_refused() -> None:
    wrong = {
        "hidden": {
            "causal": {"mantissa": -8},
            "non_causal": {"mantissa": 1, "exponent": 9},
            "pre_tau": float("nan"),
            "pre_impulse": 128.0,
            "post_decay": 5000,
        },
        "readout": {"pre_tau": -1.0},
        "window": 0,
        "seed": -1,
    }
    with pytest.raises(LapilliError) as caught:
        configured(LearningConfig, wrong)
    with pytest.raises(LearningError, match=r"^learning: window: must be 1…16777216, got 0; seed: must be 0…"):
        LearningConfig(window=0, seed=-1)
    for name in (
        "hidden.causal.mantissa", "hidden.non_causal.exponent", "hidden.pre_tau", "hidden.pre_impulse",
        "hidden.post_decay", "readout.pre_tau", "window", "seed",
    ):  # fmt: skip
        assert f"{name}: must be" in str(caught.value)
    network = Network((4,), (readout(INPUT, 4),))
    with pytest.raises(LearningError, match="window: must be at most the 13 steps of a sample, got 14"):
        learn(network, events(4), LearningConfig(window=14))
