"""scikit-learn's handwritten digits, as spike trains in which the time of a spike is the information."""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.events import Events

Part = Literal["train", "validation", "test"]

N_CLASSES = 10
N_STEPS = 16
"""Steps of a sample: one for each brightness from 16 (first) to 1 (last)."""

SIDE = 8
"""Pixels of a row and of a column; neurons are numbered row by row."""

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
    return Events.from_dense(spikes.astype(np.int32), labels)


def deform(events: Events, generator: np.random.Generator, amount: float) -> Events:
    """The same digits, each a little rotated, scaled, sheared and moved: more training data of the same encoding.

    Spike times become an image again, a random affine map resamples it (bilinear), and the result is encoded anew.

    Arguments:
        events: from `digits`.
        generator: draws the maps, one for each sample.
        amount: largest deformation. 1 is 0.2 rad of rotation, 10 % of scale, 0.2 of shear, 0.6 pixels of shift.

    Returns:
        As many samples, with the same labels.
    """
    images = np.zeros((len(events), SIDE * SIDE))
    images[events.sample_of_event, events.neuron] = N_STEPS - events.step
    maps, shift = _affine_maps(len(events), amount, generator)
    centre = (SIDE - 1) / 2
    grid = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij"), -1).reshape(-1, 2) - centre
    places = np.einsum("pa,nba->npb", grid, maps) + shift[:, None, :] + centre
    resampled = _bilinear(images.reshape(-1, SIDE, SIDE), places)
    assert events.labels is not None
    return encode_latency(np.rint(resampled).astype(np.int64), events.labels)


def _affine_maps(
    n_samples: int, amount: float, generator: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Matrices (samples, 2, 2) and shifts (samples, 2) in pixels, on (row, column)."""
    angle, scale, shear = (amount * width * generator.uniform(-1, 1, n_samples) for width in (0.2, 0.1, 0.2))
    cos, sin, factor = np.cos(angle), np.sin(angle), 1 + scale
    maps = np.stack([np.stack([factor * cos, factor * sin], -1), np.stack([shear - factor * sin, factor * cos], -1)], 1)
    return maps, amount * 0.6 * generator.uniform(-1, 1, (n_samples, 2))


def _bilinear(images: npt.NDArray[np.float64], places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """`images` (samples, rows, columns), black outside, at `places` (samples, points, 2); to (samples, points)."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    places = np.clip(places + 1, 0, SIDE + 1 - 1e-9)
    low = np.floor(places).astype(np.int64)
    part = places - low
    sample = np.arange(len(images))[:, None]
    total = np.zeros(places.shape[:2])
    for row, column in np.ndindex(2, 2):
        weight = np.abs(1 - row - part[..., 0]) * np.abs(1 - column - part[..., 1])
        total += weight * padded[sample, low[..., 0] + row, low[..., 1] + column]
    return total


def _split(
    samples: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], share: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    kept, drawn = train_test_split(samples, test_size=share, stratify=labels[samples], random_state=_SPLIT_SEED)
    return np.sort(kept), np.sort(drawn)
