"""A tiny data set with a meaning in time: which way chimes ring, in milliseconds, to be put into bins of any width."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lapilli.simulators import Events
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.sets import PARTS, DataSet, Division, Facts, Framed

CHANNELS, DURATION_MS, SIZES = 6, 40, (70, 20, 30)


def _ringing(label: int, generator: np.random.Generator) -> np.ndarray:
    """(channels, ms): from the lowest chime to the highest, the other way round, or from both ends at once."""
    places = np.arange(CHANNELS)
    places = [places, places[::-1], np.minimum(places, places[::-1])][label]
    dense = np.zeros((CHANNELS, DURATION_MS), np.int32)
    for channel, place in enumerate(places):
        first = 2 + 6 * place + generator.integers(-2, 3)
        dense[channel, first : first + 3] = 1
    return dense


def _frame(_: Sequence[Path], framing: Framing) -> Framed:
    generator = np.random.default_rng(0)
    labels = np.arange(sum(SIZES)) % 3
    width = round(framing.bin_ms or 2)
    n_steps = framing.n_steps or DURATION_MS // width
    by_ms = np.stack([_ringing(label, generator) for label in labels])
    dense = by_ms.reshape(len(labels), CHANNELS, DURATION_MS // width, width).sum(axis=3)[..., :n_steps]
    nothing = np.full(len(labels), -1)
    lengths, parts = np.full(len(labels), n_steps), np.repeat(np.arange(len(PARTS)), SIZES)
    blocks = iter([Events.from_dense(dense)])
    return Framed((CHANNELS,), n_steps, float(width), labels, nothing, lengths, parts, "|u1", blocks)


def _divide(facts: Facts, _: Split) -> Division:
    return facts.parts, ("up", "down", "inwards")


CHIMES = DataSet(
    "chimes",
    title="chimes",
    licence="ours",
    origin="drawn",
    files=(),
    content="",
    framing=("n_steps", "bin_ms"),
    frame=_frame,
    divide=_divide,
)
