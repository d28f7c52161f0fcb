"""Analogue recordings (spectrograms, motion, images) as steps, by the encoders."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.events import Events
from lapilli.training.data.encoders import encode, repeat
from lapilli.training.data.framing import MAX_STEPS, Framing

FloatArray = npt.NDArray[np.floating[Any]]
LongArray = npt.NDArray[np.int64]

SERIES = ("n_steps", "bin_ms", "start_ms", "encoder", "levels", "threshold", "seed")
"""Fields of `Framing` for series of frames."""

IMAGES = ("n_steps", "pool", "crop", "encoder", "levels", "seed")
"""Fields of `Framing` for images."""

IMAGE_STEPS = 4
"""Steps for which an image is shown if nothing else is asked for, as usual in the papers."""

_SAMPLES_AT_ONCE = 256


def value_type(framing: Framing) -> str | None:
    """Type that holds what the events of an encoder carry; None where each is one spike."""
    direct = "|i1" if framing.levels <= np.iinfo(np.int8).max else "<i2"
    return {"direct": direct, "delta": "<i2", "latency": None, "rate": None}[framing.encoder]


def blocks(n_samples: int, events_of: Callable[[int, int], Events]) -> Iterator[Events]:
    """Events of all samples, some at a time, from `events_of(first sample, sample behind the last)`."""
    for first in range(0, n_samples, _SAMPLES_AT_ONCE):
        yield events_of(first, min(first + _SAMPLES_AT_ONCE, n_samples))


def half_frames_per_step(name: str, framing: Framing, frame_ms: float) -> int:
    """How many halves of frames of a series become one step.

    Raises:
        LapilliError: when a step would be shorter than a frame, or not a whole number of halves.
    """
    halves = 2 * (framing.bin_ms or frame_ms) / frame_ms
    if halves < 2 or abs(halves - round(halves)) > 1e-9:
        raise LapilliError(
            f"bin_ms: frames of {name} are {frame_ms:g} ms long; must be a multiple of half of that, from "
            f"{frame_ms:g} on, got {framing.bin_ms:g}"
        )
    return round(halves)


def series_lengths(name: str, framing: Framing, frame_ms: float, n_frames: LongArray) -> tuple[int, LongArray]:
    """Steps of every sample, and the valid ones of each.

    Arguments:
        name: of the data set, for errors.
        framing: what was asked for.
        frame_ms: from one frame to the next.
        n_frames: of each recording.

    Raises:
        LapilliError: for an encoder that takes images only, bins that are no multiples of half a frame, or too many
            steps.
    """
    if framing.encoder == "latency":
        raise LapilliError(f"encoder: latency takes images; {name} holds series: direct, delta or rate")
    left = np.maximum(n_frames - round(framing.start_ms / frame_ms), 0)
    needed = -(-2 * left // half_frames_per_step(name, framing, frame_ms))
    n_steps = framing.n_steps or max(int(needed.max(initial=0)), 1)
    if n_steps > MAX_STEPS:
        raise LapilliError(f"bin_ms: makes {n_steps} steps of {name}, at most {MAX_STEPS} are possible")
    return n_steps, np.minimum(needed, n_steps)


def series_shape(framing: Framing, n_channels: int, signed: bool) -> tuple[int]:
    """Shape of what `series_events` gives: rising and falling, or positive and negative values are channels apart."""
    doubled = framing.encoder == "delta" or (framing.encoder == "rate" and signed)
    return (n_channels * (1 + doubled),)


def series_events(
    recordings: Sequence[FloatArray], lengths: LongArray, framing: Framing, frame_ms: float, n_steps: int, signed: bool
) -> Events:
    """Series of frames as events.

    Arguments:
        recordings: (channels, frames) each, 0…1, or -1…1 if `signed`.
        lengths: valid steps of each, from `series_lengths`.
        framing: what was asked for.
        frame_ms: from one frame to the next.
        n_steps: of every sample.
        signed: whether values have a sign.

    Returns:
        As many samples, without labels; nothing happens behind their valid steps.
    """
    values = np.zeros((len(recordings), recordings[0].shape[0], n_steps))
    first, halves = round(framing.start_ms / frame_ms), round(2 * (framing.bin_ms or frame_ms) / frame_ms)
    for place, recording in enumerate(recordings):
        steps = _averaged(recording[:, first:], halves)[:, :n_steps]
        values[place, :, : steps.shape[1]] = steps
    if signed and framing.encoder == "rate":
        values = np.concatenate([np.maximum(values, 0), np.maximum(-values, 0)], 1)
    events = encode(values, framing.encoder, framing.levels, framing.threshold, framing.seed)
    events[np.broadcast_to(np.arange(n_steps) >= lengths[:, None, None], events.shape)] = 0
    return Events.from_dense(events)


def image_steps(name: str, framing: Framing) -> int:
    """Steps of an image.

    Raises:
        LapilliError: for an encoder that takes series only.
    """
    if framing.encoder == "delta":
        raise LapilliError(f"encoder: delta takes series; {name} holds images: direct, latency or rate")
    return framing.n_steps or (framing.levels if framing.encoder == "latency" else IMAGE_STEPS)


def image_shape(name: str, framing: Framing, shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Shape of images and camera frames after cropping and pooling; partial squares at the ends count.

    Raises:
        LapilliError: when there is less to crop from.
    """
    channels, height, width = shape
    if framing.crop is not None:
        if framing.crop > min(height, width):
            raise LapilliError(f"crop: {name} has {height} × {width} pixels, got {framing.crop}")
        height = width = framing.crop
    return channels, -(-height // framing.pool), -(-width // framing.pool)


def image_events(images: FloatArray, framing: Framing, n_steps: int) -> Events:
    """Images as events.

    Arguments:
        images: (samples, channels, rows, columns), 0…1.
        framing: what was asked for.
        n_steps: of every sample.
    """
    pooled = _pooled(_cropped(images, framing.crop), framing.pool)
    values = pooled.reshape(len(pooled), -1, 1)
    if framing.encoder == "rate":
        events = encode(repeat(values, n_steps), "rate", seed=framing.seed)
    else:
        events = encode(values, framing.encoder, framing.levels)
    if framing.encoder == "direct":
        events = repeat(events, n_steps)
    shown = np.zeros((*events.shape[:2], n_steps), np.int32)
    shown[:, :, : events.shape[2]] = events[:, :, :n_steps]
    return Events.from_dense(shown.reshape(*pooled.shape, n_steps))


def _averaged(recording: FloatArray, halves: int) -> FloatArray:
    """Means of so many neighbouring halves of frames; of those that are left, at the end."""
    several, split = divmod(halves, 2)
    if split:
        # A frame that lies across two steps counts half in each.
        recording, several = np.repeat(recording, 2, axis=1), halves
    starts = np.arange(0, recording.shape[1], several)
    if several == 1 or not len(starts):
        return recording
    sizes = np.diff([*starts, recording.shape[1]])
    return np.add.reduceat(recording, starts, axis=1) / sizes


def _cropped(images: FloatArray, side: int | None) -> FloatArray:
    if side is None:
        return images
    top, left = ((length - side) // 2 for length in images.shape[2:])
    return images[:, :, top : top + side, left : left + side]


def _pooled(images: FloatArray, side: int) -> FloatArray:
    """Means of squares of pixels; of those that are left, at the ends."""
    for axis in (2, 3):
        length = images.shape[axis]
        starts = np.arange(0, length, side)
        sizes = np.diff([*starts, length]).reshape(-1, *(1,) * (3 - axis))
        images = np.add.reduceat(images, starts, axis=axis) / sizes
    return images
