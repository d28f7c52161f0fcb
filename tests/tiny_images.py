"""A data set of images that needs no file: bars that stand, lie or run across, in noise."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from lapilli.simulators import Events
from lapilli.training.data.analogue import IMAGES
from lapilli.training.data.catalogue import DATA_SETS
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.sets import DataSet, Division, Facts, Framed, every_nth

NAME = "bars"
SIDE = 16
CLASSES = ("standing", "lying", "across")
SAMPLES = 150


def images() -> np.ndarray:
    """(samples, 1, rows, columns), 0…255."""
    generator = np.random.default_rng(3)
    found = generator.integers(0, 120, (SAMPLES, 1, SIDE, SIDE))
    for number, image in enumerate(found[:, 0]):
        place, steps = int(generator.integers(2, SIDE - 2)), np.arange(SIDE)
        rows, columns = [(steps, place), (place, steps), (steps, (steps + place) % SIDE)][number % len(CLASSES)]
        image[rows, columns] = 255
    return found


def frame(_: Sequence[Path], framing: Framing) -> Framed:
    labels = np.arange(SAMPLES) % len(CLASSES)
    parts = np.where(np.arange(SAMPLES) < 120, 0, 2)
    events = Events.from_dense(images()[..., None].astype(np.int32))
    lengths, groups = np.ones(SAMPLES, np.int64), np.full(SAMPLES, -1)
    return Framed((1, SIDE, SIDE), 1, None, labels, groups, lengths, parts, "<i2", iter([events]))


def divide(facts: Facts, split: Split) -> Division:
    return every_nth(facts, 5), CLASSES


BARS = DataSet(
    NAME,
    title="bars in noise",
    licence="none needed",
    origin="tests/tiny_images.py",
    files=(),
    content="every fifth of a class for validation, the last 30 for the test",
    framing=IMAGES,
    frame=frame,
    divide=divide,
)


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `prepared` know the data set."""
    monkeypatch.setitem(DATA_SETS, NAME, BARS)
