"""The rule: equal to its equations, synapse by synapse; OTTT and SLTT are what they are called; clear faults."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_stllr import plain_changes, plain_psi

from lapilli.netx_exports import LapilliError
from lapilli.simulators import Events
from lapilli.training.networks.config import ConvConfig
from lapilli.training.stllr.activations import secondary_activation
from lapilli.training.stllr.config import PRESETS, OnlineNetworkConfig, RuleConfig, UnrolledConfig, ottt, sltt
from lapilli.training.stllr.errors import UnusableRateError
from lapilli.training.stllr.frames import Frames
from lapilli.training.stllr.learner import OnlineLearner
from lapilli.training.stllr.network import OnlineNetwork
from lapilli.training.stllr.unrolled import UnrolledLearner

CLASSES = 3
PSI = ["fast sigmoid", "triangle", "sigmoid", "arctan"]


def drawn_inputs(seed: int, n_samples: int, shape: tuple[int, ...], n_steps: int) -> tuple[Any, list[int]]:
    """Counts of events, about every third 0 or above, and labels."""
    random = np.random.default_rng(seed)
    values = (random.random((n_samples, *shape, n_steps)) < 0.4) * random.integers(1, 4, (n_samples, *shape, n_steps))
    return values.astype(np.int32), random.integers(0, CLASSES, n_samples).tolist()


def frames(values: Any, labels: list[int], shape: tuple[int, ...]) -> Frames:
    events = Events.from_dense(values, np.array(labels))
    return Frames(events, values.shape[-1], shape, torch.float64)


def network_of(config: OnlineNetworkConfig, shape: tuple[int, ...], seed: int) -> OnlineNetwork:
    torch.manual_seed(seed)
    network = OnlineNetwork(config, shape, CLASSES, graded_input=True).double()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                parameter.uniform_(-0.1, 0.1)
    return network


def gradients(learner: Any, values: Any, labels: list[int], shape: tuple[int, ...]) -> dict[str, Any]:
    """Of all weights and biases, flat; without standardisation they are the changes themselves."""
    calls: list[int] = []
    learner.learn(frames(values, labels, shape), lambda: calls.append(0))
    assert len(calls) == 1
    return {
        name.removesuffix(".weight"): parameter.grad.numpy().reshape(-1).copy()
        for name, parameter in learner.network.named_parameters()
    }


def assert_same(found: dict[str, Any], expected: dict[str, Any], tolerance: float = 1e-6) -> None:
    for name, values in found.items():
        scale = np.abs(expected[name]).max() + 1e-300
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=tolerance * scale, err_msg=name)


rules = st.builds(
    RuleConfig,
    a_pre=st.sampled_from([1.0, 0.5, 0.0]),
    a_post=st.sampled_from([-1.0, 0.0, 1.0, 0.3]),
    l_pre=st.sampled_from([None, 0.0, 0.5, 1.0]),
    l_post=st.sampled_from([0.0, 0.2, 0.9]),
    l_readout=st.sampled_from([None, 0.0, 0.7]),
    psi=st.sampled_from(PSI),
    window=st.sampled_from([None, 1, 3]),
    signal=st.sampled_from(["bp", "dfa", "sign dfa"]),
    error_delay=st.sampled_from([0, 0, 2]),
).filter(lambda rule: rule.error_delay < (rule.window or 6))
networks = st.builds(
    OnlineNetworkConfig,
    hidden=st.sampled_from([(5,), (4, 3), ()]),
    leak=st.sampled_from([0.5, 0.9933]),
    threshold=st.sampled_from([0.3, 0.6]),
    reset=st.sampled_from(["subtract", "zero"]),
    readout=st.sampled_from(["leaky", "instantaneous"]),
    readout_leak=st.sampled_from([0.9, 0.9933]),
    gain=st.sampled_from([0.5, 1.0]),
    bias=st.booleans(),
    weight_scale=st.just(1.5),
)


@settings(deadline=None, max_examples=60)
@given(networks, rules, st.booleans(), st.integers(0, 1000))
def test_dense_and_recurrent_weights_change_as_the_equations_say(
    config: OnlineNetworkConfig, rule: RuleConfig, recurrent: bool, seed: int
) -> None:
    config = replace(config, recurrent=recurrent and bool(config.hidden))
    values, labels = drawn_inputs(seed, 2, (4,), 6)
    learner = OnlineLearner(network_of(config, (4,), seed), rule, 6).double()
    assert_same(gradients(learner, values, labels, (4,)), plain_changes(learner, values.astype(float), labels))


@settings(deadline=None, max_examples=20)
@given(networks, rules, st.sampled_from([(1, 1), (2, 1), (2, 0), (1, 0)]), st.integers(0, 1000))
def test_convolutional_weights_change_as_the_equations_say(
    config: OnlineNetworkConfig, rule: RuleConfig, geometry: tuple[int, int], seed: int
) -> None:
    stride, padding = geometry
    conv = (ConvConfig(2, 3, stride, padding), ConvConfig(2, 2, 1))
    config = replace(config, conv=conv, hidden=config.hidden[:1])
    shape = (2, 6, 5)
    values, labels = drawn_inputs(seed, 2, shape, 4)
    learner = OnlineLearner(network_of(config, shape, seed), rule, 4).double()
    assert_same(gradients(learner, values, labels, shape), plain_changes(learner, values.astype(float), labels))


def test_the_cases_above_learn_something() -> None:
    """All layers, both terms: otherwise equality would say nothing."""
    config = OnlineNetworkConfig(hidden=(8, 8), recurrent=True, weight_scale=1.5)
    values, labels = drawn_inputs(3, 4, (6,), 12)
    both, causal = (
        gradients(OnlineLearner(network_of(config, (6,), 3), RuleConfig(a_post=a), 12).double(), values, labels, (6,))
        for a in (1.0, 0.0)
    )
    assert all(np.abs(value).max() > 0 for value in both.values())
    hidden = [name for name in both if name.startswith("layers")]
    assert len(hidden) == 4
    assert all(np.abs(both[name] - causal[name]).max() > 1e-3 * np.abs(both[name]).max() for name in hidden)


@pytest.mark.parametrize("signal", ["bp", "dfa", "sign dfa"])
@pytest.mark.parametrize("delay", [0, 2])
@pytest.mark.parametrize("conv", [(), (ConvConfig(3, 3, 2),)], ids=["dense", "convolution"])
def test_every_kind_of_signal_reaches_every_layer(signal: Any, delay: int, conv: tuple[ConvConfig, ...]) -> None:
    shape = (2, 5, 4)
    config = OnlineNetworkConfig(conv=conv, hidden=(8, 8), weight_scale=2.0)
    values, labels = drawn_inputs(5, 4, shape, 12)
    rule = RuleConfig(signal=signal, error_delay=delay)
    network = network_of(config, shape, 5)
    found = gradients(OnlineLearner(network, rule, 12).double(), values.reshape(4, *network.input_shape, 12), labels,
                      network.input_shape)  # fmt: skip
    assert all(np.abs(value).max() > 0 for value in found.values())


def test_a_weight_that_is_no_number_is_told() -> None:
    network = network_of(OnlineNetworkConfig(hidden=(5,), recurrent=True), (4,), 0)
    with torch.no_grad():
        network.hidden[0].parts[0].weight[1, 2] = float("nan")
    values, labels = drawn_inputs(0, 3, (4,), 6)
    with pytest.raises(UnusableRateError, match="a change of weights is no number; lower the learning rate"):
        gradients(OnlineLearner(network, RuleConfig(), 6).double(), values, labels, (4,))
    with pytest.raises(UnusableRateError, match="no number; lower the learning rate"):
        gradients(UnrolledLearner(network, UnrolledConfig(), 6), values, labels, (4,))


@pytest.mark.parametrize("psi", PSI)
def test_psi_is_what_it_says(psi: Any) -> None:
    distance = torch.linspace(-2, 2, 101, dtype=torch.float64)
    expected = [plain_psi(psi, v) for v in distance.tolist()]
    np.testing.assert_allclose(secondary_activation(psi, distance).numpy(), expected, rtol=1e-12)


def test_psi_of_the_publication_has_an_integral_of_at_most_1() -> None:
    distance = torch.linspace(-200, 200, 4_000_001, dtype=torch.float64)
    for psi in PSI:
        assert float(secondary_activation(psi, distance.clone()).sum()) * 1e-4 <= 1.001  # type: ignore[arg-type]


def one_layer(values: Any, labels: list[int], network: OnlineNetwork, kept: float, kept_readout: float) -> Any:
    """OTTT (kept: the leak) and SLTT (kept: 0) of one hidden layer, from their own papers' equations.

    OTTT, equation 6: the gradient of a step is g_u[t] a[t]^T with g_u = dL[t]/ds[t] σ'(u[t]), a[t] = λ a[t-1] + x[t];
    SLTT, algorithm 1: the same with x[t] alone.
    """
    config, layer = network.config, network.hidden[0]
    weight, out = layer.parts[0].weight.detach().numpy(), network.readout.parts[0].weight.detach().numpy()
    change, change_out = np.zeros_like(weight), np.zeros_like(out)
    n_samples = len(labels)
    u, z = np.zeros((n_samples, len(weight))), np.zeros((n_samples, len(out)))
    a, b = np.zeros((n_samples, weight.shape[1])), np.zeros_like(u)
    for t in range(values.shape[-1]):
        x = values[..., t]
        u = config.leak * u + x @ weight.T
        s = (u > config.threshold).astype(float)
        derivative = 1 / (100 * np.abs(u - config.threshold) + 1) ** 2
        u = u - config.threshold * s
        z = config.readout_leak * z + s @ out.T
        a, b = kept * a + x, kept_readout * b + s
        shares = np.exp(z - z.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        shares[np.arange(n_samples), labels] -= 1
        shares /= n_samples
        change += (shares @ out * derivative).T @ a
        change_out += shares.T @ b
    return {"layers.0.synapses.0": change.reshape(-1), "readout.synapses.0": change_out.reshape(-1)}


@pytest.mark.parametrize(("rule", "kept"), [(ottt(), 0.8), (sltt(), 0.0)], ids=["OTTT", "SLTT"])
@pytest.mark.parametrize("seed", range(3))
def test_ottt_and_sltt_are_values_of_the_rule(rule: RuleConfig, kept: float, seed: int) -> None:
    config = OnlineNetworkConfig(hidden=(9,), leak=0.8, readout_leak=0.9, weight_scale=1.5)
    values, labels = drawn_inputs(seed, 4, (5,), 15)
    network = network_of(config, (5,), seed)
    expected = one_layer(values, labels, network, kept, 0.9 if kept else 0.0)
    assert_same(gradients(OnlineLearner(network, rule, 15), values, labels, (5,)), expected, 1e-9)


def test_the_publications_values_are_presets() -> None:
    shd = PRESETS["shd"]
    assert (shd.l_post, shd.l_pre, shd.a_post, shd.a_pre, shd.window) == (0.5, 1.0, 1.0, 1.0, 90)
    gesture = PRESETS["dvs gesture"]
    assert (gesture.l_post, gesture.l_pre, gesture.a_post, gesture.a_pre) == (0.2, 0.75, -1.0, 1.0)
    assert PRESETS["shd dfa"] == replace(shd, signal="dfa")
    assert (ottt().a_post, ottt().l_pre, sltt().a_post, sltt().l_pre) == (0, None, 0, 0)


def test_standardised_weights_learn_what_autograd_makes_of_the_rules_changes() -> None:
    config = OnlineNetworkConfig(hidden=(6,), recurrent=True, weight_standardisation=True)
    values, labels = drawn_inputs(1, 3, (5,), 8)
    learner = OnlineLearner(network_of(config, (5,), 1), RuleConfig(), 8)
    expected = plain_changes(learner, values.astype(float), labels)
    gradients(learner, values, labels, (5,))
    for number, part in enumerate(learner.network.hidden[0].parts):
        weight, gain = (p.detach().clone().requires_grad_() for p in (part.weight, part.gain))
        rows = []
        for row, factor in zip(weight, gain):
            centred = row - row.mean()
            rows.append(factor * centred / torch.sqrt((centred**2).mean() * len(row) + 1e-4))
        used = torch.stack(rows)
        assert torch.allclose(used, part.used(), rtol=1e-12)
        change = torch.from_numpy(expected[f"layers.0.synapses.{number}"]).view_as(used)
        (used * change).sum().backward()
        assert torch.allclose(weight.grad, part.weight.grad, rtol=1e-9, atol=1e-12)
        assert torch.allclose(gain.grad, part.gain.grad, rtol=1e-9, atol=1e-12)


def each_step(rate: float) -> tuple[list[Any], Any]:
    """Gradients of each change, and what a change at the end would have been."""
    config = OnlineNetworkConfig(hidden=(5,), recurrent=True, weight_scale=1.5)
    values, labels = drawn_inputs(2, 3, (4,), 9)
    network = network_of(config, (4,), 2)
    together = gradients(OnlineLearner(network, RuleConfig(window=4), 9), values, labels, (4,))
    optimizer = torch.optim.SGD(network.parameters(), rate)
    found: list[Any] = []

    def change() -> None:
        found.append([parameter.grad.numpy().reshape(-1).copy() for parameter in network.parameters()])
        optimizer.step()

    OnlineLearner(network, RuleConfig(window=4, update="each step"), 9).learn(frames(values, labels, (4,)), change)
    return found, together


def test_a_change_in_each_step_of_the_window() -> None:
    found, together = each_step(0.0)
    assert len(found) == 4
    for number, expected in enumerate(together.values()):
        np.testing.assert_allclose(sum(step[number] for step in found), expected, rtol=1e-12, atol=1e-15)
    learning, _ = each_step(0.5)
    assert all(np.array_equal(before, now) for before, now in zip(found[0], learning[0]))
    assert not any(np.array_equal(before, now) for before, now in zip(found[1], learning[1]))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"window": 7}, "method.window: must be 1…6, the steps of a sample, or null, got 7"),
        ({"window": 0}, "method.window: must be at least 1, got 0"),
        ({"l_pre": 1.5}, "method.l_pre: must be 0…1, got 1.5"),
        ({"a_post": float("nan")}, "method.a_post: must be finite, got nan"),
        ({"signal": "drtp"}, "method.signal: must be one of bp, dfa, sign dfa, got 'drtp'"),
        ({"error_delay": -1}, "method.error_delay: must be at least 0, got -1"),
        ({"window": 3, "error_delay": 3}, "method.error_delay: must be at least 0 and less"),
        ({"psi": "step"}, "method.psi: must be one of fast sigmoid"),
    ],
)
def test_values_out_of_range(values: dict[str, Any], words: str) -> None:
    with pytest.raises(LapilliError, match=words):
        OnlineLearner(network_of(OnlineNetworkConfig(hidden=(3,)), (4,), 0), RuleConfig(**values), 6)


def learner_of(rule: RuleConfig) -> OnlineLearner:
    return OnlineLearner(network_of(OnlineNetworkConfig(hidden=(3,)), (4,), 0), rule, 6)


@pytest.mark.parametrize("update", ["batch", "each step"])
def test_a_learning_signal_that_is_no_number_changes_nothing(update: Any) -> None:
    learner = learner_of(RuleConfig(update=update))
    with torch.no_grad():
        learner.network.readout.parts[0].weight[0, 0] = float("nan")
    values, labels = drawn_inputs(0, 2, (4,), 6)
    with pytest.raises(LapilliError, match=r"the learning signal of step \d+ is nan, no number; lower the learning"):
        learner.learn(frames(values, labels, (4,)), lambda: pytest.fail("weights were changed"))


def test_labels_that_are_none() -> None:
    values, labels = drawn_inputs(0, 2, (4,), 6)
    stream = frames(values, labels, (4,))
    stream.labels = torch.zeros(2, CLASSES)
    with pytest.raises(LapilliError, match=r"labels: must be one int64 for each of 2 samples, got float32 of shape"):
        learner_of(RuleConfig()).learn(stream, lambda: None)
    with pytest.raises(LapilliError, match=r"labels: must be 0…2, got 3"):
        learner_of(RuleConfig()).learn(frames(values, [0, 3], (4,)), lambda: None)
    with pytest.raises(LapilliError, match="a sample must have 6 steps, got 5"):
        learner_of(RuleConfig()).learn(frames(values[..., :5], labels, (4,)), lambda: None)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"hidden": (3, 0)}, r"network\.hidden\[1\]: must be at least 1, got 0"),
        ({"hidden": (99999999999,)}, "hidden: more than 1073741824 weights"),
        ({"hidden": (), "recurrent": True}, "recurrent: there is no layer in hidden"),
        ({"leak": 1.1, "threshold": 0}, r"leak: must be 0…1, got 1.1; network\.threshold: must be above 0"),
        ({"conv": (ConvConfig(2),)}, "conv: needs an input of channels, rows and columns"),
        ({"arithmetic": "integer"}, "threshold: must be a multiple of 1/64"),
        ({"arithmetic": "integer", "threshold": 1, "bias": True}, "bias: integer arithmetic has none"),
    ],
)
def test_networks_that_cannot_be(values: dict[str, Any], words: str) -> None:
    with pytest.raises(LapilliError, match=words):
        network_of(OnlineNetworkConfig(**values), (4,), 0)
    with pytest.raises(LapilliError, match="must be 1 here, got 2"):
        network_of(OnlineNetworkConfig(conv=(ConvConfig(2, groups=2),)), (2, 5, 5), 0)
    with pytest.raises(LapilliError, match="a kernel of 9 does not fit 5 x 5 neurons"):
        network_of(OnlineNetworkConfig(conv=(ConvConfig(2, 9, padding=0),)), (2, 5, 5), 0)
