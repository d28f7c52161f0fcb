"""The handwritten digits that come with scikit-learn, as spike trains in which the time of a spike is the information."""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from netx_exports.errors import LapilliError
from simulators.events import Events

Part = Literal["train", "validation", "test"]

N_CLASSES = 10
N_STEPS = 16
"""Steps of a sample: one for each brightness from 16 (first) to 1 (last)."""

SHAPE = (64,)
"""Pixels, row by row."""

TEST_SHARE = 0.2
VALIDATION_SHARE = 0.15
"""Share of what is not held out for the test."""

_SPLIT_SEED = 0


def digits(part: Part) -> Events:
    """Samples of one part of the data set, with labels, in an order that never changes.

    Encoding: time to first spike. A pixel of brightness b (1…16) spikes once, in step 16 - b: bright pixels first. A
    black pixel is silent. Every sample has 16 steps, and nothing but the steps tells one grey from another.

    The test part is 20 % of all 1797 samples, the validation part 15 % of the rest; both are drawn by
    scikit-learn's `train_test_split`, stratified by class, with a fixed seed that no option changes.

    Arguments:
        part: "train" (1221 samples), "validation" (216) or "test" (360).

    Returns:
        Events of shape (64,) with 16 steps.

    Raises:
        LapilliError: for an unknown part.
    """
    if part not in get_args(Part):
        raise LapilliError(f"part: must be one of {', '.join(get_args(Part))}, got {part!r}")
    images, labels = load_digits(return_X_y=True)
    rest, test = _split(np.arange(len(labels)), labels, TEST_SHARE)
    train, validation = _split(rest, labels, VALIDATION_SHARE)
    chosen = {"train": train, "validation": validation, "test": test}[part]
    return encode_latency(images[chosen].astype(np.int64), labels[chosen])


def encode_latency(brightness: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> Events:
    """One spike for each pixel that is not black, the brighter the earlier.

    Arguments:
        brightness: (samples, 64), 0…16.
        labels: (samples,).
    """
    spikes = brightness[:, :, None] == N_STEPS - np.arange(N_STEPS)
    return Events.from_dense(spikes.astype(np.int32).reshape(-1, *SHAPE, N_STEPS), labels)


def _split(
    samples: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], share: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    kept, drawn = train_test_split(samples, test_size=share, stratify=labels[samples], random_state=_SPLIT_SEED)
    return np.sort(kept), np.sort(drawn)
