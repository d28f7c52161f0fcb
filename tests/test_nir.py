"""NIR: what can be said comes back exactly and means the same; what cannot is named; what others wrote is checked."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from of_kind import of_kind

nir = pytest.importorskip("nir", reason="nir is not installed (the extra `test`)")

from nir_euler import Euler, lava  # noqa: E402
from nir_networks import chain, images, random_nir_network  # noqa: E402
from random_networks import cases  # noqa: E402

from lapilli.netx_exports import (  # noqa: E402
    ConvSynapse,
    CubaLif,
    DenseSynapse,
    DirectSynapse,
    LapilliError,
    Layer,
    Network,
    UnsupportedError,
    from_nir,
    load_nir,
    save_nir,
    to_nir,
)
from lapilli.netx_exports.neurons.kinds import (  # noqa: E402
    NEVER_SPIKES,
    STATE_LIMIT,
    AdaptiveLif,
    Neuron,
    ResonateAndFire,
    SigmaDelta,
)
from lapilli.netx_exports.nir.meaning import DT, lags  # noqa: E402
from lapilli.simulators import Events, run  # noqa: E402

seeds = st.integers(0, 2**32 - 1)


# What can be said.


@settings(max_examples=50)
@given(seeds)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    network = random_nir_network(seed)
    path = tmp_path_factory.getbasetemp() / "round-trip.nir"
    save_nir(network, path)
    for back in (load_nir(path), from_nir(to_nir(network)), from_nir(nir.read(path))):
        assert back.fingerprint == network.fingerprint
        assert back.metadata == network.metadata


@settings(max_examples=200)
@given(cases(max_layers=3, conv_delays=True))
def test_any_network_is_exact_or_refused(case: Any) -> None:
    try:
        graph = to_nir(case.network)
    except UnsupportedError:
        return
    assert from_nir(graph) == case.network


@settings(max_examples=60)
@given(seeds)
def test_the_graph_means_what_the_network_does(seed: int) -> None:
    """Spikes and voltages of an Euler integration of the graph's equations, `lags` steps later."""
    network = random_nir_network(seed)
    rng = np.random.default_rng(seed)
    frames = (rng.random((*network.input_shape, 16)) < 0.4).astype(int)
    spikes, voltage = run_here(network, frames)
    euler = Euler(to_nir(network), DT, lava)
    last = network.output.name
    for step in range(16):
        sent = euler.step(frames[..., step].astype(float))
        # NIR's numbers have no end.
        assume(euler.largest < STATE_LIMIT - 1)
        assert np.array_equal(euler.state[last].reshape(-1) * 4096, voltage[..., step].reshape(-1))
        assert network.output.neuron.never_spikes or np.array_equal(sent.reshape(-1), spikes[..., step].reshape(-1))


def run_here(network: Network, frames: Any) -> tuple[Any, Any]:
    """Spikes and voltage of the output layer, (*shape, steps), from the step on in which the graph begins."""
    last = network.output.name
    lag = lags(network)[last]
    events = Events.from_dense(frames[None])
    done = run(network, events, "reference", n_steps=frames.shape[-1] + lag, record={last: ["voltage"]})
    voltage = done.recordings[last].voltage
    assert voltage is not None
    return done.spikes.to_dense()[0][..., lag:], voltage[0][..., lag:]


@pytest.mark.parametrize("dt", [1e-4, 1e-3, 1.0, 1 / 3, 7.3e-6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_decay_in_single_and_double_precision(dt: float, dtype: type) -> None:
    decays = np.arange(1, 4097)
    bias = np.arange(4096) * 7 - 9000
    neuron = CubaLif(64, decays[::-1], decays, bias_mant=bias)
    network = Network((1,), (Layer("a", (4096,), neuron, (DenseSynapse("input", np.ones((4096, 1))),)),))
    graph = to_nir(network, dt)
    for name in ("tau_syn", "tau_mem", "r", "w_in", "v_leak"):
        setattr(graph.nodes["a"], name, getattr(graph.nodes["a"], name).astype(dtype))
    assert from_nir(graph) == network


@pytest.mark.parametrize(
    ("current", "voltage", "kinds"),
    [
        (1, 1, {"CubaLIF"}),
        (4096, 4096, {"LIF"}),
        (4096, 0, {"IF"}),
        (0, 4096, {"I", "LIF"}),
        (0, 0, {"I", "IF"}),
        (7, 0, {"LI", "IF"}),
    ],
)
@pytest.mark.parametrize("threshold", [5, NEVER_SPIKES])
def test_nodes_by_decay(current: int, voltage: int, threshold: int, kinds: set[str]) -> None:
    network = chain(CubaLif(threshold, current, voltage))
    graph = to_nir(network)
    found = {type(node).__name__ for node in graph.nodes.values()} - {"Input", "Output", "Linear"}
    assert found == (kinds if threshold == 5 else {kind.removesuffix("F") for kind in kinds})
    assert from_nir(graph) == network


def test_flat_in_the_graph_and_folded_here() -> None:
    """SLAYER's dense layers on images are (N, 1, 1); where convolution and dense meet, the former is flattened."""
    network = dense(np.eye(2), (2, 1, 1))
    graph = to_nir(network)
    assert graph.nodes["a"].v_threshold.shape == (2,)
    assert from_nir(graph) == network
    layer = replace(
        images().layers[0], synapses=(*images().layers[0].synapses, DenseSynapse("input", np.ones((12, 32))))
    )
    network = Network((2, 4, 4), (layer,))
    graph = to_nir(network)
    assert {type(graph.nodes[source]).__name__ for source, target in graph.edges if target == "conv"} == {
        "Flatten",
        "Linear",
    }
    del graph.nodes["conv"].metadata["shape"]
    assert from_nir(graph) == network


def test_numbers_of_a_graph() -> None:
    graph = to_nir(chain(CubaLif(96, 1024, 128), size=1))
    neuron = graph.nodes["a"]
    assert neuron.tau_syn == 4e-4
    assert neuron.w_in == 4
    assert neuron.tau_mem == 32e-4
    assert neuron.r == 32
    assert neuron.v_threshold == 1.5
    synapse = of_kind(DenseSynapse, chain(CubaLif(0, 0, 0), size=1).layers[0].synapses[0])
    assert graph.nodes["a_weight0"].weight == np.asarray(synapse.weights)[0, 0] / 64
    assert graph.edges == [("input", "a_weight0"), ("a_weight0", "a"), ("a", "output")]


def test_ways_of_different_length_keep_their_difference_as_a_delay() -> None:
    """Over `a` the input takes two connections, directly one: in the graph the longer way is a step longer."""
    network = chain(CubaLif(64, 4096, 4096), CubaLif(64, 4096, 4096))
    around = replace(network.layers[1], synapses=(*network.layers[1].synapses, DenseSynapse("input", np.eye(3) * 64)))
    network = Network((3,), (network.layers[0], around))
    graph = to_nir(network)
    assert lags(network) == {"input": 0, "a": 1, "b": 1}
    assert {name for name, node in graph.nodes.items() if isinstance(node, nir.Delay)} == {"b_delay0"}
    assert np.all(graph.nodes["b_delay0"].delay == DT)


def test_with_a_bias_every_step_is_written() -> None:
    network = chain(CubaLif(64, 100, 4096, bias_mant=3), CubaLif(64, 100, 200))
    graph = to_nir(network)
    assert set(lags(network).values()) == {0}
    assert graph.nodes["a"].v_leak.tolist() == [3 / 64] * 3
    assert all(np.all(graph.nodes[f"{name}_delay0"].delay == DT) for name in "ab")


def test_same_bytes(tmp_path: Path) -> None:
    save_nir(images(), tmp_path / "one.nir")
    save_nir(images(), tmp_path / "two.nir")
    assert (tmp_path / "one.nir").read_bytes() == (tmp_path / "two.nir").read_bytes()


def test_another_dt(tmp_path: Path) -> None:
    network = chain(CubaLif(64, 100, 200), delays=[[3]])
    save_nir(network, tmp_path / "slow.nir", dt=1e-3)
    assert load_nir(tmp_path / "slow.nir") == network
    assert load_nir(tmp_path / "slow.nir", dt=1e-3) == network
    with pytest.raises(
        UnsupportedError, match=r"`node/nodes/a/r`: must be the time constant / dt = 6.82667, got 20.48"
    ):
        load_nir(tmp_path / "slow.nir", dt=3e-3)
    for dt in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(LapilliError, match="dt: must be a positive number"):
            to_nir(network, dt)
        with pytest.raises(LapilliError, match="dt: must be a positive number"):
            load_nir(tmp_path / "slow.nir", dt)


# What cannot.

LIF = CubaLif(64, 100, 200)


def dense(weights: Any, shape: tuple[int, ...] | None = None, neuron: Neuron = LIF, **options: Any) -> Network:
    """One dense layer `a`."""
    values = np.asarray(weights)
    return Network(
        (values.shape[1],),
        (Layer("a", shape or values.shape[:1], neuron, (DenseSynapse("input", values, **options),)),),
    )


def convolution(**options: Any) -> Network:
    """One convolution `a` of (4, 4, 4)."""
    synapse = ConvSynapse("input", **{"weights": np.ones((4, 4, 3, 3)), **options})
    return Network((4, 4, 4), (Layer("a", synapse.output_shape((4, 4, 4)), LIF, (synapse,)),))


def folded_then_convolved() -> Network:
    """A dense layer of shape (1, 2, 2), which a convolution reads."""
    first = dense(np.eye(4), (1, 2, 2)).layers[0]
    return Network((4,), (first, Layer("b", (1, 1, 1), LIF, (ConvSynapse("a", np.ones((1, 1, 2, 2))),))))


def graded() -> Network:
    layer = Layer("a", (3,), LIF, (DirectSynapse(),))
    return Network((3,), (layer,), graded_input=True)


def dead_end() -> Network:
    two = chain(LIF, LIF)
    return Network((3,), (two.layers[0], replace(two.layers[1], synapses=(DenseSynapse("input", np.eye(3)),))))


def unread_input() -> Network:
    return Network((3,), (Layer("a", (3,), LIF, (DenseSynapse("a", np.eye(3)),)),))


REFUSED: list[tuple[Network, str]] = [
    (graded(), "graded_input: NIR does not tell events that carry a value from spikes"),
    (graded(), "layer 'a': synapse 0 from 'input': NIR has no connection of the kind 'direct'"),
    (
        dense([[3, 4]], weight_exp=-1, weight_bits=9),
        "layer 'a': synapse 0 from 'input': weight_exp: -1 rounds sums of weights that are no multiples of 2",
    ),
    (
        dense(np.ones((2, 2)), delays=[[1, 2], [3, 4]]),
        "layer 'a': synapse 0 from 'input': delays: NIR has delays for each source or for each neuron, "
        "not for each connection",
    ),
    (
        folded_then_convolved(),
        "layer 'b': synapse 0 from 'a': NIR has its source flat, as (4,), and cannot fold it",
    ),
    (
        convolution(groups=2, weights=np.ones((4, 2, 3, 3))),
        "layer 'a': synapse 0 from 'input': groups: must be 1, "
        "since nir takes in / groups channels for all of them, got 2",
    ),
    (
        convolution(weights=np.ones((4, 4, 3, 2))),
        "layer 'a': synapse 0 from 'input': weights: must be square, "
        "since nir takes a kernel's height for its width, got 3 x 2",
    ),
    (
        dense(np.eye(2), neuron=CubaLif(64, [0, 1], [1, 0])),
        "layer 'a': current_decay: must be 0 for all neurons or for none, since 0 is a node of its own (an integrator)",
    ),
    (
        dense(np.eye(2), neuron=CubaLif(64, [0, 1], [1, 0])),
        "layer 'a': voltage_decay: must be 0 for all neurons or for none, since 0 is a node of its own (an integrator)",
    ),
    (
        dense(np.eye(2), neuron=CubaLif(64, 1, 0, bias_mant=1)),
        "layer 'a': bias_mant: says a leak voltage, which needs a voltage_decay above 0",
    ),
    (
        dense(np.eye(2), neuron=CubaLif([64, 131072], 1, 0)),
        "layer 'a': vth_mant: must be at most 131071, where the voltage saturates, or 262143 for all neurons "
        "(a readout), got 131072",
    ),
    (
        chain(CubaLif(NEVER_SPIKES, 1, 1), LIF),
        "layer 'a': vth_mant: 262143 never spikes, and NIR's leaky integrator would send its voltage instead",
    ),
    *(
        (dense(np.eye(2), neuron=neuron), f"layer 'a': neuron: NIR has no model that is exactly {neuron.model}")
        for neuron in (AdaptiveLif(64, 8, 1, 1, 1, 1), ResonateAndFire(64, 100, 4000), SigmaDelta(64))
    ),
    (dead_end(), "layer 'a': feeds nothing, so NIR takes it for an output"),
    (unread_input(), "input: feeds nothing, so NIR takes it for an output"),
    (
        Network((3,), (replace(chain(LIF).layers[0], name="."),)),
        "layer '.': name: means a folder in HDF5",
    ),
]


@pytest.mark.parametrize(("network", "problem"), REFUSED)
def test_what_nir_cannot_say_is_refused(tmp_path: Path, network: Network, problem: str) -> None:
    with pytest.raises(UnsupportedError) as raised:
        save_nir(network, tmp_path / "refused.nir")
    assert problem in raised.value.problems
    assert not any(tmp_path.iterdir())


def test_every_reason_at_once() -> None:
    network = chain(CubaLif(131072, 1, 1), CubaLif(NEVER_SPIKES, [0, 1, 2], 1), weight_exp=-7)
    with pytest.raises(UnsupportedError) as raised:
        to_nir(network)
    assert [problem.split(":")[:2] for problem in raised.value.problems] == [
        ["layer 'a'", " vth_mant"],
        ["layer 'a'", " synapse 0 from 'input'"],
        ["layer 'b'", " current_decay"],
        ["layer 'b'", " synapse 0 from 'a'"],
    ]


def test_a_name_of_dots_alone_is_the_only_one_refused(tmp_path: Path) -> None:
    network = Network((3,), (replace(chain(LIF).layers[0], name=". .é{}\"'"),))
    save_nir(network, tmp_path / "name.nir")
    assert load_nir(tmp_path / "name.nir") == network


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    save_nir(images(), tmp_path / "written.nir")
    monkeypatch.setitem(sys.modules, "nir", None)
    with pytest.raises(LapilliError, match=r"^writing NIR needs nir: pip install '\.\[nir\]' in lapilli's folder$"):
        save_nir(images(), tmp_path / "other.nir")
    assert load_nir(tmp_path / "written.nir") == images()


def test_an_old_file_survives_a_failure(tmp_path: Path) -> None:
    (tmp_path / "old.nir").write_text("old")
    with pytest.raises(UnsupportedError):
        save_nir(graded(), tmp_path / "old.nir")
    with pytest.raises(LapilliError, match="cannot write"):
        save_nir(images(), tmp_path / "missing" / "new.nir")
    assert (tmp_path / "old.nir").read_text() == "old"
