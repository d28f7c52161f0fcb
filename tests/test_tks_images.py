"""TKS on static images: the packaged configuration on small ones, into a table and a curve of 1 to 4 steps."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_images import NAME, register

import lapilli.training
from lapilli.netx_exports import LapilliError
from lapilli.simulators.configurations import read_options
from lapilli.training.data.tasks import find_task
from lapilli.training.loop.classifier import Classifier
from lapilli.training.recipes.surrogate_gradient import Options
from lapilli.training.studies.__main__ import methods
from lapilli.training.studies.collect import SET_BY_STUDIES

CONFIG = Path(lapilli.training.__file__).parent / "configs" / "tks-cifar10.yaml"
CASES = [("plain", "0"), ("tks", "0")]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The packaged configuration, of bars in place of CIFAR-10 and a single epoch."""
    register(monkeypatch)
    monkeypatch.setattr("lapilli.training.studies.collect.commit", lambda: "aaa")
    text = CONFIG.read_text()
    for old, new in {
        "name: cifar10-held-out": f"name: {NAME}",
        "max_epochs: 10": "max_epochs: 1",
        "batch_size: 128": "batch_size: 32",
    }.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    (tmp_path / "bars.yaml").write_text(text)
    return str(tmp_path / "bars.yaml")


def read(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def test_an_image_is_shown_four_times(monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    shown = find_task(read_options(file, Options, SET_BY_STUDIES).data, False).test
    frames = shown.events().to_dense()
    assert frames.shape[-1] == 4
    assert frames.any()
    assert np.array_equal(frames, np.repeat(frames[..., :1], 4, axis=-1))


@pytest.mark.slow
def test_methods_make_a_table_and_a_curve_and_go_on_where_they_were_stopped(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, seen = Classifier.training_step, set[int]()

    def stopping(classifier: Classifier, batch: Any, batch_idx: int) -> Any:
        seen.add(id(classifier))
        if stop and len(seen) == 2:
            raise KeyboardInterrupt
        return step(classifier, batch, batch_idx)

    monkeypatch.setattr(Classifier, "training_step", stopping)
    out, runs = tmp_path / "t.csv", str(tmp_path / "runs")
    stop = True
    with pytest.raises(LapilliError, match="stopped"):
        methods(file, str(out), ("plain", "tks"), 1, runs, lava_samples=0)
    kept = read(out)
    assert [(row["method"], row["seed"]) for row in kept] == CASES[:1]
    stop = False
    methods(file, str(out), ("plain", "tks"), 1, runs, lava_samples=0)
    rows, curves = read(out), read(tmp_path / "t_curves.csv")
    assert rows[0] == kept[0]
    assert [(row["method"], row["seed"], row["frames"]) for row in rows] == [(*case, "4") for case in CASES]
    assert {row["proven_differences"] for row in rows} == {"0"}
    found = [(row["method"], row["seed"], row["protocol"], row["frames"]) for row in curves]
    assert found == [(*case, "first_frames", str(frame)) for case in CASES for frame in range(1, 5)]
    at_end = [float(row["test_accuracy"]) for row in curves if row["frames"] == "4"]
    assert at_end == [float(row["test_accuracy"]) for row in rows]
    assert "<svg" in (tmp_path / "t_curves.svg").read_text()
