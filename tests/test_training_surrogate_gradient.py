"""The recipe: a resumed run ends like an uninterrupted one, one accuracy for all, errors in one sentence."""

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from killing import killer
from training_runs import content

from lapilli.netx_exports import LapilliError, load
from lapilli.netx_exports.errors import FormatError
from lapilli.simulators import Events, run
from lapilli.simulators.configurations import configured
from lapilli.simulators.decisions.decide import accuracy, decide, needed_recording, scores
from lapilli.training.data import tasks
from lapilli.training.data.digits import Part, digits
from lapilli.training.data.samples import in_memory
from lapilli.training.loop.batches import TrainingBatches
from lapilli.training.loop.checkpoints import SafetensorsCheckpointIO
from lapilli.training.loop.classifier import Classifier
from lapilli.training.loop.fitting import TrainingInterruptedError
from lapilli.training.loop.optimisation import learning_rate
from lapilli.training.methods import PlainConfig
from lapilli.training.networks.network import NetworkConfig, SlayerNetwork
from lapilli.training.networks.time import slayer_input
from lapilli.training.recipes.surrogate_gradient import LossConfig, OptimizerConfig, Options, Summary, train

# Dropout, so that the state of random generators matters; a batch that does not divide the samples.
NETWORK = NetworkConfig(hidden=(12,), dropout=0.2)
OPTIMIZER = OptimizerConfig(max_epochs=4, batch_size=90)


def few_digits(part: Part) -> Events:
    return digits(part).select(slice(0, 200))


def train_small(run_dir: Path, **options: Any) -> Summary:
    return train(run_dir, **{"network": NETWORK, "optimizer": OPTIMIZER, "progress": False, **options})


@pytest.fixture(autouse=True)
def small_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "digits", few_digits)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing interrupted."""
    path = tmp_path_factory.mktemp("runs") / "finished"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "digits", few_digits)
        train_small(path)
    return path


def interrupt(monkeypatch: pytest.MonkeyPatch, error: type[BaseException], epoch: int, batch: int) -> None:
    """Let `error` happen once in training."""
    step = Classifier.training_step

    def interrupted(self: Classifier, data: Any, batch_idx: int) -> torch.Tensor:
        if (self.current_epoch, batch_idx) == (epoch, batch):
            monkeypatch.setattr(Classifier, "training_step", step)
            raise error
        return step(self, data, batch_idx)

    monkeypatch.setattr(Classifier, "training_step", interrupted)


@pytest.mark.parametrize(("epoch", "batch"), [(0, 1), (1, 0), (2, 2)])
def test_ctrl_c_and_resume_change_nothing(
    epoch: int, batch: int, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGINT)
    interrupt(monkeypatch, KeyboardInterrupt, epoch, batch)
    with pytest.raises(
        TrainingInterruptedError,
        match=rf"stopped after epoch {epoch} of 4; resume the run in .*run \(--resume\) to go on",
    ):
        train_small(tmp_path / "run")
    assert signal.getsignal(signal.SIGINT) is before
    train_small(tmp_path / "run", resume=True)
    assert content(tmp_path / "run") == content(finished)


@pytest.mark.slow
def test_an_interruption_between_all_epochs_changes_nothing(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for epoch in range(4):
        interrupt(monkeypatch, KeyboardInterrupt, epoch, 0)
        with pytest.raises(TrainingInterruptedError):
            train_small(tmp_path / "run", resume=epoch > 0)
    train_small(tmp_path / "run", resume=True)
    assert content(tmp_path / "run") == content(finished)


KILLED = """
import os, signal
from pathlib import Path
import safetensors.torch
import test_training_surrogate_gradient as t
t.tasks.digits = t.few_digits
step, write = t.Classifier.training_step, safetensors.torch.save_file

def killed_in_an_epoch(self, data, batch_idx):
    if (self.current_epoch, batch_idx) == (2, 1):
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, data, batch_idx)

def killed_in_a_write(tensors, path, metadata):
    write(tensors, path, metadata)
    if killed_in_a_write.calls == 2:
        os.truncate(path, os.path.getsize(path) // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    killed_in_a_write.calls += 1

def train_until_killed(run_dir, where):
    if where == "in an epoch":
        t.Classifier.training_step = killed_in_an_epoch
    else:
        killed_in_a_write.calls = 0
        safetensors.torch.save_file = killed_in_a_write
    t.train_small(Path(run_dir))
"""


@pytest.fixture(scope="module")
def kill() -> Iterator[Callable[..., None]]:
    with killer(KILLED) as function:
        yield function


@pytest.mark.slow
@pytest.mark.parametrize(("where", "epochs"), [("in an epoch", 2), ("in a checkpoint's write", 3)])
def test_kill_9_and_resume_change_nothing(
    where: str, epochs: int, kill: Callable[..., None], finished: Path, tmp_path: Path
) -> None:
    kill(tmp_path / "run", where)
    rows = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert len(rows) - 1 == epochs
    train_small(tmp_path / "run", resume=True)
    assert content(tmp_path / "run") == content(finished)
    assert not list((tmp_path / "run").glob(".*"))


def test_a_finished_run_resumed_stays_as_it_is(finished: Path, tmp_path: Path) -> None:
    run_dir = shutil.copytree(finished, tmp_path / "run")
    for name in ("weights.safetensors", "model.net", "summary.json"):
        (run_dir / name).unlink()
    train_small(run_dir, resume=True)
    assert content(run_dir) == content(finished)


@pytest.mark.slow
def test_early_stopping_ends_training_and_stays_ended_after_a_resume(tmp_path: Path) -> None:
    # Weights beyond the quantised range from the first step on: no epoch improves much on the one before.
    wild = replace(OPTIMIZER, lr=3.0, max_epochs=30, patience=2)
    summary = train_small(tmp_path / "run", optimizer=wild)
    assert summary.epochs < 30
    assert summary.best_epoch == summary.epochs - 2
    before = content(tmp_path / "run")
    (tmp_path / "run" / "summary.json").unlink()
    assert train_small(tmp_path / "run", optimizer=wild, resume=True).epochs == summary.epochs
    assert content(tmp_path / "run") == before


def test_the_kept_weights_are_those_of_the_lowest_validation_loss(finished: Path) -> None:
    rows = [line.split(",") for line in (finished / "metrics.csv").read_text().splitlines()]
    loss = [float(row[rows[0].index("validation_loss")]) for row in rows[1:]]
    summary = json.loads((finished / "summary.json").read_text())
    assert summary["best_epoch"] == 1 + int(np.argmin(loss))
    assert summary["epochs"] == len(loss) == 4


def test_other_seeds_give_other_weights(finished: Path, tmp_path: Path) -> None:
    one_epoch = replace(OPTIMIZER, max_epochs=1)
    prints = {train_small(tmp_path / str(seed), optimizer=one_epoch, seed=seed).fingerprint for seed in range(3)}
    assert len(prints) == 3


def test_one_accuracy_for_the_trained_and_the_exported_network(finished: Path) -> None:
    summary = json.loads((finished / "summary.json").read_text())
    network = load(finished / "model.net")
    assert network.fingerprint == summary["fingerprint"]
    for part in ("train", "validation", "test"):
        events = few_digits(part)
        for backend in ("reference", "fast"):
            n_steps = events.n_steps + network.depth
            result = run(network, events, backend, n_steps=n_steps, record=needed_recording(network))
            assert accuracy(decide(result, network), events.labels) == summary[f"{part}_accuracy"]


def test_the_voltages_that_the_loss_sees_are_the_exported_integers(tmp_path: Path) -> None:
    for readout in ("voltage_sum", "spike_count"):
        torch.manual_seed(0)
        config = NetworkConfig(hidden=(20,), readout=readout, hidden_weight_scale=4.0, readout_weight_scale=6.0)
        module = SlayerNetwork(config, 64, 10)
        network = module.export()
        events = few_digits("validation")
        n_steps = events.n_steps + network.depth
        batches = TrainingBatches(in_memory(events), n_steps, 10, 0, lambda batch, generator: batch)
        classifier = Classifier(module, batches, OPTIMIZER, LossConfig(gain=1.0), PlainConfig())
        logits, _ = classifier._run(slayer_input(events, n_steps))
        assert logits.shape == (len(events), 10, n_steps - module.silent_steps)
        result = run(network, events, "reference", n_steps=n_steps, record=needed_recording(network))
        unit = 4096 if readout == "voltage_sum" else 1
        expected = scores(result, network)
        assert expected.any()
        assert np.array_equal(np.rint(logits.detach().double().sum(-1).numpy() * unit), expected)


def test_the_run_folder_is_complete_and_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    train_small(tmp_path / "run", optimizer=replace(OPTIMIZER, max_epochs=1), progress=True)
    assert sorted(file.name for file in (tmp_path / "run").iterdir()) == [
        "checkpoint.safetensors",
        "config.yaml",
        "metrics.csv",
        "model.net",
        "summary.json",
        "weights.safetensors",
    ]
    # stderr is no terminal here, so there is no progress bar either.
    assert capfd.readouterr() == ("", "")


def test_torch_settings_of_the_caller_are_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    train_small(tmp_path / "run", optimizer=replace(OPTIMIZER, max_epochs=1))
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


def test_a_loss_that_is_no_number_stops_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(
        LapilliError, match=r"the loss became nan in epoch 1; lower optimizer.lr \(0.003\) or loss.gain"
    ):
        train_small(tmp_path / "run", loss=LossConfig(gain=1e300))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_an_accelerator_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match="accelerator: 'gpu' cannot be used here"):
        train_small(tmp_path / "run", accelerator="gpu")


def test_a_used_folder_and_another_configuration_are_refused(finished: Path) -> None:
    with pytest.raises(
        LapilliError, match="is not empty; --resume goes on with the run in it, --run-dir names another"
    ):
        train_small(finished)
    with pytest.raises(LapilliError, match=r"seed is 1 but was 0$"):
        train_small(finished, seed=1, resume=True)
    with pytest.raises(LapilliError, match=r"optimizer\.lr is 0\.5 but was 0\.003$"):
        train_small(finished, optimizer=replace(OPTIMIZER, lr=0.5), resume=True)


def test_a_damaged_checkpoint_is_refused(finished: Path, tmp_path: Path) -> None:
    checkpoint = shutil.copytree(finished, tmp_path / "run") / "checkpoint.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-9])
    with pytest.raises(LapilliError, match="not a checkpoint of lapilli, or a damaged one"):
        train_small(tmp_path / "run", resume=True)


@pytest.mark.parametrize("missing", ["pytorch-lightning_version", "state_dict", "loops", "optimizer_states", "*"])
def test_a_checkpoint_that_lacks_something_is_refused(missing: str, finished: Path, tmp_path: Path) -> None:
    checkpoint = shutil.copytree(finished, tmp_path / "run") / "checkpoint.safetensors"
    whole = SafetensorsCheckpointIO().load_checkpoint(checkpoint)
    kept = {name: value for name, value in whole.items() if missing not in (name, "*")}
    SafetensorsCheckpointIO().save_checkpoint(kept, checkpoint)
    with pytest.raises(FormatError, match="not a checkpoint of this run, or a damaged one"):
        train_small(tmp_path / "run", resume=True)


def test_all_values_out_of_range_are_listed_before_anything_is_written(tmp_path: Path) -> None:
    wrong = {
        "data": {"deformation": -1.0},
        "optimizer": {"lr": 0.0, "weight_decay": float("inf"), "batch_size": 0, "max_epochs": -1, "patience": 0},
        "loss": {"gain": float("nan")},
        "method": {"name": "plain", "label_smoothing": 2.0},
        "seed": -1,
        "threads": 0,
    }
    with pytest.raises(LapilliError) as caught:
        configured(Options, wrong)
    assert len(str(caught.value).split("; ")) == 10
    for part in (
        "data.deformation: must be at least 0, got -1.0",
        "optimizer.lr: must be above 0, got 0.0",
        "optimizer.weight_decay: must be finite, got inf",
        "optimizer.batch_size: must be at least 1, got 0",
        "optimizer.max_epochs: must be at least 1, got -1",
        "optimizer.patience: must be at least 1, got 0",
        "loss.gain: must be finite, got nan",
        "method.label_smoothing: must be 0…1, got 2.0",
        "seed: must be at least 0, got -1",
        "threads: must be at least 1, got 0",
    ):
        assert part in str(caught.value)
    with pytest.raises(LapilliError, match=r"^seed: must be at least 0, got -1; threads: must be at least 1, got 0$"):
        train_small(tmp_path / "run", seed=-1, threads=0)
    with pytest.raises(LapilliError, match=r"^network\.dropout: must be at least 0 and below 1, got 1\.5$"):
        train_small(tmp_path / "run", network=replace(NETWORK, dropout=1.5))
    assert not (tmp_path / "run").exists()


def test_the_learning_rate_is_half_a_cosine() -> None:
    config = OptimizerConfig(lr=0.2, max_epochs=4)
    rates = [learning_rate(config, epoch) for epoch in range(5)]
    assert rates == pytest.approx([0.2, 0.1 * (1 + 0.5**0.5), 0.1, 0.1 * (1 - 0.5**0.5), 0.0])


@pytest.mark.slow
def test_the_default_network_learns_the_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "digits", digits)
    summary = train(tmp_path / "run", optimizer=OptimizerConfig(max_epochs=6), progress=False)
    assert summary.validation_accuracy > 0.93
