"""Ablations of SpikeSCR: one table of short trainings that goes on where it was stopped."""

import csv
from pathlib import Path
from typing import Any

import pytest
from timed_recordings import register

from lapilli.netx_exports import LapilliError
from lapilli.training.loop.classifier import Classifier
from lapilli.training.loop.run_folder import RunFolder, read_config
from lapilli.training.networks.spikescr.config import SpikeScrConfig
from lapilli.training.networks.spikescr.network import SpikeScrNetwork
from lapilli.training.recipes.surrogate_gradient import Options
from lapilli.training.studies.spikescr.ablations import VARIANTS, ablated
from lapilli.training.studies.spikescr.tables import ablations

FILE = """
data: {name: ticks, framing: {bin_ms: 4.0}, lines: valid, fit: train and validation}
network: {name: spikescr, heads: 2, width: 16, kernel: 5}
optimizer: {batch_size: 32, lr: 0.01, keep: last}
loss: {gain: 20}
watch_test: true
"""


@pytest.fixture(autouse=True)
def ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)
    monkeypatch.setattr("lapilli.training.studies.collect.commit", lambda: "aaa")


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "small.yaml").write_text(FILE)
    return str(tmp_path / "small.yaml")


def read(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def test_every_variant_is_a_network_of_its_own() -> None:
    options = Options(network=SpikeScrConfig())
    networks: list[Any] = [ablated(options, variant, 3, 1).network for variant in VARIANTS]
    assert len({str(network) for network in networks}) == len(VARIANTS)
    for network in networks:
        assert SpikeScrNetwork(network, 141, 20, 100).depth >= 7
    found = ablated(options, "W = 20", 3, 1)
    assert (found.optimizer.max_epochs, found.seed, found.data.fit, found.watch_test) == (3, 1, "train", False)


def test_variants_are_trained_and_a_stopped_table_goes_on(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ["causal (W = 0)", "gate off", "mixed axes"]
    out, runs = tmp_path / "t.csv", str(tmp_path / "runs")
    trained: list[Any] = []
    step = Classifier.training_step

    def counted(classifier: Classifier, batch: Any, batch_idx: int) -> Any:
        if classifier not in trained:
            trained.append(classifier)
        if stopping and len(trained) == 3:
            raise KeyboardInterrupt
        return step(classifier, batch, batch_idx)

    monkeypatch.setattr(Classifier, "training_step", counted)
    stopping = True
    with pytest.raises(LapilliError, match="stopped"):
        ablations(file, str(out), epochs=1, seeds=1, only=chosen, runs=runs)
    assert [row["variant"] for row in read(out)] == chosen[:2]
    stopping = False
    ablations(file, str(out), epochs=1, seeds=1, only=chosen, runs=runs)
    assert len(trained) == 4
    rows = read(out)
    assert [row["variant"] for row in rows] == chosen
    assert all(0 <= float(row["validation_accuracy"]) <= 1 for row in rows)
    assert not any("test" in name for row in rows for name in row)
    # What has no exported network has no counts of one.
    assert [bool(row["operations_per_sample"]) for row in rows] == [True, True, False]
    assert int(rows[1]["parameters"]) < int(rows[0]["parameters"]) == int(rows[2]["parameters"])
    assert int(rows[1]["latency_steps"]) < int(rows[0]["latency_steps"]) == 15
    config = read_config(RunFolder(next((tmp_path / "runs").glob("*/variant-8/seed-0"))))
    assert (config["network"]["gate"], config["data"]["fit"], config["watch_test"]) == (False, "train", False)
    assert "gate off: validation accuracy" in capsys.readouterr().out
    assert "<svg" in (tmp_path / "t.svg").read_text()


def test_what_is_no_variant_and_no_spikescr_is_named(file: str, tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"only: must be of causal .*, got 'none'"):
        ablations(file, str(tmp_path / "t.csv"), only=["none"])
    Path(file).write_text("network: {hidden: [5]}\n")
    with pytest.raises(LapilliError, match="network: must be spikescr, got slayer"):
        ablations(file, str(tmp_path / "t.csv"), only=["gate off"])
