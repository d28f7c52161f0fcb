"""`lapilli export`: from runs and files to NetX and NIR files, with the same network in all of them."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from exported_files import export

from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network, Readout, load, load_nir, save

pytest.importorskip("nir", reason="nir is not installed (the extra `nir`)")

LIF = CubaLif(vth_mant=100, current_decay=1024, voltage_decay=256)


def network(**options: Any) -> Network:
    weights = np.random.default_rng(0).integers(-40, 100, (6, 5)) * 2
    return Network((5,), (Layer("hidden", (6,), LIF, (DenseSynapse("input", weights, **options),)),), {"a": [1]})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save(network(), tmp_path / "model.net")
    return tmp_path


def test_from_netx_to_nir_and_back(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = export(capsys, "model.net", "--format", "nir", "--out", "model.nir")
    assert (status, err) == (0, "")
    assert out == f"model.nir: 1 layers, fingerprint {network().fingerprint}\n"
    assert load_nir(folder / "model.nir") == network()
    assert export(capsys, "model.nir", "--out", "back.net")[0] == 0
    back, before = load(folder / "back.net"), load(folder / "model.net")
    assert (back, back.metadata) == (before, before.metadata)


def test_the_name_says_what_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(capsys, "model.net", "--out", "model.nir")[0] == 0
    assert export(capsys, "model.net", "--out", "plain.h5")[0] == 0
    assert export(capsys, "model.net", "--out", "graph.h5", "--format", "nir")[0] == 0
    assert load_nir(folder / "model.nir") == load_nir(folder / "graph.h5") == load(folder / "plain.h5") == network()


def test_the_step_of_a_nir_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(capsys, "model.net", "--out", "model.nir", "--dt", "1e-3")[0] == 0
    with h5py.File(folder / "model.nir", "r+") as file:
        assert np.all(file["node/nodes/hidden/tau_mem"][()] == 1e-3 * 4096 / 256)
        del file["node/metadata"]
    status, _, err = export(capsys, "model.nir", "--out", "back.net")
    assert status == 2
    assert "`node/nodes/hidden/tau_mem`: must be dt * 4096 / n with a whole n in 1…4096 and dt = 0.0001 s" in err
    assert export(capsys, "model.nir", "--out", "back.net", "--dt", "1e-3")[0] == 0
    assert load(folder / "back.net") == network()


@pytest.mark.lava
def test_the_network_of_a_run(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lapilli.training.loop.run_folder import start_run, write_weights
    from lapilli.training.networks.network import NetworkConfig, SlayerNetwork

    config = NetworkConfig(hidden=(7,))
    module = SlayerNetwork(config, 8, 3)
    run = start_run("run", {"network": asdict(config)}, resume=False)
    write_weights(run, module.state_dict(), {"n_inputs": 8, "n_classes": 3})
    assert export(capsys, "run", "--out", "run.nir")[0] == 0
    assert export(capsys, "run", "--out", "run.net")[0] == 0
    in_nir, in_netx = load_nir(folder / "run.nir"), load(folder / "run.net")
    assert in_nir == in_netx == module.export()
    assert in_nir.readout == in_netx.readout == Readout("voltage_sum")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model.net", "--format", "nir", "--out", "x.net"], "--out x.net is not the name of a nir file"),
        (["model.net", "--format", "netx", "--out", "x.nir"], "--out x.nir is not the name of a netx file"),
        (["model.net", "--out", "x.net", "--dt", "1e-3"], "--dt is of NIR files, and none is read or written"),
        (["model.net", "--out", "x.nir", "--dt", "0"], "dt: must be a positive number of seconds, got 0.0"),
        (["model.net", "--out", "x.nir", "--format", "onnx"], "format"),
        (["missing.nir", "--out", "x.net"], "cannot read missing.nir: No such file or directory"),
        (["missing.net", "--out", "x.nir"], "cannot read missing.net: No such file or directory"),
        (["missing", "--out", "x.nir"], "cannot read missing: No such file or directory"),
        ([".", "--out", "x.nir", "--readout", "vote"], "readout: must be one of voltage_sum, spike_count, softmax_sum"),
        (["late.net", "--out", "x.nir"], "network as NIR: layer 'hidden': synapse 0 from 'input': delays: NIR has"),
        (["model.net", "--out", "no/x.nir"], "cannot write no/x.nir"),
    ],
)
def test_wrong_input_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    save(network(delays=np.arange(30).reshape(6, 5)), folder / "late.net")
    before = sorted(folder.iterdir())
    status, _, err = export(capsys, *words)
    assert status == 2
    assert err.startswith("lapilli: ")
    assert err.count("\n") == 1
    assert message in err
    assert sorted(folder.iterdir()) == before


def test_without_the_package(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert export(capsys, "model.net", "--out", "model.nir")[0] == 0
    monkeypatch.setitem(sys.modules, "nir", None)
    status, _, err = export(capsys, "model.net", "--out", "other.nir")
    assert status == 2
    assert err == "lapilli: writing NIR needs nir: pip install '.[nir]' in lapilli's folder\n"
    assert export(capsys, "model.nir", "--out", "back.net")[0] == 0
