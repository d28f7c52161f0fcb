"""One time step in the recipe: trained, interrupted, exported and proven, as any other network."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_images import NAME, register
from training_runs import content, finished_epochs, metrics

from lapilli import cli
from lapilli.netx_exports import LapilliError, load
from lapilli.netx_exports.one_step import window_schedule_of
from lapilli.training.data.augmentation import AugmentConfig
from lapilli.training.data.framing import Framing
from lapilli.training.data.tasks import DataConfig, find_task
from lapilli.training.exported.evaluation import measure, measured_accuracy
from lapilli.training.exported.export import export_run, load_module
from lapilli.training.exported.image_streams import in_a_row, stream_decisions, streamable
from lapilli.training.loop import classifier
from lapilli.training.loop.optimisation import LossConfig, OptimizerConfig
from lapilli.training.loop.run_folder import RunFolder
from lapilli.training.networks.one_step.config import OneStepConfig
from lapilli.training.networks.one_step.network import OneStepNetwork
from lapilli.training.recipes.surrogate_gradient import Summary, train
from lapilli.training.studies import __main__ as studies

DATA = DataConfig(NAME, Framing(n_steps=1, levels=255), augment=AugmentConfig(flip_probability=0.5, shift_x=2))
NETWORK = OneStepConfig(widths=(6, 8), depths=(1, 1), integer_share=0.5)
OPTIMIZER = OptimizerConfig(max_epochs=4, batch_size=16, lr=0.01, clip_norm=20, keep="last")


@pytest.fixture(autouse=True)
def bars(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)


def train_bars(run_dir: Path, **options: Any) -> Summary:
    defaults = {"data": DATA, "network": NETWORK, "optimizer": OPTIMIZER, "loss": LossConfig(gain=1)}
    return train(run_dir, progress=False, watch_test=True, **{**defaults, **options})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("finished") / "bars"
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        train_bars(path)
    return path


def test_training_learns_and_one_number_holds_before_and_after_export(finished: Path) -> None:
    rows, summary = metrics(finished), json.loads((finished / "summary.json").read_text())
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    assert rows[-1]["test_accuracy"] == pytest.approx(summary["test_accuracy"])
    assert rows[-1]["validation_accuracy"] == pytest.approx(summary["validation_accuracy"])
    module = load_module(finished)
    assert isinstance(module, OneStepNetwork)
    assert summary["n_steps"] == 1 + module.depth
    assert summary["operations"] > 0


def test_images_one_behind_the_other_are_decided_as_each_alone(finished: Path) -> None:
    network, test = load(RunFolder(finished).network), find_task(DATA, False).test
    schedule = window_schedule_of(network)
    assert schedule is not None
    assert streamable(network, test, schedule.latency) == schedule
    apart = measure(network, test, schedule.latency)
    assert np.array_equal(stream_decisions(network, test, schedule), apart.decisions)
    assert np.array_equal(stream_decisions(network, test, schedule, "reference"), apart.decisions)
    assert measured_accuracy(network, test, schedule.latency) == apart.accuracy
    assert streamable(network, test, schedule.latency + 1) is None
    row = in_a_row(test.select(slice(0, 3)), 4)
    assert (len(row), row.n_steps) == (1, 9)
    assert np.array_equal(
        row.to_dense()[0, ..., ::4].transpose(3, 0, 1, 2), test.select(slice(0, 3)).to_dense()[..., 0]
    )


def test_the_network_is_exported_again_from_the_folder(finished: Path, tmp_path: Path) -> None:
    assert export_run(finished, tmp_path / "again.net") == load(RunFolder(finished).network)


def test_a_run_is_proven_with_its_module(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    studies.prove(str(finished), samples=10, lava_samples=0)
    found = dict(line.split(": ") for line in capsys.readouterr().out.splitlines())
    assert found["module samples"] == found["proven samples"] == "10"
    assert found["module differences"] == found["proven differences"] == "0"


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_run_that_was_stopped_ends_with_the_same_weights(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epochs: int
) -> None:
    """Stopped in each of the two phases, in the middle of an epoch."""
    whole = classifier.Classifier.training_step

    def stopping(self: Any, batch: Any, batch_idx: int) -> Any:
        if self.current_epoch == epochs and batch_idx == 1:
            raise KeyboardInterrupt
        return whole(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(classifier.Classifier, "training_step", stopping)
        with pytest.raises(LapilliError, match="stopped after epoch"):
            train_bars(tmp_path / "run")
    assert finished_epochs(tmp_path / "run") == epochs
    train_bars(tmp_path / "run", resume=True)
    assert content(tmp_path / "run") == content(finished)


def test_a_run_in_floating_point_leaves_metrics_and_weights(tmp_path: Path) -> None:
    network = OneStepConfig(widths=(4,), depths=(1,), form="ann")
    with pytest.raises(LapilliError, match=r"network.form: ann is in floating point"):
        train_bars(tmp_path / "run", network=network, optimizer=OptimizerConfig(max_epochs=1, keep="last"))
    assert metrics(tmp_path / "run")[0]["test_accuracy"] >= 0
    assert RunFolder(tmp_path / "run").weights.exists()


def test_the_command_trains_with_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "train",
        "one-step-cifar10",
        "--run-dir",
        str(tmp_path / "run"),
        "--data.name",
        NAME,
        "--progress",
        "false",
    ]
    words += ["--network.widths", "[4]", "--network.depths", "[1]", "--network.form", "strict", "--network.groups", "2"]
    assert cli.main([*words, "--optimizer.max-epochs", "1", "--data.fit", "train"]) == 0
    assert "test accuracy" in capsys.readouterr().out
    network = load(RunFolder(tmp_path / "run").network)
    assert {layer.clock.period for layer in network.layers} == {1, 2}
