"""Analogue values (brightness, loudness, acceleration) as integer events."""

import zlib
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import ProblemsError

Encoder = Literal["direct", "delta", "latency", "rate"]

MAX_LEVELS = (1 << 23) - 1
"""Largest graded event: the payload of a spike on Loihi 2 has 24 bits and a sign."""

Values = npt.NDArray[np.floating[Any]]
_Scalar = TypeVar("_Scalar", bound=np.generic)


class EncodingError(ProblemsError):
    """Values or settings that an encoder does not take."""


def encode(
    values: Values, encoder: Encoder, levels: int = 16, threshold: float = 0.1, seed: int = 0
) -> npt.NDArray[np.int32]:
    """Integer events of analogue values, by the encoder of that name.

    What comes out depends on each sample alone, never on its neighbours: data may be encoded in pieces of any size.

    Arguments:
        values: (samples, channels, steps), finite; -1…1 for "direct", 0…1 for "latency" and "rate", any for "delta".
        encoder: "direct" (`direct`), "delta" (`delta`), "latency" (`latency`) or "rate" (`rate`).
        levels: of "direct" and "latency", 1…8388607.
        threshold: of "delta", in units of the values, above 0.
        seed: of "rate", at least 0.

    Returns:
        (samples, channels', steps'): as `values`, but twice the channels for "delta" and `levels` steps for "latency".

    Raises:
        EncodingError: listing every problem.
    """
    encoders: dict[str, Callable[[], npt.NDArray[np.int32]]] = {
        "direct": lambda: direct(values, levels),
        "delta": lambda: delta(values, threshold),
        "latency": lambda: latency(values, levels),
        "rate": lambda: rate(values, seed),
    }
    if encoder not in encoders:
        raise EncodingError("encoder", [f"must be one of {', '.join(get_args(Encoder))}, got {encoder!r}"])
    return encoders[encoder]()


def direct(values: Values, levels: int) -> npt.NDArray[np.int32]:
    """Every value as one graded event of its step, rounded to a whole number of `levels`-ths; zero is no event.

    Halves go to the even neighbour. Values of one sign give `levels` levels, values of both signs twice as many.

    Arguments:
        values: (samples, channels, steps), -1…1.
        levels: event that a value of 1 gives, 1…8388607.

    Returns:
        As `values`, -levels…levels.

    Raises:
        EncodingError: listing every problem.
    """
    _check("direct", [*_level_problems(levels), *_value_problems(values, -1, 1)])
    return np.rint(np.asarray(values, np.float64) * levels).astype(np.int32)


def delta(values: Values, threshold: float) -> npt.NDArray[np.int32]:
    """Send-on-delta: an event each time that a value has moved by `threshold` since its last event.

    Every channel starts from 0, so that the first step tells the level. Several thresholds crossed in a step are one
    event that carries their count. `delta_decoded` brings the values back, each less than `threshold` off.

    Arguments:
        values: (samples, channels, steps).
        threshold: in units of the values, above 0.

    Returns:
        (samples, 2 * channels, steps): counts of ON events (the value rose) of all channels, then of OFF events.

    Raises:
        EncodingError: listing every problem.
    """
    problems = [*_threshold_problems(threshold), *_value_problems(values, -np.inf, np.inf)]
    _check("delta", problems)
    return _delta_from(values, np.zeros(np.shape(values)[:2], np.int64), threshold)


def _delta_from(values: Values, sent: npt.NDArray[np.int64], threshold: float) -> npt.NDArray[np.int32]:
    """As `delta`, where events have told of `sent` thresholds already, (samples, channels); that is changed."""
    position = np.asarray(values, np.float64) / threshold
    _check("delta", _count_problems(position, threshold))
    moved = np.zeros(position.shape, np.int32)
    for step in range(position.shape[2]):
        moved[:, :, step] = np.trunc(position[:, :, step] - sent)
        sent += moved[:, :, step]
    return np.concatenate([np.maximum(moved, 0), np.maximum(-moved, 0)], 1)


def delta_decoded(events: npt.NDArray[np.integer[Any]], threshold: float) -> npt.NDArray[np.float64]:
    """The values that events of `delta` tell, each less than `threshold` from what was encoded.

    Arguments:
        events: (samples, 2 * channels, steps), from `delta`.
        threshold: as it was in `delta`.

    Returns:
        (samples, channels, steps).
    """
    on, off = np.split(np.asarray(events, np.int64), 2, axis=1)
    return np.cumsum(on - off, axis=2) * threshold


class StreamEncoder:
    """`encode` of a series whose steps come one after the other, with the same events.

    Arguments:
        n_channels: of the series.
        encoder: "direct" or "delta".
        levels, threshold: as of `encode`.

    Raises:
        EncodingError: for an encoder that must know all of a series first.
    """

    def __init__(self, n_channels: int, encoder: Encoder, levels: int = 16, threshold: float = 0.1) -> None:
        why = {"latency": "takes images", "rate": "draws its numbers from all values of a recording"}
        if encoder in why:
            _check("encoder", [f"{encoder} {why[encoder]}, and a stream needs direct or delta"])
        _check(encoder, [*(_level_problems(levels) if encoder == "direct" else _threshold_problems(threshold))])
        self._encoder, self._levels, self._threshold = encoder, levels, threshold
        self._sent = np.zeros((1, n_channels), np.int64)

    def __call__(self, values: Values) -> npt.NDArray[np.int32]:
        """Events of the next steps.

        Arguments:
            values: (channels, steps), as of `encode`.

        Returns:
            (channels', steps).

        Raises:
            EncodingError: as of `encode`.
        """
        if self._encoder == "direct":
            return direct(values[None], self._levels)[0]
        _check("delta", [*_value_problems(values[None], -np.inf, np.inf)])
        return _delta_from(values[None], self._sent, self._threshold)[0]


def latency(values: Values, levels: int) -> npt.NDArray[np.int32]:
    """Time to first spike of static values: the brighter the earlier, one spike each, none for black.

    A value is rounded to b of `levels` levels (halves to the even neighbour) and spikes in step `levels - b`.

    Arguments:
        values: (samples, channels, 1), 0 (black)…1.
        levels: levels of brightness, which is steps of the result, 1…8388607.

    Returns:
        (samples, channels, levels), 0 and 1.

    Raises:
        EncodingError: listing every problem.
    """
    problems = [*_level_problems(levels), *_value_problems(values, 0, 1)]
    if np.ndim(values) == 3 and np.shape(values)[2] != 1:
        problems.append(f"values: must be static, (samples, channels, 1), got shape {np.shape(values)}")
    _check("latency", problems)
    brightness = np.rint(np.asarray(values, np.float64) * levels)
    return (brightness == levels - np.arange(levels)).astype(np.int32)


def rate(values: Values, seed: int) -> npt.NDArray[np.int32]:
    """A spike in a step with the probability that the value of the step names, independent of all others (Bernoulli).

    Static values: `repeat` them first. The draw of a sample depends on the seed and the sample's own values.

    Arguments:
        values: (samples, channels, steps), probabilities, 0…1.
        seed: at least 0.

    Returns:
        As `values`, 0 and 1.

    Raises:
        EncodingError: listing every problem.
    """
    problems = [f"seed: must be at least 0, got {seed}"] if seed < 0 else []
    _check("rate", [*problems, *_value_problems(values, 0, 1)])
    probability = np.ascontiguousarray(values, np.float64)
    spikes = np.zeros(probability.shape, np.int32)
    for sample, spiking in zip(probability, spikes):
        generator = np.random.default_rng([seed, zlib.crc32(sample.data)])
        spiking[:] = generator.random(sample.shape) < sample
    return spikes


def repeat(values: npt.NDArray[_Scalar], n_steps: int) -> npt.NDArray[_Scalar]:
    """Static values (or their events), the same in every step.

    Arguments:
        values: (samples, channels) or (samples, channels, 1).
        n_steps: at least 1.

    Returns:
        (samples, channels, n_steps).

    Raises:
        EncodingError: for values that are not static or fewer steps than 1.
    """
    shape = np.shape(values)
    problems = [f"n_steps: must be at least 1, got {n_steps}"] if n_steps < 1 else []
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] != 1):
        problems.append(f"values: must be static, (samples, channels) or (samples, channels, 1), got shape {shape}")
    _check("repeat", problems)
    return np.repeat(np.asarray(values).reshape(*shape[:2], 1), n_steps, axis=2)


def to_unit(values: Values, low: float, high: float) -> npt.NDArray[np.float64]:
    """Values as 0…1 (`low`…`high`), with what lies outside brought to the nearer end.

    Arguments:
        values: any shape.
        low: what becomes 0.
        high: what becomes 1, above `low`.

    Raises:
        EncodingError: when `high` is not above `low`.
    """
    if not low < high:
        _check("to_unit", [f"high: must be above low, {low}, got {high}"])
    return np.clip((np.asarray(values, np.float64) - low) / (high - low), 0, 1)


def _check(encoder: str, problems: list[str]) -> None:
    if problems:
        raise EncodingError(encoder, problems)


def _level_problems(levels: int) -> Iterator[str]:
    if not 1 <= levels <= MAX_LEVELS:
        yield f"levels: must be 1…{MAX_LEVELS}, got {levels}"


def _threshold_problems(threshold: float) -> Iterator[str]:
    if not 0 < threshold < np.inf:
        yield f"threshold: must be above 0 and finite, got {threshold}"


def _value_problems(values: Values, low: float, high: float) -> Iterator[str]:
    array = np.asarray(values)
    if array.ndim != 3:
        yield f"values: must be (samples, channels, steps), got shape {array.shape}"
    if array.dtype.kind not in "fiub":
        yield f"values: must be real numbers, got {array.dtype}"
        return
    wrong = ~np.isfinite(array) | (array < low) | (array > high)
    if wrong.any():
        place = tuple(int(index) for index in np.argwhere(wrong)[0])
        wanted = "finite" if np.isinf(high) else f"{low:g}…{high:g}"
        yield f"values: must be {wanted}, got {array[place]} at {list(place)}"


def _count_problems(position: npt.NDArray[np.float64], threshold: float) -> list[str]:
    """What would not fit the counts: one step may take a value from one end to the other."""
    wrong = np.abs(position) > MAX_LEVELS / 2
    if not wrong.any():
        return []
    place = tuple(int(index) for index in np.argwhere(wrong)[0])
    return [f"threshold: {threshold} is too small for the value at {list(place)}, {position[place]:.3g} thresholds"]
