"""A training of ten epochs, killed without warning at any step and resumed, ends with the same bits."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from timed_recordings import NAME, register
from training_runs import content, finished_epochs

from lapilli.training.data.augmentation import AugmentConfig
from lapilli.training.data.framing import Framing
from lapilli.training.methods import TksConfig
from lapilli.training.networks.network import NetworkConfig
from lapilli.training.recipes.surrogate_gradient import DataConfig, LossConfig, OptimizerConfig, Summary, train

EPOCHS, BATCHES = 10, 5


def train_long(run_dir: Path, **options: Any) -> Summary:
    """Everything that has a state: dropout, augmentation, decays, delays, batch statistics, a schedule, patience."""
    return train(
        run_dir,
        data=DataConfig(NAME, Framing(bin_ms=8.0), augment=AugmentConfig(shift_x=2, drop=0.1)),
        network=NetworkConfig(
            hidden=(8,),
            recurrent=True,
            dropout=0.2,
            delays=2,
            learn_decays=True,
            batch_norm=True,
            readout="softmax_sum",
        ),
        optimizer=OptimizerConfig(max_epochs=EPOCHS, batch_size=18, schedule="by batch", warm_up=1.5, clip_norm=1.0),
        loss=LossConfig(operations=0.01, padding="masked"),
        method=TksConfig(selector="random"),
        progress=False,
        **options,
    )


KILLED = """
import os, signal, sys
from pathlib import Path
import pytest
import test_training_kills as t
from lapilli.training.loop.classifier import Classifier

t.register(pytest.MonkeyPatch())
step = Classifier.training_step


def killed(self, data, batch_idx):
    if self.current_epoch * t.BATCHES + batch_idx == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, data, batch_idx)


Classifier.training_step = killed
t.train_long(Path(sys.argv[1]), resume=len(sys.argv) > 3)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        train_long(path)
    return path


def kill_at(step: int, run_dir: Path, *resume: str) -> None:
    here = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(here), str(here.parent)])}
    command = [sys.executable, "-c", KILLED, str(run_dir), str(step), *resume]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_step_and_resumed(
    seed: int, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch)
    step = int(np.random.default_rng(seed).integers(BATCHES, EPOCHS * BATCHES))
    kill_at(step, tmp_path / "run")
    assert finished_epochs(tmp_path / "run") == step // BATCHES
    train_long(tmp_path / "run", resume=True)
    assert content(tmp_path / "run") == content(whole)


def test_killed_before_the_first_epoch_has_ended_and_again_later(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch)
    kill_at(3, tmp_path / "run")
    assert not (tmp_path / "run" / "checkpoint.safetensors").exists()
    kill_at(37, tmp_path / "run", "--resume")
    assert finished_epochs(tmp_path / "run") == 7
    train_long(tmp_path / "run", resume=True)
    assert content(tmp_path / "run") == content(whole)
