"""Neurons other than LIF in files: as SLAYER exports them, as `save` writes them, and as stock lava-dl runs them."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_networks import KINDS, LATER_KINDS, cases
from run_equality import assert_same_run

from lapilli.netx_exports import (
    INPUT,
    DirectSynapse,
    FormatError,
    Layer,
    Network,
    UnsupportedError,
    inspect,
    load,
    save,
)
from lapilli.netx_exports.netx.stock import is_plain, stock_problems
from lapilli.netx_exports.neurons.kinds import (
    NEURONS,
    AdaptiveLif,
    Delta,
    IzhikevichResonateAndFire,
    Neuron,
    ResonateAndFire,
    Sigma,
    SigmaDelta,
)
from lapilli.netx_exports.neurons.resonators import stock_turn
from lapilli.netx_exports.synapses.fitting import lossless_dense
from lapilli.netx_exports.synapses.kinds import ConvSynapse, DenseSynapse, Synapse
from lapilli.simulators import Events, run
from lapilli.simulators.lava.backend import run_on_route
from lapilli.simulators.lava.runs import Route
from lapilli.simulators.plan import RunPlan

RESONATORS = (ResonateAndFire, IzhikevichResonateAndFire)


def complex_pair(rng: np.random.Generator, source: str, n_out: int, n_in: int) -> tuple[DenseSynapse, DenseSynapse]:
    real, imag = 2 * rng.integers(-60, 61, (2, n_out, n_in))
    return lossless_dense(source, real), DenseSynapse(source, imag, port="imag")


def turn_that_stock_lava_keeps(rng: np.random.Generator) -> tuple[int, int]:
    while True:
        turn = 4096 * rng.uniform(0.5, 1) * np.exp(1j * rng.uniform(0.1, 3))
        pair = int(turn.imag), int(turn.real)
        if stock_turn(*pair) == pair:
            return pair


def resonating(rng: np.random.Generator, kind: Any, n_layers: int) -> Network:
    layers: list[Layer] = []
    for number in range(n_layers):
        n_in = layers[-1].size if layers else 7
        neuron = kind(int(rng.integers(0, 80)), *turn_that_stock_lava_keeps(rng))
        source = layers[-1].name if layers else INPUT
        n_out = int(rng.integers(2, 6))
        layers.append(Layer(f"layer{number}", (n_out,), neuron, complex_pair(rng, source, n_out, n_in)))
    return Network((7,), tuple(layers))


def sigma_delta(rng: np.random.Generator) -> Network:
    encoder = Layer("encoder", (5,), Delta(int(rng.integers(0, 6))), (DirectSynapse(),))
    hidden = Layer(
        "hidden",
        (4,),
        SigmaDelta(int(rng.integers(0, 30)), rng.integers(-60, 61, 4)),
        (lossless_dense("encoder", 2 * rng.integers(-60, 61, (4, 5))),),
    )
    output = Layer("output", (3,), Sigma(), (lossless_dense("hidden", 2 * rng.integers(-60, 61, (3, 4))),))
    return Network((5,), (encoder, hidden, output), graded_input=True)


@st.composite
def plain_networks(draw: st.DrawFn) -> Network:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from([*RESONATORS, SigmaDelta]))
    return sigma_delta(rng) if kind is SigmaDelta else resonating(rng, kind, draw(st.integers(1, 3)))


def some_events(network: Network, seed: int, n_steps: int = 24) -> Events:
    rng = np.random.default_rng(seed)
    shape = (1, network.n_inputs, n_steps)
    values = rng.integers(-40, 41, shape) if network.graded_input else 1
    return Events.from_dense((rng.random(shape) < 0.4) * values)


@pytest.mark.slow
@given(network=plain_networks())
def test_plain_networks_come_back(network: Network, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("plain") / "a.net"
    assert is_plain(network)
    save(network, path)
    with h5py.File(path) as file:
        assert "layer" in file
    assert load(path) == network


@pytest.mark.slow
@settings(max_examples=100)
@given(case=cases(conv_delays=True, models=tuple(NEURONS), kinds=(*KINDS, *LATER_KINDS)))
def test_every_network_comes_back(case: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("any") / "a.net"
    save(case.network, path)
    assert load(path) == case.network


@pytest.mark.lava
@settings(max_examples=20)
@given(network=plain_networks(), seed=st.integers(0, 1000))
def test_stock_lava_runs_them_as_the_reference_where_it_is_said_to(network: Network, seed: int) -> None:
    events = some_events(network, seed)
    plan = RunPlan(events.n_steps, {layer.name: frozenset(layer.neuron.states) for layer in network.layers})
    assume(not stock_problems(network))  # all weights 0, or wrongly scaled
    stock = run_on_route(network, events, plan, Route("stock", None))
    assert_same_run(run(network, events, "reference", record=plan.record), stock)


@pytest.mark.lava
def test_a_turn_that_stock_lava_rounds_is_told(tmp_path: Path) -> None:
    """lava-dl goes from sine and cosine to a period and back, and cuts off what is behind the point."""
    pairs = np.random.default_rng(0).integers(-2800, 2801, (200, 2)).tolist()
    wrong = [pair for pair in pairs if stock_turn(*pair) != tuple(pair)]
    right = [pair for pair in pairs if stock_turn(*pair) == tuple(pair)]
    assert wrong
    assert right
    assert stock_turn(0, 1000) is None
    rng = np.random.default_rng(1)
    layer = Layer("a", (3,), ResonateAndFire(5, *wrong[0]), complex_pair(rng, INPUT, 3, 7))
    network = Network((7,), (layer,))
    assert any("instead of" in problem for problem in stock_problems(network))
    events = some_events(network, 3)
    plan = RunPlan(events.n_steps, {"a": frozenset({"real", "imag"})})
    stock = run_on_route(network, events, plan, Route("stock", None))
    runs = Network((7,), (Layer("a", (3,), ResonateAndFire(5, *stock_turn(*wrong[0])), layer.synapses),))
    assert_same_run(run(runs, events, "reference", record=plan.record), stock)


@pytest.mark.parametrize(
    ("change", "obstacle"),
    [
        ({"neuron": AdaptiveLif(5, 1, 2, 3, 4, 5)}, "model ALIF, on which lava-dl fails"),
        ({"neuron": SigmaDelta(5, activation="unit")}, "activation 'unit'"),
        ({"neuron": SigmaDelta(5, spike_exp=3)}, "spike_exp 3"),
        ({"neuron": SigmaDelta(5, 1 << 16)}, "more than 16 bits"),
        ({"neuron": Delta(5)}, "directly behind the input only"),
        ({"neuron": ResonateAndFire(5, 1, 1)}, "without an imaginary synapse"),
        ({"synapses": (DirectSynapse(),)}, "model SDNN behind the input"),
    ],
)
def test_what_stock_lava_cannot_read_is_named(change: dict[str, Any], obstacle: str) -> None:
    parts: dict[str, Any] = {
        "neuron": SigmaDelta(5),
        "synapses": (lossless_dense(INPUT, np.full((2, 2), 4)),),
        **change,
    }
    network = Network((2,), (Layer("a", (2,), **parts),), graded_input=True)
    assert not is_plain(network)
    assert obstacle in stock_problems(network)[0]


def slayer_file(path: Path, blocks: list[Any], n_in: int) -> None:
    """Export blocks as SLAYER's own examples do."""
    import torch

    torch.manual_seed(0)
    values = (torch.rand(1, n_in, 20) < 0.4).float()
    with torch.no_grad():
        for block in blocks:
            values = block(values)
    with h5py.File(path, "w") as file:
        for number, block in enumerate(blocks):
            block.export_hdf5(file.create_group(f"layer/{number}"))


@pytest.mark.lava
@pytest.mark.parametrize(
    ("family", "parameters", "model"),
    [
        ("rf", {"threshold": 0.5, "period": 9.3, "decay": 0.05}, ResonateAndFire),
        ("rf_iz", {"threshold": 0.5, "period": 9.3, "decay": 0.05}, IzhikevichResonateAndFire),
        (
            "alif",
            {
                "threshold": 0.6,
                "threshold_step": 0.3,
                "current_decay": 0.3,
                "voltage_decay": 0.1,
                "threshold_decay": 0.2,
                "refractory_decay": 0.4,
            },
            AdaptiveLif,
        ),
        ("sigma_delta", {"threshold": 0.2, "activation": "relu"}, SigmaDelta),
    ],
)
def test_what_slayer_exports_is_read(
    tmp_path: Path, family: str, parameters: dict[str, Any], model: type[Neuron]
) -> None:
    from lava.lib.dl.slayer import block
    from torch.nn.functional import relu

    parameters = {name: relu if value == "relu" else value for name, value in parameters.items()}
    dense = getattr(block, family).Dense
    blocks = [dense(parameters, 6, 5), dense(parameters, 5, 3)]
    path = tmp_path / "slayer.net"
    slayer_file(path, blocks, 6)
    network = load(path)
    assert [type(layer.neuron) for layer in network.layers] == [model, model]
    device = blocks[0].neuron.device_params
    neuron = network.layers[0].neuron
    names = {"vThMant": "vth_mant", "vThStep": "threshold_step", "thDecay": "threshold_decay"}
    names |= {"iDecay": "current_decay", "vDecay": "voltage_decay", "refDecay": "refractory_decay"}
    names |= {"sinDecay": "sin_decay", "cosDecay": "cos_decay"}
    checked = [name for name in names if name in device]
    assert {name: int(np.ravel(device[name])[0]) for name in checked} == {
        name: getattr(neuron, names[name]) for name in checked
    }
    assert inspect(path).form == "plain"


def file_with_neuron(path: Path, **fields: Any) -> Path:
    with h5py.File(path, "w") as file:
        group = file.create_group("layer/0")
        group["type"], group["shape"], group["weight"] = b"dense", [2], np.full((2, 3), 4.0)
        for name, value in fields.items():
            group[f"neuron/{name}"] = value
    return path


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"type": b"SDNN"}, FormatError, "`layer/0/neuron/vThMant`: missing"),
        ({"type": b"SDNN", "vThMant": 1, "activation": b"tanh"}, UnsupportedError, "'tanh' is not run"),
        ({"type": b"SDNN", "vThMant": 1, "messageBits": 0}, UnsupportedError, "which 0 bits cannot hold"),
        ({"type": b"SDNN", "vThMant": 1, "sigma_output": 0}, FormatError, "must be 1 where it is given"),
        ({"type": b"SDNN", "vThMant": 1, "iDecay": 3}, FormatError, "`layer/0/neuron/iDecay`: unknown here"),
        (
            {"type": b"RF_PHASE", "vThMant": 1, "sinDecay": 1, "cosDecay": 2},
            FormatError,
            "`layer/0/weight`: must be a group",
        ),
        ({"type": b"ALIF", "vThMant": [1, 2]}, FormatError, "`layer/0/neuron/vThMant`: must be one number"),
    ],
)
def test_neurons_that_are_wrong(tmp_path: Path, fields: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        load(file_with_neuron(tmp_path / "a.net", **fields))
    assert message in str(raised.value)


def test_delays_that_both_weights_share_are_reported_once(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    with h5py.File(path, "w") as file:
        group = file.create_group("layer/0")
        group["type"], group["shape"] = b"dense", [2]
        group["weight/real"], group["weight/imag"] = np.full((2, 3), 4.0), np.full((2, 3), 6.0)
        group["inFeatures"], group["outFeatures"], group["delay"] = 5, 4, [1, 2, 3, 4]
        for name, value in {"type": b"RF_PHASE", "vThMant": 1, "sinDecay": 1, "cosDecay": 2}.items():
            group[f"neuron/{name}"] = value
    with pytest.raises(FormatError) as raised:
        load(path)
    assert [problem.partition("`:")[0] for problem in raised.value.problems] == ["`layer/0/delay"]


@pytest.mark.parametrize(
    "synapse", [ConvSynapse(INPUT, np.full((1, 1, 1, 1), 4), port="imag"), DirectSynapse(port="imag")]
)
def test_a_port_that_plain_files_cannot_name_comes_back(synapse: Synapse, tmp_path: Path) -> None:
    layer = Layer("a", (1, 2, 2), ResonateAndFire(1, 2000, 2000), (synapse,))
    network = Network((1, 2, 2), (layer,), graded_input=True)
    assert not is_plain(network)
    save(network, tmp_path / "a.net")
    assert load(tmp_path / "a.net") == network
