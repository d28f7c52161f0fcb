"""The progress bar: on a terminal it moves, elsewhere nothing is written."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lapilli.training.data import tasks
from lapilli.training.data.digits import Part, digits
from lapilli.training.loop import fitting
from lapilli.training.loop.classifier import Classifier
from lapilli.training.loop.progress import EpochBar
from lapilli.training.networks.network import NetworkConfig
from lapilli.training.recipes.surrogate_gradient import OptimizerConfig, train


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    def few_digits(part: Part) -> object:
        return digits(part).select(slice(0, 60))

    monkeypatch.setattr(tasks, "digits", few_digits)
    return {"network": NetworkConfig(hidden=(5,)), "optimizer": OptimizerConfig(max_epochs=3)}


def drawn_on(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> io.StringIO:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, color_system=None, width=200)
    monkeypatch.setattr("lapilli.training.loop.fitting.EpochBar", lambda: EpochBar(console))
    return screen


def test_a_terminal_sees_epochs_and_metrics(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = drawn_on(monkeypatch, terminal=True)
    train(tmp_path / "run", **options)
    assert "3/3 epochs" in screen.getvalue()
    assert "validation_accuracy 0." in screen.getvalue()
    assert "train_loss 2." in screen.getvalue()


def test_nothing_else_is_written_to(options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = drawn_on(monkeypatch, terminal=False)
    train(tmp_path / "run", **options)
    assert screen.getvalue() == ""


def test_a_bar_that_is_not_wanted_is_not_drawn(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = drawn_on(monkeypatch, terminal=True)
    train(tmp_path / "run", **options, progress=False)
    assert screen.getvalue() == ""


def test_an_error_closes_the_bar(options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = drawn_on(monkeypatch, terminal=True)
    bars: list[EpochBar] = []
    make = fitting.fit.__globals__["EpochBar"]

    def kept() -> EpochBar:
        bars.append(make())
        return bars[-1]

    monkeypatch.setattr("lapilli.training.loop.fitting.EpochBar", kept)

    def fail(*_: Any) -> None:
        raise ValueError("batch 0")

    monkeypatch.setattr(Classifier, "training_step", fail)
    with pytest.raises(ValueError, match="batch 0"):
        train(tmp_path / "run", **options)
    assert bars[0]._progress is None
    assert "0/3 epochs" in screen.getvalue()
