"""A data set with time structure that needs no file: short recordings, the same ones at any width of time bins."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from lapilli.simulators import Events
from lapilli.training.data.catalogue import DATA_SETS
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.sets import DataSet, Division, Facts, Framed, hold_out

NAME = "ticks"
CHANNELS = 12
LENGTH_MS = 80
CLASSES = ("rising", "falling", "still")
SAMPLES = 150
SPEAKERS = 5


def recordings() -> list[tuple[np.ndarray, np.ndarray, int]]:
    """Times in µs, channels and length in µs of each: the channel rises, falls or stays while time goes on."""
    generator = np.random.default_rng(7)
    found = []
    for number in range(SAMPLES):
        label, length = number % len(CLASSES), int(generator.integers(LENGTH_MS // 2, LENGTH_MS + 1)) * 1000
        time = np.sort(generator.integers(0, length, 60))
        slope = (1, -1, 0)[label]
        place = CHANNELS / 2 + slope * (time / length - 0.5) * CHANNELS + generator.normal(0, 1, len(time))
        found.append((time, np.clip(place, 0, CHANNELS - 1).astype(int), length))
    return found


def frame(_: Sequence[Path], framing: Framing) -> Framed:
    width = round(1000 * (framing.bin_ms or 4.0))
    n_steps = framing.n_steps or -(-LENGTH_MS * 1000 // width)
    values = np.zeros((SAMPLES, CHANNELS, n_steps), np.int32)
    lengths = np.zeros(SAMPLES, np.int64)
    for number, (time, channel, length) in enumerate(recordings()):
        step = time // width
        np.add.at(values[number], (channel[step < n_steps], step[step < n_steps]), 1)
        lengths[number] = min(n_steps, -(-length // width))
    sample = np.arange(SAMPLES)
    labels, groups = sample % len(CLASSES), sample // len(CLASSES) % SPEAKERS
    parts = np.where(groups == SPEAKERS - 1, 2, 0)
    blocks = iter([Events.from_dense(values)])
    return Framed((CHANNELS,), n_steps, width / 1000, labels, groups, lengths, parts, "u1", blocks)


def divide(facts: Facts, split: Split) -> Division:
    return hold_out(NAME, facts, split, validation=[SPEAKERS - 2]), CLASSES


TICKS = DataSet(
    NAME,
    title="rising and falling ticks",
    licence="none needed",
    origin="tests/timed_recordings.py",
    files=(),
    content="speaker 3 for validation, speaker 4 for the test, the rest for training",
    framing=("bin_ms", "n_steps"),
    frame=frame,
    divide=divide,
    split=("validation_groups",),
)


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `prepared` know the data set."""
    monkeypatch.setitem(DATA_SETS, NAME, TICKS)
