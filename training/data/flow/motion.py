"""Motion of a plane by homographies H(t) = exp(t G), and its flow, which is exact.

Places are pixels from the centre of the view: x to the right, y down.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import expm

Floats = npt.NDArray[np.floating[Any]]

FASTEST = 60.0
"""Pixels a second of the translation, at most."""

TURN, ZOOM, SHEAR = 1.0, 0.5, 0.3
"""Rotation in radians, growth and shear, a second, at most."""

TILT = 1e-3
"""Perspective, a pixel and second, at most."""


@dataclass(frozen=True, eq=False)
class Motion:
    """What is at X at time 0 is at H(t) X at time t.

    Arguments:
        generator: G, (3, 3), a second.
    """

    generator: npt.NDArray[np.float64]

    def moved(self, x: Floats, y: Floats, seconds: float) -> tuple[Floats, Floats]:
        """Where what is at (x, y) at time 0 is `seconds` later; or earlier, if negative."""
        a = expm(seconds * self.generator)
        scale = a[2, 0] * x + a[2, 1] * y + a[2, 2]
        return (a[0, 0] * x + a[0, 1] * y + a[0, 2]) / scale, (a[1, 0] * x + a[1, 1] * y + a[1, 2]) / scale

    def flow(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Velocity of what is at (x, y), pixels a second; the same at every time, since H(t + s) = H(s) H(t)."""
        g = self.generator
        scale = g[2, 0] * x + g[2, 1] * y + g[2, 2]
        return g[0, 0] * x + g[0, 1] * y + g[0, 2] - x * scale, g[1, 0] * x + g[1, 1] * y + g[1, 2] - y * scale


def drawn_motion(rng: np.random.Generator) -> Motion:
    """A motion at random: translation of any direction, with some rotation, zoom, shear and tilt."""
    speed, angle = rng.uniform(0.2, 1) * FASTEST, rng.uniform(0, 2 * np.pi)
    turn, zoom, shear = rng.uniform(-1, 1, 3) * (TURN, ZOOM, SHEAR)
    tilt = rng.uniform(-TILT, TILT, 2)
    return Motion(
        np.array(
            [
                [zoom + shear, -turn, speed * np.cos(angle)],
                [turn, zoom - shear, speed * np.sin(angle)],
                [tilt[0], tilt[1], 0.0],
            ]
        )
    )


def view(side: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """x and y of each pixel of a view, (side, side) each, row by row."""
    place = np.arange(side) - (side - 1) / 2
    y, x = np.meshgrid(place, place, indexing="ij")
    return x, y


def flow_field(motion: Motion, side: int) -> npt.NDArray[np.float64]:
    """Flow of each pixel of a view, (2, side, side): to the right, and down, in pixels a second."""
    return np.stack(motion.flow(*view(side)))
