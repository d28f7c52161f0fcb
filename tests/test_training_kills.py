"""A training of ten epochs, killed without warning at any step and resumed, ends with the same bits."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from killing import killer
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
import os, signal
from pathlib import Path
import pytest
import test_training_kills as t
from lapilli.training.loop.classifier import Classifier

t.register(pytest.MonkeyPatch())
step = Classifier.training_step


def train_until_killed(run_dir, last, resume=False):
    def killed(self, data, batch_idx):
        if self.current_epoch * t.BATCHES + batch_idx == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, data, batch_idx)

    Classifier.training_step = killed
    t.train_long(Path(run_dir), resume=resume)
"""

Kill = Callable[..., None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        train_long(path)
    return path


@pytest.fixture(scope="module")
def kill_at() -> Iterator[Kill]:
    with killer(KILLED) as kill:
        yield kill


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_step_and_resumed(
    seed: int, whole: Path, kill_at: Kill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch)
    step = int(np.random.default_rng(seed).integers(BATCHES, EPOCHS * BATCHES))
    kill_at(tmp_path / "run", step)
    assert finished_epochs(tmp_path / "run") == step // BATCHES
    train_long(tmp_path / "run", resume=True)
    assert content(tmp_path / "run") == content(whole)


@pytest.mark.slow
def test_killed_before_the_first_epoch_has_ended_and_again_later(
    whole: Path, kill_at: Kill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch)
    kill_at(tmp_path / "run", 3)
    assert not (tmp_path / "run" / "checkpoint.safetensors").exists()
    kill_at(tmp_path / "run", 37, True)
    assert finished_epochs(tmp_path / "run") == 7
    train_long(tmp_path / "run", resume=True)
    assert content(tmp_path / "run") == content(whole)
