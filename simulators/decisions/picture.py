"""A confusion matrix as a picture."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from lapilli.netx_exports.files import PathLike
from lapilli.simulators.decisions.confusion import Confusion
from lapilli.simulators.recording.plots import save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_NUMBERED = 40
"""Classes of a matrix whose cells have room for numbers."""

_INCHES_PER_CLASS, _LEAST, _MOST = 0.36, 3.6, 16.0


def confusion_picture(confusion: Confusion, path: PathLike, title: str, names: Mapping[int, str] | None = None) -> None:
    """Draw how many samples of each label were decided to be of each class, as PNG or SVG.

    Arguments:
        confusion: of at least one sample.
        path: file to write, .png or .svg.
        title: first line; the accuracy stands below it.
        names: of classes, by number; the number where there is none.

    Raises:
        LapilliError: for another suffix, for too many classes, or when matplotlib is missing.
    """
    save_figure(lambda: confusion_figure(confusion, title, names or {}), path)


def confusion_figure(confusion: Confusion, title: str, names: Mapping[int, str]) -> "Figure":
    """The figure of `confusion_picture`."""
    from matplotlib.figure import Figure

    matrix = confusion.matrix()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = float(np.clip(_INCHES_PER_CLASS * len(matrix), _LEAST, _MOST))
    figure = Figure(figsize=(side + 1.2, side + 1.2), layout="constrained")
    axis = figure.subplots()
    axis.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    labels = [names.get(name, str(name)) for name in confusion.classes]
    places = range(len(labels)) if len(labels) <= MAX_NUMBERED else range(0, len(labels), len(labels) // 20)
    shown = [labels[place] for place in places]
    steep = max(map(len, shown)) > 2
    axis.set_xticks(places, shown, fontsize="small", rotation=90 if steep else 0, parse_math=False)
    axis.set_yticks(places, shown, fontsize="small", parse_math=False)
    if len(labels) <= MAX_NUMBERED:
        for row, column in zip(*np.nonzero(matrix)):
            colour = "white" if shares[row, column] > 0.5 else "black"
            number = f"{matrix[row, column]:,}"
            axis.text(column, row, number, ha="center", va="center", fontsize="x-small", color=colour)
    axis.set_xlabel("decided", fontsize="small")
    axis.set_ylabel("label", fontsize="small")
    right = f"{confusion.right:,} of {confusion.n_compared:,} samples right, {confusion.accuracy:.2%}"
    axis.set_title(right, fontsize="small")
    figure.suptitle(title, fontsize="medium", parse_math=False)
    return figure
