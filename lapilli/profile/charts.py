"""Shapes of charts as numbers and SVG paths; the templates place them, so that text keeps its size on every screen."""

from math import ceil, floor, log10
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lapilli.profile.text import joules

MOST_COLUMNS, MOST_ROWS = 600, 200
"""Cells of a raster and points of a curve; more steps or neurons share them."""


class Area(NamedTuple):
    """A curve over the steps, filled below.

    Arguments:
        path: of an SVG of `columns` x 1.
        columns: points.
        steps_of_column: steps that share a point, which is their mean.
        peak: largest value.
    """

    path: str
    columns: int
    steps_of_column: int
    peak: float


class Raster(NamedTuple):
    """Spikes as cells.

    Arguments:
        path: of an SVG of `columns` x `rows`, to be drawn with lines one unit wide.
        columns, rows: cells.
        steps_of_column, neurons_of_row: steps and neurons that share a cell.
    """

    path: str
    columns: int
    rows: int
    steps_of_column: int
    neurons_of_row: int


class Tick(NamedTuple):
    """A mark of an axis: its place in percent, and its text."""

    place: float
    text: str


def area(values: npt.NDArray[np.float64]) -> Area:
    """Curve of a value for each step, as a staircase."""
    shared = -(-len(values) // MOST_COLUMNS)
    starts = np.arange(0, len(values), shared)
    heights = np.add.reduceat(values, starts) / np.diff([*starts, len(values)])
    peak = float(heights.max())
    tops = 1 - heights / peak if peak else np.ones(len(heights))
    steps = "".join(f"V{_short(top)}h1" for top in tops)
    return Area(f"M0 1{steps}V1Z", len(heights), shared, peak)


def raster(step: npt.NDArray[Any], neuron: npt.NDArray[Any], n_steps: int, n_neurons: int) -> Raster:
    """Spikes of one sample; neighbours in a row become one line."""
    across, down = -(-n_steps // MOST_COLUMNS), -(-n_neurons // MOST_ROWS)
    columns, rows = -(-n_steps // across), -(-n_neurons // down)
    # A column more than there is keeps the runs of one row apart from those of the next.
    cells = np.unique((neuron // down).astype(np.int64) * (columns + 1) + step // across)
    breaks = np.flatnonzero(np.diff(cells) > 1) + 1
    runs = [run for run in np.split(cells, breaks) if len(run)]
    path = "".join(f"M{run[0] % (columns + 1)} {run[0] // (columns + 1)}.5h{len(run)}" for run in runs)
    return Raster(path, columns, rows, across, down)


def decades(values: list[float]) -> tuple[int, int]:
    """Powers of ten around values above 0."""
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return low, max(high, low + 1)


def on_decades(value: float, limits: tuple[int, int]) -> float:
    """Place of a value on a logarithmic axis, in percent."""
    return 100 * (log10(value) - limits[0]) / (limits[1] - limits[0])


def decade_ticks(limits: tuple[int, int]) -> list[Tick]:
    """A tick for each power of ten, every second one where there are many."""
    apart = 1 if limits[1] - limits[0] <= 5 else 2
    return [
        Tick(on_decades(10.0**power, limits), _whole(joules(10.0**power)))
        for power in range(limits[0], limits[1] + 1, apart)
    ]


def round_steps(low: float, high: float) -> npt.NDArray[np.float64]:
    """Two to seven round numbers around `low` and `high`, equally spaced."""
    rough = (high - low) / 5 or abs(high) or 1.0
    power = 10.0 ** floor(log10(rough))
    apart = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first, last = floor(low / apart), ceil(high / apart)
    return np.arange(first, max(last, first + 1) + 1) * apart


def place(value: float, ticks: npt.NDArray[np.float64]) -> float:
    """Place of a value on the axis of these ticks, in percent."""
    return 100 * (value - ticks[0]) / (ticks[-1] - ticks[0])


def _short(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _whole(text: str) -> str:
    number, unit = text.split(" ")
    return f"{float(number.replace(',', '')):g} {unit}"
