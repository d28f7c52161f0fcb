"""Recorded events, as tonic's classes give them, as steps and neurons; what would be lost or moved is a problem."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import whole_number

Recording = npt.NDArray[Any]


def sensor_problems(sensor_size: Sequence[object], step_us: object, n_steps: object) -> Iterator[str]:
    """What is wrong with a sensor, as tonic names it, and with the steps that its events are to become."""
    sides = [whole_number(side) for side in sensor_size]
    if len(sides) != 3 or any(side is None or side < 1 for side in sides):
        yield f"sensor_size: must be (width, height, polarities), got {sensor_size}"
    if not _has_length(step_us):
        yield f"step_us: must be a number above 0 and finite, got {step_us!r}"
    if (whole_number(n_steps) or 0) < 0 or whole_number(n_steps) is None:
        yield f"n_steps: must be a whole number from 0 on, got {n_steps}"


def _has_length(step: object) -> bool:
    number = (int, float, np.integer, np.floating)
    return isinstance(step, number) and not isinstance(step, bool) and 0 < float(step) < np.inf


def recording_problems(recording: Recording, sensor_size: tuple[int, int, int]) -> Iterator[str]:
    """What is wrong with one structured array; nothing of it is brought to where it could be."""
    names = recording.dtype.names or ()
    needed = _needed(sensor_size)
    if not {"t", *needed} <= set(names):
        yield f"needs fields {', '.join(['t', *needed])}, got {names}"
        return
    if recording["t"].dtype.kind not in "iuf" or not np.all(np.isfinite(recording["t"]) & (recording["t"] >= 0)):
        yield "times must be finite numbers of microseconds from 0 on"
    for name, side in _limits(sensor_size).items():
        if name in names and not _inside(recording[name], side):
            yield f"a place outside the sensor {sensor_size}: {name} must be a whole number in 0…{side - 1}"


def binned(
    recording: Recording, sensor_size: tuple[int, int, int], step_us: float, n_steps: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Step and neuron of each spike of a recording without problems, sorted, none twice.

    Arguments:
        recording: structured array with the fields t (µs) and x, y, p, those that the sensor has.
        sensor_size: (width, height, polarities).
        step_us: microseconds in one step.
        n_steps: steps to keep; later events are dropped.
    """
    width, height, polarities = sensor_size
    n_neurons = width * height * polarities
    late = np.floor(recording["t"] / step_us)
    kept = recording[late < n_steps]
    places = dict(zip("xyp", (1, width, width * height)))
    flat = sum(places[name] * kept[name].astype(np.int64) for name in _needed(sensor_size))
    key = np.unique(late[late < n_steps].astype(np.int64) * n_neurons + flat)
    return (key // n_neurons).astype(np.int32), (key % n_neurons).astype(np.int32)


def _limits(sensor_size: tuple[int, int, int]) -> dict[str, int]:
    """Places along each field; recordings of one polarity may call it anything."""
    return {name: side for name, side in zip("xyp", sensor_size) if name != "p" or side > 1}


def _needed(sensor_size: tuple[int, int, int]) -> list[str]:
    return ["x", *(name for name, side in _limits(sensor_size).items() if name != "x" and side > 1)]


def _inside(values: npt.NDArray[Any], side: int) -> bool:
    whole = values.dtype.kind in "biu" or (values.dtype.kind == "f" and np.array_equal(values, np.floor(values)))
    return whole and bool(np.all((values >= 0) & (values < side)))
