"""The studies of one time step: a table of controls that goes on where it was stopped, and what an image costs."""

import csv
from pathlib import Path
from typing import Any

import pytest
from tiny_images import register

from lapilli.netx_exports import LapilliError, load
from lapilli.netx_exports.one_step import window_schedule_of
from lapilli.simulators import run
from lapilli.simulators.bill.bill import ONE_PASS, bill_of
from lapilli.simulators.bill.cost_table import load_table
from lapilli.training.data.framing import Framing
from lapilli.training.data.tasks import DataConfig, find_task
from lapilli.training.loop.classifier import Classifier
from lapilli.training.networks.one_step.config import OneStepConfig
from lapilli.training.recipes.surrogate_gradient import Options
from lapilli.training.studies.energy import ENERGY_TABLE, estimated_energy
from lapilli.training.studies.one_step.tables import variants
from lapilli.training.studies.one_step.variants import CONTROLS, VARIANTS, varied

FILE = """
data: {name: bars, framing: {n_steps: 1, levels: 255}}
network: {name: one_step, widths: [4], depths: [1], integer_share: 0.5}
optimizer: {max_epochs: 2, batch_size: 32, lr: 0.01, clip_norm: 20, keep: last}
loss: {gain: 1}
"""


@pytest.fixture(autouse=True)
def bars(monkeypatch: pytest.MonkeyPatch) -> None:
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
    networks = [str(varied(Options(network=OneStepConfig()), variant, 1).network) for variant in VARIANTS]
    assert len(set(networks)) == len(VARIANTS)
    assert set(CONTROLS) == {"omega", "sum", "no carry", "whole maps", "strict", "ReLU"}


@pytest.mark.slow
def test_controls_are_trained_and_a_stopped_table_goes_on(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ["omega", "ReLU", "whole maps"]
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
        variants(file, str(out), seeds=1, only=chosen, runs=runs)
    assert [row["variant"] for row in read(out)] == chosen[:2]
    stopping = False
    variants(file, str(out), seeds=1, only=chosen, runs=runs)
    assert len(trained) == 4
    rows = {row["variant"]: row for row in read(out)}
    assert list(rows) == chosen
    assert all(0 <= float(row["test_accuracy"]) <= 1 for row in rows.values())
    assert rows["ReLU"]["fingerprint"] == rows["ReLU"]["proven_samples"] == ""
    assert rows["omega"]["proven_differences"] == rows["whole maps"]["proven_differences"] == "0"
    assert float(rows["omega"]["over_dense_pass_a_step"]) > 0
    assert out.with_suffix(".svg").exists()
    assert "variant=ReLU: test accuracy" in capsys.readouterr().out
    check_energy(tmp_path / "runs" / "small-variants" / "variant-0" / "seed-0" / "model.net")


def check_energy(path: Path) -> None:
    """Equal images cost the same, however many there are, and less than an image and the empty ones behind it."""
    network = load(path)
    schedule = window_schedule_of(network)
    assert schedule is not None
    test = find_task(DataConfig("bars", Framing(n_steps=1, levels=255)), False).test
    costs = {
        number: estimated_energy(network, test.subset([0] * number), schedule.latency) for number in (1, 2, 3, 100, 120)
    }
    assert costs[1] == {f"uj_by_{ENERGY_TABLE}": "", "over_dense_pass_a_step": ""}
    microjoules = float(str(costs[100][f"uj_by_{ENERGY_TABLE}"]))
    assert float(str(costs[2][f"uj_by_{ENERGY_TABLE}"])) == pytest.approx(microjoules, abs=1e-4)
    assert float(str(costs[3][f"uj_by_{ENERGY_TABLE}"])) == pytest.approx(microjoules, abs=1e-4)
    one = test.select([0])
    counts = run(network, one, n_steps=schedule.latency).counts
    alone = bill_of(network, counts, 1, [load_table(ENERGY_TABLE)]).tables[0]
    assert alone.spiking is not None
    assert 0 < microjoules < 1e6 * alone.spiking.total
    # With 100 images a run is long enough for activations of 8 bits, as with any more: an image is a pass in both.
    over_dense = [float(str(costs[number]["over_dense_pass_a_step"])) for number in (100, 120)]
    assert over_dense[0] == pytest.approx(over_dense[1], abs=1e-4)
    dense = microjoules / float(str(costs[100]["over_dense_pass_a_step"]))
    assert 0.5 < dense / (1e6 * alone.baselines[ONE_PASS].estimate.total) < 2


def test_a_name_that_is_no_variant(file: str, tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match="only: must be of omega; sum"):
        variants(file, str(tmp_path / "t.csv"), only=["omga"], runs=str(tmp_path))
    assert not list(tmp_path.glob("t.*"))
