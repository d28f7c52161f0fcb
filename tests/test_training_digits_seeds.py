"""The table of accuracies over seeds."""

import csv
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lapilli.training.data import tasks
from lapilli.training.data.digits import Part, digits
from lapilli.training.networks.network import NetworkConfig
from lapilli.training.recipes.surrogate_gradient import OptimizerConfig, Summary, train
from lapilli.training.studies import digits_seeds


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    def few_digits(part: Part) -> object:
        return digits(part).select(slice(0, 60))

    def quick_train(run_dir: Path, **options: Any) -> Summary:
        return train(run_dir, network=NetworkConfig(hidden=(5,)), optimizer=OptimizerConfig(max_epochs=1), **options)

    monkeypatch.setattr(tasks, "digits", few_digits)
    monkeypatch.setattr(digits_seeds, "train", quick_train)


def test_a_row_for_each_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "seeds.csv"
    monkeypatch.setattr(sys, "argv", ["digits_seeds.py", "--out", str(out), "--seeds", "3", "4"])
    digits_seeds.main()
    with open(out, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["seed"] for row in rows] == ["3", "4"]
    assert rows[1]["command"] == f"python -m lapilli.training.studies.digits_seeds --out {out} --seeds 4"
    assert all(row["machine"] and 0 <= float(row["test_accuracy"]) <= 1 for row in rows)
    assert rows[0]["fingerprint"] != rows[1]["fingerprint"]
    accuracies = [float(row["test_accuracy"]) for row in rows]
    assert capsys.readouterr().out == (
        f"test accuracy over 2 seeds: mean {sum(accuracies) / 2:.4f}, {min(accuracies):.4f}…{max(accuracies):.4f}\n"
    )


def test_rows_are_written_as_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick_train = vars(digits_seeds)["train"]

    def interrupted(run_dir: Path, seed: int, **options: Any) -> Summary:
        if seed == 1:
            raise KeyboardInterrupt
        return replace(quick_train(run_dir, seed=seed, **options), test_accuracy=0.5)

    monkeypatch.setattr(digits_seeds, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        digits_seeds.digits_seeds(tmp_path / "seeds.csv", [0, 1])
    assert len((tmp_path / "seeds.csv").read_text().splitlines()) == 2
