"""Random synapses of later kinds, taps in time, rotary positions and windows, corners of their ranges included."""

from typing import Any

import numpy as np
from random_neurons import pick

from lapilli.netx_exports import JoinSynapse, RotarySynapse, TapsSynapse, WindowConvSynapse
from lapilli.netx_exports.synapses.kinds import MAX_DELAY, WEIGHT_RANGE, Shape


def random_exponent(rng: np.random.Generator) -> int:
    """Mostly none, so that what arrives is seen."""
    return int(pick(rng, 0, 0, 0, 0, 7, 3, int(rng.integers(-6, 8)), int(rng.integers(-16, 8))))


def random_delay(rng: np.random.Generator, most: int = MAX_DELAY) -> int:
    """Mostly short, so that what is sent arrives within the sample."""
    return int(min(most, pick(rng, 0, 0, 0, 0, 1, 1, int(rng.integers(0, 6)), int(rng.integers(0, most + 1)))))


def random_weights(rng: np.random.Generator, shape: tuple[int, ...], sign_mode: str) -> Any:
    """At the ends of the range, small, sparse or any."""
    low, high = WEIGHT_RANGE[sign_mode]
    character = int(rng.integers(4))
    if character == 0:
        return rng.choice([low, high], shape)
    if character == 1:
        return rng.integers(max(low, -20), min(high, 60) + 1, shape)
    return rng.integers(low, high + 1, shape) * (rng.random(shape) < (0.3 if character == 2 else 1))


def random_taps(rng: np.random.Generator, source: str, size: int, port: str | None = None) -> TapsSynapse:
    """Taps of every sign mode, number of bits and delay, at most as many as delays allow."""
    taps = int(pick(rng, 1, 2, 3, 5, 7, int(rng.integers(1, MAX_DELAY + 2))))
    sign_mode = pick(rng, "mixed", "mixed", "excitatory", "inhibitory")
    return TapsSynapse(
        source,
        random_weights(rng, (taps, size), sign_mode),
        weight_exp=random_exponent(rng),
        delay=random_delay(rng, MAX_DELAY - taps + 1),
        weight_bits=int(pick(rng, 8, 8, 9, int(rng.integers(1, 10)))),
        sign_mode=sign_mode,
        port=port,
    )


def random_rotary(rng: np.random.Generator, source: str, size: int, port: str | None = None) -> RotarySynapse:
    """Any table, one or several heads; some begin late, and some tables end before the sample."""
    pairs = int(rng.choice([n for n in range(1, size // 2 + 1) if size % (2 * n) == 0]))
    return RotarySynapse(
        source,
        random_table(rng, int(rng.integers(3, 25)), pairs),
        start=int(pick(rng, 0, 0, 1, 2, int(rng.integers(0, 9)))),
        weight_exp=random_exponent(rng),
        delay=random_delay(rng),
        port=port,
    )


def random_table(rng: np.random.Generator, positions: int, pairs: int) -> Any:
    """Cosines and sines of rotary positions, or any numbers."""
    positions = max(1, positions)
    if rng.random() < 0.6:
        turns = np.arange(positions)[:, None] * 10.0 ** (-np.arange(pairs) * 4 / pairs)
        return np.round(pick(rng, 128, 255) * np.stack([np.cos(turns), np.sin(turns)], axis=-1)).astype(np.int64)
    return rng.choice([-256, 255, 0, 1, -1], (positions, pairs, 2))


def random_window_conv(
    rng: np.random.Generator, source: str, shape: Shape
) -> tuple[Shape, tuple[WindowConvSynapse, ...]]:
    """Shape of the layer, and windows of one size anywhere in a map, with one array of weights."""
    channels, *sides = shape
    window = tuple(int(rng.integers(1, side + 1)) for side in sides)
    padding = tuple(int(rng.integers(0, 3)) for _ in sides)
    kernel = [int(rng.integers(1, min(3, side + 2 * pad) + 1)) for side, pad in zip(window, padding)]
    groups = int(rng.choice([n for n in range(1, channels + 1) if channels % n == 0]))
    weights = random_weights(rng, (groups * int(rng.integers(1, 3)), channels // groups, *kernel), "mixed")
    found = []
    for _ in range(int(rng.integers(1, 4))):
        origin = tuple(int(rng.integers(0, side - part + 1)) for side, part in zip(sides, window))
        delay, exponent = random_delay(rng), random_exponent(rng)
        found.append(WindowConvSynapse(source, weights, origin, window, padding, groups, delay, exponent))  # type: ignore[arg-type]
    return found[0].output_shape(shape), tuple(found)


def random_join(rng: np.random.Generator, source: str, shape: Shape) -> tuple[Shape, tuple[JoinSynapse, ...]]:
    """Shape of the map, and a join of windows of this shape."""
    channels, rows, columns = shape
    windows = int(pick(rng, 1, 2, 4))
    cut = ((rows, windows > 1), (columns, windows > 2))
    dilated = all(side % 3 == 0 for side, is_cut in cut if is_cut) and rng.random() < 0.7
    height, width = (side if not is_cut else side * 4 // 3 if dilated else side * 2 for side, is_cut in cut)
    weights = pick(rng, 1, -256, rng.choice([-256, 255, 64, -3, 1], (height, width)))
    phase = int(pick(rng, 0, 1, 1, int(rng.integers(0, 9))))
    return (channels, height, width), (JoinSynapse(source, windows, dilated, phase, weights, random_exponent(rng)),)
