"""SpikeSCR in the recipe: trained, interrupted, exported, taught, and inherited, as any other network."""

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from timed_recordings import NAME, register
from training_runs import content, finished_epochs, metrics

from lapilli import calling
from lapilli.configs import read_config
from lapilli.netx_exports import LapilliError, load
from lapilli.simulators import run
from lapilli.simulators.configurations import configured
from lapilli.training.data.augmentation import AugmentConfig
from lapilli.training.data.framing import Framing
from lapilli.training.data.tasks import DataConfig, find_task
from lapilli.training.exported.evaluation import unrounded_accuracy
from lapilli.training.exported.export import export_run, load_module
from lapilli.training.exported.spikescr_backend import layer_values
from lapilli.training.loop import classifier
from lapilli.training.loop.optimisation import LossConfig, OptimizerConfig
from lapilli.training.loop.run_folder import RunFolder, read_weights, write_weights
from lapilli.training.methods import DistillationConfig, KdclConfig, PlainConfig
from lapilli.training.networks.config import DEFAULT_NETWORK
from lapilli.training.networks.spikescr.config import SpikeScrConfig
from lapilli.training.networks.spikescr.network import SpikeScrNetwork
from lapilli.training.recipes.surrogate_gradient import Options, Summary, train
from lapilli.training.studies import __main__ as studies

FINE = DataConfig(NAME, Framing(bin_ms=4.0), augment=AugmentConfig(shift_x=1), lines="valid")
COARSE = replace(FINE, framing=Framing(bin_ms=10.0))
NETWORK = SpikeScrConfig(heads=2, width=16, kernel=5, integer_share=0.5)
OPTIMIZER = OptimizerConfig(max_epochs=4, batch_size=32, lr=0.01, weight_decay=0.01, keep="last")


@pytest.fixture(autouse=True)
def ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)


def train_ticks(run_dir: Path, data: DataConfig = FINE, **options: Any) -> Summary:
    defaults = {"network": NETWORK, "optimizer": OPTIMIZER, "loss": LossConfig(gain=20), "progress": False}
    return train(run_dir, data=data, **{**defaults, **options})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("finished") / "fine"
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        train_ticks(path, watch_test=True)
    return path


def module_of(run_dir: Path) -> SpikeScrNetwork:
    module = load_module(run_dir)
    assert isinstance(module, SpikeScrNetwork)
    return module


def test_training_learns_and_the_network_is_the_module(finished: Path) -> None:
    rows = metrics(finished)
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    assert all({"validation_operations", "test_accuracy"} <= row.keys() for row in rows)
    network, module = load(RunFolder(finished).network), module_of(finished)
    test = find_task(FINE, False).test.select(slice(0, 20))
    n_steps = module.n_steps + module.depth
    result = run(network, test, "fast", n_steps=n_steps, record={network.output.name: {"voltage"}})
    voltages = layer_values(module, test, network, n_steps)[network.output.name]
    assert np.array_equal(result.recordings[network.output.name].voltage, voltages)
    assert 0 <= unrounded_accuracy(module, find_task(FINE, False).test, n_steps) <= 1


def test_the_network_is_exported_again_from_the_folder(finished: Path, tmp_path: Path) -> None:
    assert export_run(finished, tmp_path / "again.net") == load(RunFolder(finished).network)


def test_a_run_is_proven_with_its_module(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    studies.prove(str(finished), samples=20, lava_samples=0)
    found = dict(line.split(": ") for line in capsys.readouterr().out.splitlines())
    assert found["module samples"] == found["proven samples"] == "20"
    assert found["module differences"] == found["proven differences"] == "0"
    network = load(RunFolder(finished).network)
    assert int(found["module states"]) == 20 * network.output.size * (20 + module_of(finished).depth)
    assert 0 < int(found["module spikes"]) < int(found["proven spikes"])


def test_a_run_whose_weights_are_not_those_of_its_network_is_refused(finished: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    shutil.copytree(finished, run_dir)
    weights, facts = read_weights(RunFolder(run_dir))
    write_weights(RunFolder(run_dir), weights | {"head": -weights["head"]}, facts)
    with pytest.raises(LapilliError, match="voltage of layer 'head', sample 0, step "):
        studies.prove(str(run_dir), samples=2, lava_samples=0)


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
            train_ticks(tmp_path / "run", watch_test=True)
    assert finished_epochs(tmp_path / "run") == epochs
    train_ticks(tmp_path / "run", watch_test=True, resume=True)
    assert content(tmp_path / "run") == content(finished)


def test_a_network_of_more_steps_teaches_one_of_fewer(finished: Path, tmp_path: Path) -> None:
    method = KdclConfig(own=PlainConfig(label_smoothing=0.1), distillation=DistillationConfig(scores="mean_logits"))
    options = {"method": method, "start": finished, "teacher": finished, "loss": LossConfig(gain=8)}
    train_ticks(tmp_path / "run", COARSE, **options)
    module = module_of(tmp_path / "run")
    assert (module.n_steps, module_of(finished).n_steps) == (8, 20)
    assert module.export().depth > 0


def test_epochs_at_the_end_have_frozen_statistics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[tuple[int, torch.Tensor]] = []
    whole = classifier.Classifier.on_train_epoch_start

    def looking(self: Any) -> None:
        whole(self)
        found.append((self.network.integers, self.network.layers["pw"].norm.running_var.clone()))

    monkeypatch.setattr(classifier.Classifier, "on_train_epoch_start", looking)
    train_ticks(tmp_path / "run")
    assert [integers for integers, _ in found] == [False, False, True, True]
    assert not torch.equal(found[1][1], found[2][1])
    assert torch.equal(found[2][1], module_of(tmp_path / "run").layers["pw"].norm.running_var)


@pytest.mark.parametrize(
    ("data", "network", "message"),
    [
        (
            replace(FINE, lines="none"),
            NETWORK,
            "needs 12 inputs in 20 steps, in all of which the line 'valid' \\(11\\)",
        ),
        (FINE, replace(NETWORK, key_mask=True), "in all of which the line 'valid' \\(11\\) is 1"),
    ],
)
def test_missing_lines_are_named(tmp_path: Path, data: DataConfig, network: SpikeScrConfig, message: str) -> None:
    with pytest.raises(LapilliError, match=message):
        train_ticks(tmp_path / "run", data, network=network)


def test_masked_keys_are_trained_with_a_line_of_their_own(tmp_path: Path) -> None:
    network = replace(NETWORK, key_mask=True, look_ahead="full", convolutions="centred")
    optimizer = replace(OPTIMIZER, max_epochs=1)
    summary = train_ticks(tmp_path / "run", replace(FINE, lines="valid and keys"), network=network, optimizer=optimizer)
    assert summary.n_steps == 20 + module_of(tmp_path / "run").depth


def test_half_precision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"spikescr computes in precision 32-true"):
        train_ticks(tmp_path / "run", precision="bf16-mixed")


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ({"look_ahead": "soon"}, "network.look_ahead: must be a number of steps, at least 0, or 'full', got 'soon'"),
        ({"look_ahead": -1}, "network.look_ahead: must be a number of steps, at least 0, or 'full', got -1"),
        ({"heads": 7}, "network.heads: must divide the width 128, got 7"),
        ({"heads": 128}, "network.heads: channels of a head turn in pairs, so 128 / heads must be even, got 1"),
        ({"convolutions": "centred", "kernel": 4}, "network.kernel: centred convolutions have an odd number of taps"),
        ({"gated_convolution": False}, "network.gate: is a part of the gated convolution"),
        ({"hidden": [3]}, "network: spikescr has no option hidden; it has name, blocks, "),
        ({"name": "other"}, "network.name: must be one of slayer, spikescr, spiking_lstm, one_step, got 'other'"),
    ],
)
def test_wrong_options_are_named(section: dict[str, Any], problem: str) -> None:
    with pytest.raises(LapilliError, match=re.escape(problem)):
        configured(Options, {"network": {"name": "spikescr", **section}})


def test_a_section_without_a_name_is_a_network_of_slayer() -> None:
    found = configured(Options, {"network": {"hidden": [5]}})
    assert found.network == replace(DEFAULT_NETWORK, hidden=(5,))


def test_the_command_line_prints_and_changes_a_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        calling.run_command("train", ["spikescr-shd", "--network.look_ahead", "full", "--print_config"])
    printed = yaml.safe_load(capsys.readouterr().out)
    changed = configured(Options, {"network": printed["network"]}).network
    packaged = configured(Options, {"network": read_config("spikescr-shd")["network"]}).network
    assert isinstance(packaged, SpikeScrConfig)
    assert packaged.look_ahead != "full"
    assert changed == replace(packaged, look_ahead="full")
