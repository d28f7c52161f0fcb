"""The recipe: a resumed run ends like an uninterrupted one, what is exported decides as trained, clear faults."""

import csv
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_runs import last_weights

from lapilli.netx_exports import FormatError, LapilliError, load
from lapilli.netx_exports.network import Network
from lapilli.simulators import Events, prove, run
from lapilli.simulators.configurations import configured
from lapilli.simulators.decisions.decide import accuracy, decide, needed_recording
from lapilli.training.data import tasks
from lapilli.training.data.digits import Part, digits
from lapilli.training.data.tasks import DataConfig
from lapilli.training.loop.fitting import TrainingInterruptedError
from lapilli.training.recipes import stllr as recipe
from lapilli.training.recipes.stllr import (
    OnlineClassifier,
    OnlineOptimizerConfig,
    OnlineSummary,
    Options,
    load_online,
    train_stllr,
)
from lapilli.training.stllr.config import OnlineNetworkConfig, RuleConfig, UnrolledConfig
from lapilli.training.stllr.exported import ModuleBackend, export

NETWORK = OnlineNetworkConfig(hidden=(12,), recurrent=True, leak=0.9)
INTEGERS = replace(NETWORK, arithmetic="integer", reset="zero", threshold=0.5, weight_scale=2.0)
OPTIMIZER = OnlineOptimizerConfig(max_epochs=3, batch_size=90, lr=0.01)
# Random feedback and a change in each step, so that more than weights must come back.
RULE = RuleConfig(signal="dfa", update="each step", window=3, a_post=-1.0)


def few_digits(part: Part) -> Events:
    return digits(part).select(slice(0, 200))


def train_small(run_dir: Path, **options: Any) -> OnlineSummary:
    chosen = {"network": NETWORK, "optimizer": OPTIMIZER, "method": RULE, "progress": False, **options}
    return train_stllr(run_dir, **chosen)


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


def content(run_dir: Path) -> dict[str, Any]:
    """All but the times, bit for bit."""
    rows = [line.rsplit(",", 1)[0] for line in (run_dir / "metrics.csv").read_text().splitlines()]
    summary = json.loads((run_dir / "summary.json").read_text())
    del summary["seconds"], summary["commit"]
    last = {name: tensor.tobytes() for name, tensor in last_weights(run_dir).items()}
    return {"weights": (run_dir / "weights.safetensors").read_bytes(), "rows": rows, "summary": summary, "last": last}


@pytest.mark.parametrize(("epoch", "batch"), [(0, 1), (2, 2)])
def test_ctrl_c_and_resume_change_nothing(
    epoch: int, batch: int, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = OnlineClassifier.training_step

    def interrupted(self: OnlineClassifier, data: Any, batch_idx: int) -> None:
        if (self.current_epoch, batch_idx) == (epoch, batch):
            monkeypatch.setattr(OnlineClassifier, "training_step", step)
            raise KeyboardInterrupt
        step(self, data, batch_idx)

    monkeypatch.setattr(OnlineClassifier, "training_step", interrupted)
    with pytest.raises(TrainingInterruptedError, match=rf"stopped after epoch {epoch} of 3; resume the run in"):
        train_small(tmp_path / "run")
    train_small(tmp_path / "run", resume=True)
    assert content(tmp_path / "run") == content(finished)


@pytest.mark.slow
def test_kill_9_and_resume_change_nothing(finished: Path, tmp_path: Path) -> None:
    program = """
import os, signal, sys
from pathlib import Path
import test_stllr_recipe as t
t.tasks.digits = t.few_digits
step = t.OnlineClassifier.training_step
def killed(self, data, batch_idx):
    if (self.current_epoch, batch_idx) == (2, 1):
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, data, batch_idx)
t.OnlineClassifier.training_step = killed
t.train_small(Path(sys.argv[1]))
"""
    tests = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)])}
    command = [sys.executable, "-c", program, str(tmp_path / "run")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    train_small(tmp_path / "run", resume=True)
    assert content(tmp_path / "run") == content(finished)


def test_random_feedback_and_the_optimiser_come_back_with_the_checkpoint(finished: Path) -> None:
    assert "learner.feedback_0" in last_weights(finished)
    weights = {name.removeprefix("learner.network.") for name in last_weights(finished)}
    assert set(load_online(finished).state_dict()) < weights


@pytest.mark.parametrize("method", [RuleConfig(), UnrolledConfig(steps=4)], ids=["s-tllr", "truncated bptt"])
def test_integers_are_exported_and_decide_as_they_were_trained(method: Any, tmp_path: Path) -> None:
    summary = train_small(tmp_path / "run", network=INTEGERS, method=method, watch_test=True)
    network = load(tmp_path / "run" / "model.net")
    assert network.fingerprint == summary.fingerprint
    module = load_online(tmp_path / "run")
    assert export(module) == network
    events = few_digits("test")
    n_steps = events.n_steps + network.depth
    result = run(network, events, n_steps=n_steps, record=needed_recording(network))
    assert accuracy(decide(result, network), events.labels) == summary.test_accuracy
    backends: dict[str, Any] = {"module": ModuleBackend(module), "reference": "reference", "fast": "fast"}
    assert prove(network, events.select(slice(0, 40)), backends, n_steps=n_steps).equal
    with open(tmp_path / "run" / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert float(rows[-1]["test_accuracy"]) == pytest.approx(summary.test_accuracy, abs=1e-6)
    assert summary.best_test_epoch_accuracy == max(float(row["test_accuracy"]) for row in rows)


def test_a_longer_drain_is_steps_of_silence(tmp_path: Path) -> None:
    short = train_small(tmp_path / "short", network=INTEGERS)
    longer = train_small(tmp_path / "long", network=INTEGERS, data=DataConfig(drain=5))
    assert longer.n_steps == short.n_steps + 5 - INTEGERS.depth


@pytest.mark.slow
def test_it_learns(tmp_path: Path) -> None:
    """Ten classes by chance: 10 %. The last bits of sums, and so the accuracy, differ between processors."""
    longer = replace(OPTIMIZER, max_epochs=8, batch_size=20)
    for name, method in {"s-tllr": RuleConfig(a_post=0.2), "dfa": RuleConfig(signal="dfa", a_post=0.2)}.items():
        assert train_small(tmp_path / name, optimizer=longer, method=method).train_accuracy > 0.2


@pytest.mark.slow
def test_plain_gradient_descent_sample_by_sample(tmp_path: Path) -> None:
    once = OnlineOptimizerConfig(kind="sgd", lr=0.01, batch_size=1, max_epochs=1)
    assert train_small(tmp_path / "run", optimizer=once).epochs == 1


def test_a_decision_that_differs_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(network: Any) -> Network:
        with torch.no_grad():
            network.readout.parts[0].weight.neg_()
        return export(network)

    monkeypatch.setattr(recipe, "export", wrong)
    with pytest.raises(LapilliError, match=r"the exported network decides \d+ of 200 samples unlike what was trained"):
        train_small(tmp_path / "run", network=INTEGERS)


def test_a_class_that_is_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_threes(part: Part) -> Events:
        events = few_digits(part)
        assert events.labels is not None
        return events.select(np.flatnonzero((events.labels != 3) | (part != "train")))

    monkeypatch.setattr(tasks, "digits", without_threes)
    with pytest.raises(LapilliError, match="data: the training part has no sample of class 3, which would never be"):
        train_small(tmp_path / "run")


def test_a_learning_rate_that_is_too_high_says_so(tmp_path: Path) -> None:
    wild = OnlineOptimizerConfig(kind="sgd", lr=1e38, max_epochs=3)
    with pytest.raises(LapilliError, match=r"epoch \d: .* is (nan|inf), no number; lower the learning rate"):
        train_small(tmp_path / "run", optimizer=wild, method=RuleConfig())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"optimizer": {"lr": 0, "batch_size": 0}},
            "optimizer.lr: must be above 0, got 0; optimizer.batch_size: must be at least 1, got 0",
        ),
        (
            {"method": {"name": "s-tllr", "window": 1000}},
            r"method.window: must be 1…\d+, the steps of a sample, or null, got 1000",
        ),
        ({"network": {"leak": 2}}, "network.leak: must be 0…1, got 2"),
        (
            {"data": {"fit": "train and validation"}, "optimizer": {"keep": "best"}},
            "data.fit: with the validation part in training",
        ),
    ],
)
def test_values_out_of_range(options: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=words):
        train_stllr(tmp_path / "run", configured(Options, options))
    assert not (tmp_path / "run").exists()


def test_a_damaged_run_says_so(finished: Path, tmp_path: Path) -> None:
    for name in ("config.yaml", "weights.safetensors"):
        (tmp_path / name).write_bytes((finished / name).read_bytes())
    config = (tmp_path / "config.yaml").read_text()
    (tmp_path / "config.yaml").write_text(config.replace("recurrent: true", "recurrent: false"))
    with pytest.raises(FormatError, match=r"does not fit config\.yaml"):
        load_online(tmp_path)
