"""What was trained with integers is what is exported: module = reference = fast, bit for bit."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lapilli.netx_exports import load, save
from lapilli.netx_exports.errors import LapilliError, UnsupportedError
from lapilli.simulators import Events, prove, run
from lapilli.simulators.decisions.decide import decide, needed_recording
from lapilli.training.networks.config import ConvConfig
from lapilli.training.networks.slayer import slayer
from lapilli.training.stllr.config import OnlineNetworkConfig, RuleConfig, UnrolledConfig
from lapilli.training.stllr.exported import ModuleBackend, export
from lapilli.training.stllr.frames import Frames
from lapilli.training.stllr.learner import OnlineLearner
from lapilli.training.stllr.network import OnlineNetwork
from lapilli.training.stllr.synapses import DenseSynapse
from lapilli.training.stllr.unrolled import UnrolledLearner

CLASSES = 4


def integers(**options: Any) -> OnlineNetworkConfig:
    chosen = {"threshold": 0.5, "reset": "zero", "arithmetic": "integer", "weight_scale": 2.0, **options}
    return OnlineNetworkConfig(**chosen)


def drawn(seed: int, shape: tuple[int, ...], n_steps: int, graded: bool = True) -> Events:
    random = np.random.default_rng(seed)
    size = (6, *shape, n_steps)
    values = (random.random(size) < 0.3) * (random.integers(1, 5, size) if graded else 1)
    return Events.from_dense(values.astype(np.int32), random.integers(0, CLASSES, 6))


def trained(config: OnlineNetworkConfig, events: Events, seed: int, method: Any) -> OnlineNetwork:
    torch.manual_seed(seed)
    network = OnlineNetwork(config, events.shape, CLASSES, events.value is not None)
    kind = OnlineLearner if isinstance(method, RuleConfig) else UnrolledLearner
    learner: Any = kind(network, method, events.n_steps)
    optimizer = torch.optim.Adam(network.parameters(), 0.05)
    for _ in range(3):
        learner.learn(Frames(events, events.n_steps, network.input_shape), optimizer.step)
    return network


def assert_exact(network: OnlineNetwork, events: Events) -> int:
    """Everything of every layer equal, and the decision; returns spikes."""
    exported = export(network)
    n_steps = events.n_steps + exported.depth
    backends: dict[str, Any] = {"module": ModuleBackend(network), "reference": "reference", "fast": "fast"}
    proof = prove(exported, events, backends, n_steps=n_steps)
    assert proof.equal, proof
    assert (len(proof.backends), dict(proof.skipped)) == (3, {})
    result = run(exported, events, "fast", n_steps=n_steps, record=needed_recording(exported))
    scores = network.scores(Frames(events, events.n_steps, network.input_shape))
    assert np.array_equal(decide(result, exported), scores.argmax(1).numpy())
    return proof.spikes_compared


@settings(deadline=None, max_examples=12)
@given(
    st.sampled_from([(7,), (5, 6)]),
    st.booleans(),
    st.sampled_from(["leaky", "instantaneous"]),
    st.sampled_from([0.5, 0.9, 0.9933]),
    st.booleans(),
    st.sampled_from([RuleConfig(), RuleConfig(signal="dfa", a_post=-1.0), UnrolledConfig(psi="triangle")]),
    st.booleans(),
    st.integers(0, 1000),
)
def test_dense_and_recurrent_networks(
    hidden: tuple[int, ...],
    recurrent: bool,
    readout: Any,
    leak: float,
    standardised: bool,
    method: Any,
    graded: bool,
    seed: int,
) -> None:
    config = integers(
        hidden=hidden, recurrent=recurrent, readout=readout, leak=leak, weight_standardisation=standardised
    )
    events = drawn(seed, (9,), 12, graded)
    assert_exact(trained(config, events, seed, method), events)


@settings(deadline=None, max_examples=5)
@given(st.sampled_from([(), (5,)]), st.sampled_from([1, 2]), st.integers(0, 1000))
def test_convolutional_networks(hidden: tuple[int, ...], stride: int, seed: int) -> None:
    config = integers(conv=(ConvConfig(3, 3, stride), ConvConfig(2, 2)), hidden=hidden, leak=0.8)
    events = drawn(seed, (2, 6, 5), 8)
    assert_exact(trained(config, events, seed, RuleConfig(psi="triangle", window=5)), events)


def test_the_cases_spike_and_a_file_keeps_them(tmp_path: Any) -> None:
    events = drawn(0, (9,), 30)
    network = trained(integers(hidden=(8,), recurrent=True), events, 0, RuleConfig())
    assert assert_exact(network, events) > 200
    save(export(network), tmp_path / "model.net")
    assert load(tmp_path / "model.net") == export(network)


def test_weights_are_rounded_as_slayer_does() -> None:
    synapse = DenseSynapse(40, 30, 1.0, False, True)
    with torch.no_grad():
        synapse.weight.uniform_(-5, 5)
    block = slayer.block.cuba.Dense({"threshold": 1.0, "current_decay": 1.0, "voltage_decay": 0.1}, 40, 30)
    expected = block.synapse.pre_hook_fx(synapse.weight.detach())
    # The one weight that SLAYER keeps and 8 bits do not: 255.
    assert torch.equal(synapse.used(), expected.clamp(max=254 / 64))
    inside = synapse.weight.abs() < 3.9
    synapse.used().sum().backward()
    assert torch.equal(synapse.weight.grad[inside], torch.ones(int(inside.sum())))
    assert not synapse.weight.grad[synapse.weight.abs() > 4.1].any()


def test_what_is_no_integer_network_says_why() -> None:
    network = OnlineNetwork(OnlineNetworkConfig(hidden=(3,)), (4,), 2)
    with pytest.raises(UnsupportedError, match=r'arithmetic: must be "integer".*reset: must be "zero"'):
        export(network)
    subtracting = OnlineNetwork(OnlineNetworkConfig(hidden=(3,), arithmetic="integer", threshold=0.5), (4,), 2)
    with pytest.raises(UnsupportedError, match="cannot subtract its threshold"):
        export(subtracting)


def test_currents_that_would_wrap_around_are_an_error() -> None:
    network = OnlineNetwork(integers(hidden=(2,)), (400,), 2, True)
    with torch.no_grad():
        network.hidden[0].parts[0].weight.fill_(3.9)
    events = Events.from_dense(np.full((1, 400, 2), 200, np.int32), np.zeros(1, np.int64))
    with pytest.raises(LapilliError, match="integers wrap around"):
        network.scores(Frames(events, 2, (400,)))
