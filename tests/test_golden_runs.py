"""Run folders of trainings from before lapilli became one package: they are finished, and give the same network."""

import shutil
from pathlib import Path

import pytest
from golden_files import Golden, assert_as_before, golden, unpacked

from lapilli import cli
from lapilli.netx_exports import Network, load
from lapilli.simulators import run
from lapilli.simulators.decisions.decide import decide
from lapilli.training.recipes.stllr import load_online
from lapilli.training.stllr.exported import export

RUN = (
    *("digits", "--network.hidden", "[6,5]", "--network.hidden-skips", "true", "--network.delays", "3"),
    *("--network.learn-decays", "true", "--network.batch-norm", "true", "--network.readout", "softmax_sum"),
    *("--optimizer.max-epochs", "1"),
)
STLLR_RUN = (
    *("stllr", "stllr-digits", "--network.hidden", "[7]", "--network.recurrent", "true"),
    *("--network.arithmetic", "integer", "--network.reset", "zero", "--network.threshold", "0.5"),
    *("--optimizer.max-epochs", "1"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("golden"))


def assert_same_network(known: Golden, network: Network) -> None:
    record = {layer.name: ("spikes", *layer.neuron.states) for layer in network.layers}
    result = run(network, known.events, "fast", n_steps=known.n_steps, record=record)
    assert_as_before(known, network, result)
    assert decide(result, network).tolist() == known.decisions


def test_weights_of_a_finished_run_are_exported_as_before(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "run", tmp_path / "run")
    (tmp_path / "run" / "model.net").unlink()
    assert cli.main(["export", str(tmp_path / "run"), "--out", str(tmp_path / "a.net")]) == 0
    assert_same_network(golden(folder, "run"), load(tmp_path / "a.net"))


def test_weights_of_an_online_run_are_exported_as_before(folder: Path) -> None:
    assert_same_network(golden(folder, "stllr-run"), export(load_online(folder / "stllr-run")))


@pytest.mark.parametrize(("name", "words"), [("run", RUN), ("stllr-run", STLLR_RUN)])
def test_a_finished_run_is_resumed_to_the_same_network(
    folder: Path, tmp_path: Path, name: str, words: tuple[str, ...]
) -> None:
    """Configuration and checkpoint are read; no epoch is left."""
    shutil.copytree(folder / name, tmp_path / name)
    (tmp_path / name / "model.net").unlink()
    assert cli.main(["train", *words, "--run-dir", str(tmp_path / name), "--resume"]) == 0
    assert_same_network(golden(folder, name), load(tmp_path / name / "model.net"))
    metrics = (tmp_path / name / "metrics.csv").read_text(encoding="utf-8")
    assert metrics == (folder / name / "metrics.csv").read_text(encoding="utf-8")
