"""A method of training from outside: a configuration with a name and a loss, and nothing else of lapilli changes."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest
import torch
import yaml
from training_runs import last_weights

from lapilli.netx_exports import LapilliError
from lapilli.simulators import Events
from lapilli.simulators.configurations import configuration
from lapilli.simulators.configurations.ranges import AboveZero
from lapilli.training.data import tasks
from lapilli.training.data.digits import Part, digits
from lapilli.training.loop.optimisation import OptimizerConfig
from lapilli.training.methods import METHODS, KdclConfig, LossInput, Method, PlainConfig, method_loss
from lapilli.training.networks.network import NetworkConfig
from lapilli.training.recipes.surrogate_gradient import Options, Summary, train


@configuration("method")
@dataclass(frozen=True)
class LastStep(Method):
    """Cross-entropy of the last step alone."""

    name: Literal["last_step"] = "last_step"
    temperature: AboveZero = 1.0

    def loss(self, batch: LossInput) -> torch.Tensor:
        """CE(z[T] / temperature, y)."""
        return torch.nn.functional.cross_entropy(batch.logits[..., -1] / self.temperature, batch.labels)


@configuration("method")
@dataclass(frozen=True)
class Imitation(Method):
    """The teacher's last step, and nothing else."""

    needs_teacher: ClassVar[bool] = True

    name: Literal["imitation"] = "imitation"

    def loss(self, batch: LossInput) -> torch.Tensor:
        """CE(z[T], softmax(teacher[T]))."""
        return torch.nn.functional.cross_entropy(batch.logits[..., -1], batch.teacher_logits[..., -1].softmax(1))


def few_digits(part: Part) -> Events:
    return digits(part).select(slice(0, 60))


@pytest.fixture(autouse=True)
def small_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "digits", few_digits)


def train_small(run_dir: Path, method: Method, teacher: Path | None = None) -> Summary:
    options = Options(network=NetworkConfig(hidden=(6,)), optimizer=OptimizerConfig(max_epochs=1, batch_size=20))
    return train(run_dir, options, method=method, teacher=teacher, progress=False)


def test_a_method_from_outside_trains(tmp_path: Path) -> None:
    methods = [LastStep(), LastStep(temperature=3.0), PlainConfig()]
    prints = [train_small(tmp_path / str(number), method).fingerprint for number, method in enumerate(methods)]
    assert len(set(prints)) == 3
    config = yaml.safe_load((tmp_path / "1" / "config.yaml").read_text())
    assert config["method"] == {"name": "last_step", "temperature": 3.0}


def test_a_method_from_outside_has_a_teacher_and_kdcl_takes_one_as_its_own(tmp_path: Path) -> None:
    train_small(tmp_path / "teacher", LastStep())
    for number, method in enumerate((Imitation(), KdclConfig(own=LastStep()))):
        train_small(tmp_path / str(number), method, tmp_path / "teacher")
    first, second = (last_weights(tmp_path / str(number)) for number in range(2))
    assert any(not np.array_equal(first[name], second[name]) for name in first)
    with pytest.raises(LapilliError, match=r"^teacher: method imitation needs the folder of a finished run$"):
        train_small(tmp_path / "alone", Imitation())
    with pytest.raises(LapilliError, match=r"^teacher: method last_step learns from none; choose kdcl$"):
        train_small(tmp_path / "taught", LastStep(), tmp_path / "teacher")
    with pytest.raises(LapilliError, match="teacher_logits: method 'imitation' needs those of a teacher"):
        method_loss(Imitation(), torch.zeros(2, 3, 4), torch.zeros(2, dtype=torch.int64), 0, 1)


def test_what_is_no_method_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"^method: must be a Method, got 'tks'$"):
        train_small(tmp_path / "run", "tks")  # type: ignore[arg-type]


def test_every_method_says_what_it_is() -> None:
    assert [kind.name for kind in METHODS if kind.needs_teacher] == ["kdcl"]
    for kind in METHODS:
        assert kind.loss is not Method.loss
        assert kind().name == kind.name
