"""The contract: what a `Network` refuses, and what it says about itself."""

import pickle
from typing import Any

import numpy as np
import pytest

from lapilli.netx_exports import (
    INPUT,
    ConvSynapse,
    CubaLif,
    DenseSynapse,
    DirectSynapse,
    IdentitySynapse,
    Layer,
    Network,
    NetworkError,
)
from lapilli.netx_exports.synapses.kinds import Synapse

NEURON = CubaLif(vth_mant=64, current_decay=1024, voltage_decay=128)


def dense(n_out: int, n_in: int, source: str = INPUT, **options: Any) -> DenseSynapse:
    return DenseSynapse(source, np.full((n_out, n_in), 2), **options)


def layer(name: str, n: int, *synapses: Synapse, neuron: CubaLif = NEURON) -> Layer:
    return Layer(name, (n,), neuron, synapses)


def chain() -> Network:
    return Network((3,), (layer("a", 4, dense(4, 3)), layer("b", 2, dense(2, 4, "a"))))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((), "layers: a network needs at least one layer"),
        ((layer("a", 4),), "layer 'a': synapses: a layer needs at least one"),
        ((layer("a", 4, dense(4, 5)),), r"weights: shape must be \(4, 3\), got \(4, 5\)"),
        ((layer("a", 4, dense(4, 3, "b")),), "source must be the input, an earlier layer or the layer itself"),
        ((layer("input", 4, dense(4, 3)),), "layer 'input': name: already taken"),
        ((layer("a/b", 4, dense(4, 3)),), "name: must be 1…250 printable characters without a slash, got 'a/b'"),
        ((layer("a" * 251, 4, dense(4, 3)),), "name: must be 1…250 printable characters"),
        (
            (layer("a", 4, DenseSynapse(INPUT, np.full((4, 3), 256))),),
            r"in -256…255, got 256 at \[0, 0\]",
        ),
        (
            (layer("a", 4, DenseSynapse(INPUT, np.full((4, 3), 0.5))),),
            r"in -256…255, got 0.5 at \[0, 0\]",
        ),
        ((layer("a", 4, DenseSynapse(INPUT, np.full((4, 3), np.nan))),), "got nan"),
        ((layer("a", 4, dense(4, 3, delays=[[63]])),), "delays: must be whole numbers in 0…62, got 63"),
        ((layer("a", 4, dense(4, 3, delays=[1, 2, 3])),), "delays: shape must broadcast to"),
        ((layer("a", 4, dense(4, 3, weight_bits=10)),), "weight_bits: must be whole numbers in 1…9, got 10"),
        ((layer("a", 4, dense(4, 3, sign_mode="signed")),), "sign_mode: must be one of mixed"),
        ((layer("a", 4, dense(4, 3), neuron=CubaLif(-1, 0, 0)),), "vth_mant: must be whole numbers in 0…"),
        ((layer("a", 4, dense(4, 3), neuron=CubaLif(1, 5000, 0)),), "current_decay: must be whole numbers in 0…4096"),
        ((layer("a", 4, dense(4, 3), neuron=CubaLif(1, [1, 2], 0)),), r"current_decay: shape must be \(\), \(4,\)"),
        ((layer("a", 4, DirectSynapse()),), "a direct synapse needs graded_input=True"),
        ((layer("a", 4, IdentitySynapse(INPUT, 1)),), "source: must have 4 neurons, got 3"),
        ((layer("a", 4, ConvSynapse(INPUT, np.ones((1, 1, 1, 1)))),), "a convolution needs a"),
    ],
)
def test_refuses(layers: tuple[Layer, ...], message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        Network((3,), layers)


def test_all_problems_at_once() -> None:
    bad = (layer("a", 4, dense(4, 5), neuron=CubaLif(-1, 0, 9999)), layer("a", 2, dense(2, 4, "a")))
    with pytest.raises(NetworkError) as raised:
        Network((0,), bad)
    assert len(raised.value.problems) == 5
    assert pickle.loads(pickle.dumps(raised.value)).problems == raised.value.problems  # noqa: S301


def test_shapes_of_a_convolution() -> None:
    synapse = ConvSynapse(INPUT, np.ones((4, 1, 3, 2)), stride=(2, 1), padding=(1, 0), groups=2)
    assert synapse.output_shape((2, 7, 5)) == (4, 4, 4)
    Network((2, 7, 5), (Layer("c", (4, 4, 4), NEURON, (synapse,)),))
    with pytest.raises(NetworkError, match=r"shape: must be \(4, 4, 4\) for this convolution, got \(4, 4, 3\)"):
        Network((2, 7, 5), (Layer("c", (4, 4, 3), NEURON, (synapse,)),))
    with pytest.raises(NetworkError, match="do not fit a source of 3 channels"):
        Network((3, 7, 5), (Layer("c", (4, 4, 4), NEURON, (synapse,)),))


def test_depth_is_the_longest_path_with_its_delays() -> None:
    assert chain().depth == 2
    delayed = layer("b", 2, dense(2, 4, "a", delays=[[3], [5]]), dense(2, 3, delays=[[9]]))
    assert Network((3,), (layer("a", 4, dense(4, 3)), delayed)).depth == 10
    recurrent = layer("a", 3, DirectSynapse(), dense(3, 3, "a", delays=[[60]]))
    assert Network((3,), (recurrent, layer("b", 2, dense(2, 3, "a"))), graded_input=True).depth == 1


def test_what_runs_the_same_is_equal() -> None:
    first = Network((3,), (layer("a", 4, dense(4, 3)),), {"by": "me"})
    same = Network((3,), (layer("a", 4, dense(4, 3, delays=np.zeros((4, 1)), weight_bits=9)),), {"by": "you"})
    assert first == same
    assert hash(first) == hash(same)
    uniform = CubaLif(64, np.full(4, 1024), [128], np.zeros(4), bias_exp=2)
    assert first == Network((3,), (layer("a", 4, dense(4, 3), neuron=uniform),))


@pytest.mark.parametrize(
    "other",
    [
        Network((3,), (layer("b", 4, dense(4, 3)),)),
        Network((3,), (layer("a", 4, dense(4, 3)),), graded_input=True),
        Network((3,), (layer("a", 4, dense(4, 3, delays=[[1]])),)),
        Network((3,), (layer("a", 4, dense(4, 3, weight_exp=1)),)),
        Network((3,), (layer("a", 4, dense(4, 3), dense(4, 4, "a")),)),
        Network((3,), (layer("a", 4, dense(4, 3), neuron=CubaLif(64, 1024, 129)),)),
        Network((3,), (layer("a", 4, dense(4, 3), neuron=CubaLif(64, 1024, 128, 1)),)),
    ],
)
def test_what_runs_otherwise_is_not_equal(other: Network) -> None:
    assert other != Network((3,), (layer("a", 4, dense(4, 3)),))


def test_nothing_changes_afterwards() -> None:
    weights = np.full((4, 3), 2)
    network = Network((3,), (layer("a", 4, DenseSynapse(INPUT, weights)),), {"labels": ["yes", "no"]})
    before = network.fingerprint
    weights[:] = 100
    synapse = network.layers[0].synapses[0]
    assert isinstance(synapse, DenseSynapse)
    with pytest.raises(ValueError, match="read-only"):
        synapse.weights[0, 0] = 1  # type: ignore[index]
    with pytest.raises(TypeError):
        network.metadata["labels"] = []  # type: ignore[index]
    assert Network(network.input_shape, network.layers).fingerprint == before


def test_metadata_must_be_json() -> None:
    for value in (np.arange(3), float("nan"), object()):
        with pytest.raises(NetworkError, match="metadata: must be JSON values"):
            Network((3,), chain().layers, {"bad": value})


@pytest.mark.parametrize(
    ("sign_mode", "weight_bits", "expected"),
    [
        ("mixed", 8, [-256, -2, 0, 0, 2, 254]),
        ("mixed", 9, [-255, -1, 0, 1, 3, 255]),
        ("mixed", 1, [-256, -256, 0, 0, 0, 0]),
    ],
)
def test_effective_weights_of_mixed_sign(sign_mode: Any, weight_bits: int, expected: list[int]) -> None:
    weights = [[-255, -1, 0, 1, 3, 255]]
    synapse = DenseSynapse(INPUT, weights, weight_bits=weight_bits, sign_mode=sign_mode)
    assert synapse.effective_weights.tolist() == [expected]


def test_effective_weights_of_one_sign() -> None:
    up = DenseSynapse(INPUT, [[0, 1, 7, 255]], weight_bits=6, sign_mode="excitatory")
    down = DenseSynapse(INPUT, [[0, -1, -7, -255]], weight_bits=6, sign_mode="inhibitory")
    assert up.effective_weights.tolist() == [[0, 0, 4, 252]]
    assert down.effective_weights.tolist() == [[0, 0, -4, -252]]


def test_direct_synapse_gives_the_current_of_analogue_values() -> None:
    synapse = DirectSynapse(scale=40, offset=36)
    assert synapse.input_current([0.0, 0.5, 1.0, -1.0]).tolist() == [36, 56, 76, -4]
