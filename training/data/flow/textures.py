"""Textures: tiles of the two photographs that scikit-learn ships."""

from functools import cache

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_sample_images

from lapilli.training.data.sets import TEST, TRAIN, VALIDATION

SIDE = 128
ROWS, COLUMNS, PHOTOGRAPHS = 3, 5, 2
N_TEXTURES = PHOTOGRAPHS * ROWS * COLUMNS

LEAST_CONTRAST = 0.2
"""Standard deviation; tiles with less, mostly sky, hardly make a pixel fire."""

_PART_OF_COLUMN = (TRAIN, TRAIN, TRAIN, VALIDATION, TEST)


@cache
def _photographs() -> list[npt.NDArray[np.float64]]:
    return [image.mean(axis=-1) for image in load_sample_images().images]


def texture(number: int) -> npt.NDArray[np.float64]:
    """Logarithm of the brightness + 1, (SIDE, SIDE).

    Arguments:
        number: 0 to `N_TEXTURES` - 1; tiles do not overlap.
    """
    photograph, rest = divmod(number, ROWS * COLUMNS)
    row, column = divmod(rest, COLUMNS)
    tile = _photographs()[photograph][row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
    return np.log1p(tile)


def textures_of(part: int) -> list[int]:
    """Numbers of the textures of a part that have contrast; no two parts share one."""
    of_part = (number for number in range(N_TEXTURES) if _PART_OF_COLUMN[number % COLUMNS] == part)
    return [number for number in of_part if texture(number).std() >= LEAST_CONTRAST]
