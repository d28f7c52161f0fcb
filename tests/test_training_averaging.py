"""An average of weights: a loop's own mean, the same after Ctrl-C, and what is kept and exported."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from timed_recordings import NAME, register
from training_runs import content, last_weights

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.data.framing import Framing
from lapilli.training.loop.classifier import Classifier
from lapilli.training.loop.fitting import TrainingInterruptedError
from lapilli.training.loop.optimisation import OptimizerConfig
from lapilli.training.networks.network import NetworkConfig
from lapilli.training.recipes.surrogate_gradient import DataConfig, Summary, train

DATA = DataConfig(NAME, Framing(bin_ms=5.0))
AVERAGED = OptimizerConfig(max_epochs=2, batch_size=32, average=0.75, keep="last")


@pytest.fixture(autouse=True)
def ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)


def train_ticks(run_dir: Path, **options: Any) -> Summary:
    network = NetworkConfig(hidden=(10,), dropout=0.2, batch_norm=True)
    return train(run_dir, **{"data": DATA, "network": network, "optimizer": AVERAGED, "progress": False, **options})


def test_the_average_is_that_of_a_loop_over_all_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[dict[str, torch.Tensor]] = []

    def remembered(self: Classifier, *_: Any) -> None:
        steps.append({name: tensor.detach().clone() for name, tensor in self.state_dict().items()})

    monkeypatch.setattr(Classifier, "on_train_batch_end", remembered, raising=False)
    train_ticks(tmp_path)
    means = {name: tensor.double() for name, tensor in steps[0].items()}
    for weights in steps[1:]:
        means = {name: 0.75 * mean + 0.25 * weights[name].double() for name, mean in means.items()}
    found = last_weights(tmp_path)
    assert found.keys() == means.keys()
    assert len(steps) > 4
    for name, mean in means.items():
        if mean.is_floating_point() and steps[0][name].is_floating_point():
            np.testing.assert_allclose(found[name], mean.numpy(), rtol=1e-5, atol=1e-6)


def test_ctrl_c_and_resume_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_ticks(tmp_path / "whole")
    step = Classifier.training_step

    def interrupted(self: Classifier, batch: Any, batch_idx: int) -> torch.Tensor:
        if (self.current_epoch, batch_idx) == (1, 1):
            raise KeyboardInterrupt
        return step(self, batch, batch_idx)

    with monkeypatch.context() as patched:
        patched.setattr(Classifier, "training_step", interrupted)
        with pytest.raises(TrainingInterruptedError):
            train_ticks(tmp_path / "stopped")
    train_ticks(tmp_path / "stopped", resume=True)
    assert content(tmp_path / "stopped") == content(tmp_path / "whole")
    # No epoch is left: what is exported again is the average, too.
    shutil.copytree(tmp_path / "whole", tmp_path / "again")
    (tmp_path / "again" / "model.net").unlink()
    train_ticks(tmp_path / "again", resume=True)
    assert content(tmp_path / "again") == content(tmp_path / "whole")


def test_the_best_weights_are_an_average(tmp_path: Path) -> None:
    """After one epoch the best ones are the last ones."""
    for keep in ("best", "last"):
        train_ticks(tmp_path / keep, optimizer=replace(AVERAGED, max_epochs=1, keep=keep))
    assert content(tmp_path / "best")["weights"] == content(tmp_path / "last")["weights"]


def test_an_average_that_never_moves_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"optimizer\.average: must be 0…0\.99999"):
        train_ticks(tmp_path, optimizer=replace(AVERAGED, average=1.0))
