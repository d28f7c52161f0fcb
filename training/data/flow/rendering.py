"""A texture that moves in front of a simulated event camera, as events."""

from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from lapilli.training.data.flow.kernels import interpolate
from lapilli.training.data.flow.motion import Floats, Motion, flow_field, view
from lapilli.training.data.flow.pixels import PixelModel, Pixels

LARGEST_MOVE = 0.1
"""Pixels that anything in view moves from one rendered image to the next, at most."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """Events of a sequence, sorted by time, row and column.

    Arguments:
        time_us: since its beginning, whole µs.
        x, y: column and row.
        polarity: 1 where the brightness rose.
    """

    time_us: npt.NDArray[np.int64]
    x: npt.NDArray[np.int64]
    y: npt.NDArray[np.int64]
    polarity: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        """Number of events."""
        return len(self.time_us)


def brightness(texture: Floats, motion: Motion, x: Floats, y: Floats, seconds: float) -> npt.NDArray[np.float64]:
    """Logarithm of the brightness at (x, y), whose shape it has.

    Arguments:
        texture: (rows, columns); its middle is in the middle of the view at time 0.
        motion: of the texture.
        x, y: pixels from the centre of the view.
        seconds: time.
    """
    column, row = motion.moved(x, y, -seconds)
    rows, columns = texture.shape
    out = np.empty(np.size(column))
    interpolate(texture, np.ravel(column) + (columns - 1) / 2, np.ravel(row) + (rows - 1) / 2, out)
    return out.reshape(np.shape(column))


def n_images(motion: Motion, side: int, duration_us: int) -> int:
    """Images behind the first that a sequence needs, so that nothing moves by more than `LARGEST_MOVE` between two."""
    fastest = np.hypot(*flow_field(motion, side)).max()
    return max(ceil(fastest * duration_us * 1e-6 / LARGEST_MOVE), 1)


def render(
    texture: Floats, motion: Motion, side: int, duration_us: int, model: PixelModel, rng: np.random.Generator
) -> Recorded:
    """Events of a texture that moves.

    Arguments:
        texture: logarithm of the brightness, (rows, columns).
        motion: of the texture.
        side: rows, and columns, of the camera.
        duration_us: of the sequence.
        model: of the pixels.
        rng: draws what is particular to each pixel.
    """
    x, y = (place.ravel() for place in view(side))
    pixels = Pixels(model, brightness(texture, motion, x, y, 0.0), rng)
    times = np.linspace(0, duration_us, n_images(motion, side, duration_us) + 1)[1:]
    found = [pixels.see(brightness(texture, motion, x, y, now * 1e-6), float(now)) for now in times]
    time_us, pixel, polarity = (np.concatenate(pieces) for pieces in zip(*found))
    # What happens at the very end belongs to the last µs.
    whole = np.minimum(time_us.astype(np.int64), duration_us - 1)
    order = np.lexsort((pixel, whole))
    row, column = np.divmod(pixel[order], side)
    return Recorded(whole[order], column, row, polarity[order])
