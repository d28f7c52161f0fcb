"""Pictures of tables: accuracies of several seeds beside each other."""

import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lapilli.netx_exports.files import PathLike
from lapilli.simulators.recording.plots import save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_accuracies(
    found: Mapping[str, Sequence[float]], path: PathLike, title: str, what: str = "test accuracy"
) -> None:
    """Draw a dot for each seed, mean and standard deviation as a bar. Equal accuracies give equal bytes.

    Arguments:
        found: percent, by what was measured.
        path: SVG or PNG to write.
        title: of the picture.
        what: of which the percentages are.

    Raises:
        LapilliError: when the picture cannot be written.
    """
    save_figure(lambda: _figure(found, title, what), path)


def _figure(found: Mapping[str, Sequence[float]], title: str, what: str) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 0.8 + 0.45 * len(found)), layout="constrained")
    axes = figure.subplots()
    for place, values in enumerate(found.values()):
        mean, spread = statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0
        axes.errorbar(mean, place, xerr=spread, color="tab:blue", marker="|", markersize=14, capsize=4)
        axes.scatter(values, [place] * len(values), color="black", s=12, zorder=3)
        axes.annotate(f"{mean:.1f} ± {spread:.1f}", (1.01, place), xycoords=("axes fraction", "data"), va="center")
    axes.set_yticks(range(len(found)), list(found))
    axes.invert_yaxis()
    axes.set(xlabel=f"{what} / %; dots are seeds, bars mean ± standard deviation", title=title)
    return figure
