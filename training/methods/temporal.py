"""Temporal generalisation: trained with many time steps, tested with fewer, as a curve.

Two protocols. *First frames*: the test sample ends after t of its T frames, as TKS's released code has it (notes on
TKS, section 4). *Re-binned*: the whole recording is put into fewer, wider bins, as KDCL's chain has it.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports import Network
from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.files import PathLike
from lapilli.simulators import Events
from lapilli.simulators.decisions.prefixes import prefix_accuracies
from lapilli.simulators.decisions.totals import run_and_decide
from lapilli.simulators.many import parts_of
from lapilli.simulators.plan import Backend
from lapilli.simulators.recording.plots import save_figure
from lapilli.simulators.run import BackendName

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Curve:
    """Accuracy over the number of frames that are seen.

    Arguments:
        frames: rising.
        accuracies: shares of samples, one for each of `frames`.
    """

    frames: tuple[int, ...]
    accuracies: tuple[float, ...]


@dataclass(frozen=True)
class TemporalCurves:
    """Temporal generalisation of one trained network.

    Arguments:
        first_frames: samples that end after t frames, for every t from 1.
        rebinned: whole samples in fewer, wider bins; None where that was not measured.
    """

    first_frames: Curve
    rebinned: Curve | None = None


def temporal_curves(
    network: Network,
    events: Events,
    events_at: Callable[[float], Events] | None = None,
    widths: Sequence[float] = (),
    backend: BackendName | Backend = "fast",
) -> TemporalCurves:
    """Both protocols on an exported network, decided on integers.

    Arguments:
        network: with its readout.
        events: the test samples at the number of steps that the network was trained with, with labels.
        events_at: gives the test samples for a bin width, with labels; None: no second protocol.
        widths: of the bins, in the unit of `events_at`.
        backend: as in `lapilli.simulators.run`; a `SlayerBackend` measures the module itself.

    Raises:
        LapilliError: without labels, samples or steps, or when the network does not say how it decides.
    """
    accuracies = prefix_accuracies(network, events, backend)
    first = Curve(tuple(range(1, events.n_steps + 1)), tuple(map(float, accuracies)))
    return TemporalCurves(first, None if events_at is None else rebinned_curve(network, events_at, widths, backend))


def rebinned_curve(
    network: Network,
    events_at: Callable[[float], Events],
    widths: Sequence[float],
    backend: BackendName | Backend = "fast",
) -> Curve:
    """Accuracy of an exported network on the same recordings in bins of each width, each run to the last answer.

    Arguments:
        network, events_at, widths, backend: as of `temporal_curves`.

    Raises:
        LapilliError: as `temporal_curves`, or when two widths give equal numbers of steps.
    """
    found: dict[int, float] = {}
    for width in widths:
        events = events_at(width)
        if events.n_steps in found:
            raise LapilliError(f"widths: {width:g} gives {events.n_steps} steps, as another width does")
        n_steps = events.n_steps + network.depth
        found[events.n_steps] = run_and_decide(network, parts_of(events), backend, n_steps=n_steps).accuracy
    return Curve(tuple(sorted(found)), tuple(found[frames] for frames in sorted(found)))


def curve_of_scores(scores: npt.ArrayLike, labels: npt.ArrayLike, depth: int = 0) -> Curve:
    """Accuracy when the mean of the scores of the first t steps decides, t = 1…T; of equal scores the first class.

    For scores of a layer that later frames have not reached yet, as in a chain of layers, this is `prefix_accuracies`.

    Arguments:
        scores: (samples, classes, T + depth), what the readout gives in each step; a tensor without gradients will do.
        labels: (samples,).
        depth: steps by which the readout answers later than the frame came in (`Network.depth`).

    Raises:
        LapilliError: for shapes that do not fit.
    """
    values, expected = np.asarray(scores), np.asarray(labels)
    if values.ndim != 3 or not 0 <= depth < values.shape[2] or expected.shape != values.shape[:1] or not len(values):
        raise LapilliError(
            f"scores: must be (samples, classes, steps), more steps than {depth}, with a label for each sample, "
            f"got {values.shape} and {expected.shape}"
        )
    exact = values.astype(np.float64 if values.dtype.kind == "f" else np.int64)
    decisions = exact.cumsum(axis=2)[..., depth:].argmax(axis=1)
    accuracies = np.mean(decisions == expected[:, None], axis=0)
    return Curve(tuple(range(1, len(accuracies) + 1)), tuple(map(float, accuracies)))


def draw_curves(methods: Mapping[str, Sequence[TemporalCurves]], path: PathLike, title: str) -> None:
    """Draw each method's mean over its seeds as a line, its standard deviation as a band, a panel for each protocol.

    Equal curves give equal bytes.

    Arguments:
        methods: by name, one entry for each seed.
        path: SVG or PNG to write.
        title: of the picture.

    Raises:
        LapilliError: when seeds of a method were measured at different numbers of frames, there is nothing to draw, or
            the picture cannot be written.
    """
    if not methods or not all(methods.values()):
        raise LapilliError("curves: need at least one method and one seed of each")
    panels = {"the first frames only": {name: [one.first_frames for one in found] for name, found in methods.items()}}
    rebinned = {name: [one.rebinned for one in found if one.rebinned] for name, found in methods.items()}
    if any(rebinned.values()):
        panels["all of it in fewer, wider bins"] = {name: found for name, found in rebinned.items() if found}
    save_figure(lambda: _figure(panels, list(methods), title), path)


def mean_and_spread(curves: Sequence[Curve], name: str) -> tuple[list[float], list[float]]:
    """Mean and standard deviation (n - 1; 0 for one seed) of the accuracies over seeds, for each number of frames.

    Raises:
        LapilliError: naming the method, when its seeds were measured at different numbers of frames.
    """
    if len({curve.frames for curve in curves}) > 1:
        raise LapilliError(f"curves of {name!r}: seeds were measured at different numbers of frames")
    of_frames = list(zip(*(curve.accuracies for curve in curves)))
    spread = [statistics.stdev(values) if len(values) > 1 else 0.0 for values in of_frames]
    return [statistics.mean(values) for values in of_frames], spread


def _figure(panels: Mapping[str, Mapping[str, Sequence[Curve]]], order: Sequence[str], title: str) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5 * len(panels), 4.5), layout="constrained")
    figure.suptitle(title)
    for axes, (protocol, curves) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items()):
        _draw_panel(axes, protocol, curves, order)
    return figure


def _draw_panel(axes: Any, protocol: str, curves: Mapping[str, Sequence[Curve]], order: Sequence[str]) -> None:
    for name, of_seeds in curves.items():
        mean, spread = (100 * np.array(values) for values in mean_and_spread(of_seeds, name))
        colour, frames = f"C{order.index(name)}", of_seeds[0].frames
        axes.fill_between(frames, mean - spread, mean + spread, color=colour, alpha=0.2, linewidth=0)
        label = f"{name} ({len(of_seeds)} seed{'s' * (len(of_seeds) > 1)})"
        axes.plot(frames, mean, color=colour, marker="." if len(frames) < 40 else None, label=label)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_title(protocol)
    axes.set_xlabel("frames that the network sees")
    axes.set_ylabel("accuracy / %, mean ± standard deviation")
    # Not "best": looking for it takes so long on a busy machine that matplotlib warns.
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
