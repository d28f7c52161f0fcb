"""TKS on static images: the packaged configuration on small ones, into a table and a curve of 1 to 4 steps."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_images import BARS, CLASSES, NAME, images

import lapilli.training
from lapilli.simulators.configurations import read_options
from lapilli.training.data.catalogue import DATA_SETS
from lapilli.training.data.framing import Framing
from lapilli.training.data.images import framed_images
from lapilli.training.data.sets import Framed
from lapilli.training.data.tasks import find_task
from lapilli.training.recipes.surrogate_gradient import Options
from lapilli.training.studies import __main__ as studies
from lapilli.training.studies.collect import SET_BY_STUDIES

CONFIG = Path(lapilli.training.__file__).parent / "configs" / "tks-cifar10.yaml"
SAMPLES, TEST = 60, 12


def frame(_: Sequence[Path], framing: Framing) -> Framed:
    """Some of the bars as CIFAR's images are read."""
    numbers = np.arange(SAMPLES)
    parts = np.where(numbers < SAMPLES - TEST, 0, 2)
    return framed_images(NAME, images()[:SAMPLES].astype(np.uint8), numbers % len(CLASSES), parts, framing)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The packaged configuration, of bars in place of CIFAR-10 and a single epoch."""
    monkeypatch.setitem(DATA_SETS, NAME, replace(BARS, name=NAME, frame=frame))
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


@pytest.mark.slow
def test_an_image_is_shown_four_times_and_tested_with_one_to_four(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = find_task(read_options(file, Options, SET_BY_STUDIES).data, False).test.events().to_dense()
    assert frames.shape == (TEST, 1, 16, 16, 4)
    assert frames.max() == 16
    assert np.array_equal(frames, np.repeat(frames[..., :1], 4, axis=-1))

    out, runs = tmp_path / "t.csv", str(tmp_path / "runs")
    studies.methods(file, str(out), ("tks",), 1, runs, lava_samples=0)
    rows, curves = read(out), read(tmp_path / "t_curves.csv")
    assert [(row["method"], row["seed"], row["frames"]) for row in rows] == [("tks", "0", "4")]
    assert rows[0]["proven_differences"] == "0"
    assert [(row["protocol"], row["frames"]) for row in curves] == [("first_frames", str(t)) for t in range(1, 5)]
    assert curves[-1]["test_accuracy"] == rows[0]["test_accuracy"]
    assert "<svg" in (tmp_path / "t_curves.svg").read_text()

    # What is there is not trained again.
    monkeypatch.setattr(studies, "resumed", None)
    studies.methods(file, str(out), ("tks",), 1, runs, lava_samples=0)
    assert read(out) == rows
