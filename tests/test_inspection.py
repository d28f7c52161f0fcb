"""`inspect`: what it says about networks and files."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from lapilli.netx_exports import (
    ConvSynapse,
    CubaLif,
    DenseSynapse,
    DirectSynapse,
    FormatError,
    IdentitySynapse,
    Layer,
    Network,
    inspect,
    save,
)


def network() -> Network:
    encoder = Layer("encoder", (1, 4, 4), CubaLif(25, 4096, 1024), (DirectSynapse(),))
    convolution = ConvSynapse("encoder", [[[[3, 0], [-7, 255]]], [[[0, 0], [0, 1]]]])
    conv = Layer("conv", (2, 3, 3), CubaLif(64, [100, 300], 4096, [-2, 5]), (convolution,))
    dense = DenseSynapse("conv", np.arange(54).reshape(3, 18) - 20, delays=[[0], [7], [62]])
    return Network((1, 4, 4), (encoder, conv, Layer("dense", (3,), CubaLif(64, 1, 2), (dense,))), {"a": 1}, True)


def extended() -> Network:
    synapses = (IdentitySynapse("dense", -5, weight_exp=2, delay=9), DenseSynapse("skip", np.eye(3), delays=[[1]]))
    return Network((1, 4, 4), (*network().layers, Layer("skip", (3,), CubaLif(64, 1, 2), synapses)), {}, True)


def test_a_network() -> None:
    found = inspect(network())
    assert (found.path, found.form, found.ignored, found.stock_problems) == (None, "plain", (), ())
    assert (found.n_neurons, found.n_weights, found.n_nonzero) == (16 + 18 + 3, 8 + 54, 4 + 52)
    assert (found.depth, found.graded_input, found.metadata) == (2 + 62, True, {"a": 1})
    assert found.fingerprint == network().fingerprint
    assert [(layer.name, layer.type, layer.shape, layer.n_neurons) for layer in found.layers] == [
        ("encoder", "input", (1, 4, 4), 16),
        ("conv", "conv", (2, 3, 3), 18),
        ("dense", "dense", (3,), 3),
    ]


def test_its_layers() -> None:
    encoder, conv, dense = inspect(network()).layers
    assert (encoder.synapses[0].kind, encoder.synapses[0].n_weights, encoder.synapses[0].weight_bits) == (
        "direct",
        0,
        0,
    )
    assert (conv.synapses[0].weights, conv.synapses[0].n_nonzero, conv.synapses[0].delays) == ((-7, 255), 4, (0, 0))
    parameters = conv.neuron.parameters
    assert conv.neuron.model == "CUBA"
    assert (parameters["current_decay"], parameters["bias_mant"], parameters["vth_mant"]) == (
        (100, 300),
        (-2, 5),
        (64, 64),
    )
    synapse = dense.synapses[0]
    # 8 bits of mixed sign drop the lowest bit: 33 becomes 32, and 1 nothing.
    assert (synapse.source, synapse.weights, synapse.weight_bits) == ("conv", (-20, 32), 8)
    assert (synapse.sign_mode, synapse.delays) == ("mixed", (0, 62))


def test_what_stock_lava_makes_of_it() -> None:
    found = inspect(extended())
    assert found.form == "extended"
    assert any("identity synapse" in problem for problem in found.stock_problems)
    skip = found.layers[-1]
    assert skip.type == "extended"
    assert (skip.synapses[0].weights, skip.synapses[0].weight_exp, skip.synapses[0].delays) == ((-5, -5), 2, (9, 9))


@pytest.mark.parametrize("build", [network, extended])
def test_a_file_says_the_same_as_its_network(tmp_path: Path, build: object) -> None:
    assert callable(build)
    path = tmp_path / "a.net"
    save(build(), path)
    ours, file = inspect(build()).to_json(), inspect(path).to_json()
    assert file.pop("path") == str(path)
    assert ours.pop("path") is None
    # The reader notes the layout, and finds the usual storage for the weights that run.
    for facts in (ours, file):
        facts.pop("metadata")
        for layer in facts["layers"]:
            for synapse in layer["synapses"]:
                synapse.pop("weight_bits"), synapse.pop("sign_mode")
    assert file == ours


def test_names_what_it_ignores(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    save(network(), path)
    with h5py.File(path, "r+") as file:
        file["simulation/Ts"] = 1
        file["notes"] = "by hand"
    assert inspect(path).ignored == ("notes", "simulation")
    assert inspect(path).fingerprint == network().fingerprint


def test_is_json() -> None:
    for build in (network, extended):
        assert json.loads(json.dumps(inspect(build()).to_json())) == inspect(build()).to_json()


def test_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.net").write_bytes(b"not a network")
    with pytest.raises(FormatError, match="not an HDF5 file"):
        inspect(tmp_path / "a.net")
