"""Training in two processes: the loss curve of one, nothing lost by an interruption, no process left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from timed_recordings import NAME, register
from training_runs import content, finished_epochs, metrics

from lapilli.netx_exports import LapilliError
from lapilli.training.data.augmentation import AugmentConfig
from lapilli.training.data.framing import Framing
from lapilli.training.methods import KdclConfig, TetConfig, TksConfig
from lapilli.training.networks.network import NetworkConfig
from lapilli.training.recipes.surrogate_gradient import DataConfig, LossConfig, OptimizerConfig, Summary, train

DATA = DataConfig(NAME, Framing(bin_ms=4.0), augment=AugmentConfig(shift_x=2, drop=0.1))
NETWORK = NetworkConfig(hidden=(16,), recurrent=True)
# 90 samples for training: the last batch has one, so that the second process has nothing of it.
OPTIMIZER = OptimizerConfig(max_epochs=4, batch_size=89, lr=0.01)

HERE = Path(__file__).parent


def train_ticks(run_dir: Path, **options: Any) -> Summary:
    return train(run_dir, **{"data": DATA, "network": NETWORK, "optimizer": OPTIMIZER, "progress": False, **options})


@pytest.fixture(autouse=True)
def ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("teacher") / "run"
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        train_ticks(path, data=replace(DATA, framing=Framing(bin_ms=2.0)))
    return path


CASES: dict[str, dict[str, Any]] = {
    "a last batch of one sample": {},
    "an uneven last batch": {"optimizer": replace(OPTIMIZER, batch_size=35, clip_norm=0.5)},
    "a smaller batch than processes": {"optimizer": replace(OPTIMIZER, batch_size=1, max_epochs=1)},
    "operations cost": {"loss": LossConfig(operations=0.1, spikes=0.1)},
    "learned delays": {"network": NetworkConfig(hidden=(12, 8), delays=4, learn_decays=True)},
    "knowledge sharing": {"method": TksConfig(), "loss": LossConfig(padding="masked"), "watch_test": True},
    "every step by itself": {"method": TetConfig()},
    "a teacher": {"method": KdclConfig(own=TksConfig())},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_two_processes_have_the_loss_curve_of_one(name: str, tmp_path: Path, teacher: Path) -> None:
    options = {**CASES[name], **({"teacher": teacher} if name == "a teacher" else {})}
    one, two = (train_ticks(tmp_path / str(devices), **options, devices=devices) for devices in (1, 2))
    curves = [metrics(tmp_path / devices) for devices in ("1", "2")]
    assert len(curves[0]) == len(curves[1])
    for alone, shared in zip(*curves):
        assert list(alone) == list(shared)
        assert np.allclose(list(alone.values()), list(shared.values()), rtol=1e-5, atol=0)
    assert (one.best_epoch, one.epochs) == (two.best_epoch, two.epochs)
    assert one.test_accuracy == two.test_accuracy


@pytest.fixture(scope="module")
def by_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training by two processes that nothing interrupted."""
    path = tmp_path_factory.mktemp("by_two") / "run"
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        train_ticks(path, devices=2)
    return path


@pytest.mark.slow
def test_two_processes_end_the_same_each_time(by_two: Path, tmp_path: Path) -> None:
    train_ticks(tmp_path / "again", devices=2)
    assert content(tmp_path / "again") == content(by_two)


def test_the_last_weights_of_two_processes_are_kept(tmp_path: Path) -> None:
    last = replace(OPTIMIZER, keep="last")
    one, two = (train_ticks(tmp_path / str(devices), optimizer=last, devices=devices) for devices in (1, 2))
    assert (one.best_epoch, one.test_accuracy) == (two.best_epoch, two.test_accuracy) == (4, one.test_accuracy)


def test_an_error_of_one_process_is_its_sentence(tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"^the loss became nan in epoch 1; lower optimizer\.lr \(0\.01\)"):
        train_ticks(tmp_path / "run", loss=LossConfig(gain=1e300), devices=2)


# Two processes import torch and Lava; seconds on an idle machine, minutes on a busy one.
START_S = 600.0

# Far more epochs than there is time for.
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)])}
PIPES: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
WORDS = ["--data.name", NAME, "--network.hidden", "[16]", "--network.recurrent", "true", "--optimizer.lr", "0.01"]
WORDS += ["--optimizer.batch_size", "89", "--optimizer.max_epochs", "100000", "--optimizer.patience", "100000"]


@pytest.fixture
def running(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A training in two processes that has finished three epochs, in a session of its own."""
    command = [sys.executable, str(HERE / "ticks_worker.py"), "--run-dir", str(tmp_path / "run"), "--devices", "2"]
    process = subprocess.Popen([*command, *WORDS], env=ENVIRONMENT, start_new_session=True, **PIPES)
    try:
        table = tmp_path / "run" / "metrics.csv"
        until = time.monotonic() + START_S
        while process.poll() is None and not (table.exists() and len(table.read_text().splitlines()) > 3):
            assert time.monotonic() < until
            time.sleep(0.02)
        yield process
    finally:
        # A training that was too slow to start would go on for days.
        for member in members(process.pid):
            os.kill(member, signal.SIGKILL)
        process.communicate()


def members(session: int) -> list[int]:
    """Processes of a session that run."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            # What stands behind the name, which may have anything in it: state, parent, group, session.
            facts = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if facts[3] == str(session) and facts[0] != "Z":
            found.append(int(folder.name))
    return found


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Status and last words of a process; nothing of it must be left."""
    status, (out, err) = process.wait(60), process.communicate()
    assert out == ""
    until = time.monotonic() + 10
    while members(process.pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert members(process.pid) == []
    return status, err


@pytest.mark.slow
@pytest.mark.parametrize("how", ["Ctrl-C", "one SIGINT", "SIGTERM"])
def test_an_interruption_leaves_no_process_and_loses_nothing(
    how: str, running: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    assert len(members(running.pid)) >= 3
    if how == "Ctrl-C":
        os.killpg(running.pid, signal.SIGINT)
    else:
        running.send_signal(signal.SIGINT if how == "one SIGINT" else signal.SIGTERM)
    status, err = ended(running)
    epochs = finished_epochs(tmp_path / "run")
    assert epochs >= 2
    assert status == 130
    where = f"the run in {tmp_path / 'run'} (--resume)"
    assert err == f"lapilli: stopped after epoch {epochs} of 100000; resume {where} to go on\n"


@pytest.mark.slow
def test_a_killed_process_of_several_is_named(running: "subprocess.Popen[str]") -> None:
    os.kill(next(member for member in members(running.pid) if member != running.pid), signal.SIGKILL)
    status, err = ended(running)
    assert status == 2
    # The other process may notice the lost connection before it is ended, and say so first.
    assert "lapilli: a process of the training was ended by SIGKILL" in err


@pytest.mark.slow
def test_a_killed_training_leaves_no_process(running: "subprocess.Popen[str]") -> None:
    running.kill()
    assert ended(running) == (-signal.SIGKILL, "")


KILLED = """
import os, signal, sys
from pathlib import Path
import pytest
import test_training_processes as t
from lapilli.training.loop.classifier import Classifier

t.register(pytest.MonkeyPatch())
step = Classifier.training_step


def killed(self, data, batch_idx):
    if (self.current_epoch, batch_idx, self.global_rank) == (2, 1, 0):
        os.kill(os.getppid(), signal.SIGKILL)
    return step(self, data, batch_idx)


Classifier.training_step = killed
t.train_ticks(Path(sys.argv[1]), devices=2)
"""


@pytest.mark.slow
def test_a_killed_training_of_two_processes_is_resumed_and_ends_the_same(by_two: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed")]
    process = subprocess.Popen(command, env=ENVIRONMENT, start_new_session=True, **PIPES)
    assert ended(process)[0] == -signal.SIGKILL
    assert len(metrics(tmp_path / "killed")) >= 2
    assert not (tmp_path / "killed" / "weights.safetensors").exists()
    train_ticks(tmp_path / "killed", devices=2, resume=True)
    assert content(tmp_path / "killed") == content(by_two)


def test_the_number_of_processes_is_part_of_the_configuration(tmp_path: Path) -> None:
    train_ticks(tmp_path / "run")
    with pytest.raises(LapilliError, match="devices is 2 but was 1"):
        train_ticks(tmp_path / "run", devices=2, resume=True)
