"""Pictures of one sample: a raster of spikes and traces of states for each layer, one below the other."""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.files import PathLike, replacing
from lapilli.netx_exports.network import Network
from lapilli.simulators.events import Events
from lapilli.simulators.recording.choice import (
    SPIKES,
    RecordedLayer,
    choose_record,
    membrane,
    recorded_layers,
    with_input,
)
from lapilli.simulators.results import Recording, RunResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg")
"""Suffixes of pictures."""

MAX_TRACES = 20
"""Neurons of a layer whose states are drawn; more would be unreadable."""

USUAL_TRACES = 8
"""Neurons of a larger layer whose states are drawn if none were chosen."""

MAX_PANELS = 40
"""Rasters and traces in a picture."""

_WIDTH, _PIXELS_PER_INCH = 9.0, 120
_POINTS_PER_INCH = 72
_MAX_NAME, _MAX_TITLE = 40, 90
# An SVG with more marks than that is slow to open; they become pixels inside of it.
_MAX_VECTOR_MARKS = 5000

IntArray = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class _Panel:
    """One raster, or the traces of one state.

    Arguments:
        layer: what is shown.
        kind: "spikes" or a state.
        neurons: flat indices of those that are shown, rising.
        recording: of the layer.
        sample: which of the recording's samples.
        window: first step, and the step behind the last.
    """

    layer: RecordedLayer
    kind: str
    neurons: IntArray
    recording: Recording
    sample: int
    window: tuple[int, int]

    @property
    def height(self) -> float:
        """Inches."""
        if self.kind == SPIKES:
            return float(np.clip(0.9 + len(self.neurons) / 250, 1.0, 2.6))
        return 1.6 if len(self.neurons) <= MAX_TRACES // 2 else 1.9

    def spikes(self) -> tuple[IntArray, IntArray, IntArray | None]:
        """Step, place among `neurons` and value, where there are values, of the spikes that are shown."""
        assert self.recording.spikes is not None
        events = self.recording.spikes.select([self.sample])
        shown = (events.step >= self.window[0]) & (events.step < self.window[1]) & np.isin(events.neuron, self.neurons)
        place = np.searchsorted(self.neurons, events.neuron[shown])
        return events.step[shown], place, None if events.value is None else events.value[shown]


def raster_picture(
    network: Network, events: Events, result: RunResult, sample: int, path: PathLike, title: str
) -> None:
    """Draw a sample of a run: a raster of the input and of each layer, and the membrane of the output layer.

    Arguments:
        network: what was run.
        events: the input.
        result: run with `usual_record(network)` recorded.
        sample: which sample to draw.
        path: file to write, .png or .svg.
        title: first line of the picture.

    Raises:
        LapilliError: as `sample_picture`.
    """
    layers = recorded_layers(network, usual_record(network))
    sample_picture(layers, with_input(result, events), path, title, sample=sample)


def usual_record(network: Network, layers: Sequence[str] | None = None) -> dict[str, tuple[str, ...]]:
    """What a picture shows if no kinds are chosen: spikes, and the membrane of the output layer or of chosen layers.

    Arguments:
        network: what will run.
        layers: names of layers, or "input"; all where None.

    Raises:
        LapilliError: for unknown names.
    """
    spikes = choose_record(network, (SPIKES,), layers)
    traced = {network.output.name} if layers is None else spikes.keys()
    traces = {layer.name: (membrane(layer),) for layer in network.layers if layer.name in traced}
    return {name: (*kinds, *traces.get(name, ())) for name, kinds in spikes.items()}


def sample_picture(
    layers: Sequence[RecordedLayer],
    recordings: Mapping[str, Recording],
    path: PathLike,
    title: str,
    *,
    sample: int = 0,
    neurons: IntArray | None = None,
    window: tuple[int, int] | None = None,
) -> None:
    """Write the picture of `sample_figure` as PNG or SVG, as the suffix of `path` says.

    The same picture gives the same bytes.

    Raises:
        LapilliError: as `sample_figure`, for another suffix, or when the file cannot be written.
    """
    save_figure(lambda: sample_figure(layers, recordings, title, sample=sample, neurons=neurons, window=window), path)


def save_figure(draw: Callable[[], "Figure"], path: PathLike) -> None:
    """Write what `draw` draws as PNG or SVG, as the suffix of `path` says; the same figure gives the same bytes.

    Raises:
        LapilliError: as `draw`; for another suffix; when matplotlib is missing or the file cannot be written.
    """
    form = picture_format(path)
    metadata = {"Date": None} if form == "svg" else {"Software": None}
    with _quiet_matplotlib():
        figure = draw()
        with replacing(path) as temporary:
            figure.savefig(temporary, format=form, dpi=_PIXELS_PER_INCH, metadata=metadata)


def sample_figure(
    layers: Sequence[RecordedLayer],
    recordings: Mapping[str, Recording],
    title: str,
    *,
    sample: int = 0,
    neurons: IntArray | None = None,
    window: tuple[int, int] | None = None,
) -> "Figure":
    """Draw what was recorded of one sample, layer by layer.

    Arguments:
        layers: what to draw, in this order; `kinds` says what of each. The raster of a layer that never spikes is left
            out where something else of it is drawn.
        recordings: by name of layer, with what `layers` name.
        title: first line of the picture.
        sample: which of the recordings' samples.
        neurons: flat indices, rising; each layer shows those of them that it has, and states of `MAX_TRACES` at most.
            Where None, all; of states, the first `USUAL_TRACES` of layers with more than `MAX_TRACES`.
        window: first step, and the step behind the last; all where None.

    Raises:
        LapilliError: when matplotlib is missing, or there is nothing or too much to draw.
    """
    panels = _panels(layers, recordings, sample, neurons, window)
    if not panels:
        raise LapilliError("nothing to draw: nothing was recorded")
    if len(panels) > MAX_PANELS:
        raise LapilliError(f"{len(panels)} rasters and traces are more than {MAX_PANELS}; choose fewer layers")
    with _quiet_matplotlib():
        return _figure(panels, title)


def picture_format(path: PathLike) -> str:
    """ "png" or "svg", by the suffix of `path`.

    Raises:
        LapilliError: for any other, and for a folder.
    """
    suffix = Path(path).suffix.lower()
    if os.path.isdir(path):
        raise LapilliError(f"a picture needs the name of a file, got the folder {path}")
    if suffix not in FORMATS:
        raise LapilliError(f"pictures are written as {' or '.join(FORMATS)}, got {path}")
    return suffix[1:]


def _panels(
    layers: Sequence[RecordedLayer],
    recordings: Mapping[str, Recording],
    sample: int,
    neurons: IntArray | None,
    window: tuple[int, int] | None,
) -> list[_Panel]:
    panels = []
    for layer in layers:
        recording = recordings[layer.name]
        chosen = np.arange(layer.size) if neurons is None else neurons[neurons < layer.size]
        if not len(chosen):
            raise LapilliError(f"neurons: layer {layer.name!r} has {layer.size}, none of those chosen")
        for kind in layer.kinds:
            if getattr(recording, kind, None) is None:
                raise LapilliError(f"{kind} of layer {layer.name!r} was not recorded")
            if kind == SPIKES and layer.never_spikes and layer.states:
                continue
            steps = window or (0, _n_steps(recording, kind))
            most = MAX_TRACES if neurons is not None or layer.size <= MAX_TRACES else USUAL_TRACES
            shown = chosen if kind == SPIKES else chosen[:most]
            panels.append(_Panel(layer, kind, shown, recording, sample, steps))
    return panels


def _n_steps(recording: Recording, kind: str) -> int:
    return recording.spikes.n_steps if kind == SPIKES and recording.spikes else getattr(recording, kind).shape[-1]


def _figure(panels: Sequence[_Panel], title: str) -> "Figure":
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    heights = [panel.height for panel in panels]
    figure = Figure(figsize=(_WIDTH, 0.9 + sum(heights) + 0.25 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    colours = _colours(panels)
    for axis, panel in zip(axes, panels):
        if panel.kind == SPIKES:
            _draw_raster(axis, panel, colours[panel.layer.name])
        else:
            _draw_traces(axis, panel)
        axis.set_title(_panel_title(panel), loc="left", fontsize="small", parse_math=False)
        axis.tick_params(labelsize="small")
    axes[-1].set_xlabel("time step", fontsize="small")
    axes[-1].xaxis.set_major_locator(MaxNLocator(10, integer=True, steps=[1, 2, 5, 10]))
    first, last = panels[0].window
    axes[-1].set_xlim(first - 0.5, last - 0.5)
    figure.align_ylabels(axes)
    figure.suptitle(_shortened(title, _MAX_TITLE), fontsize="medium", parse_math=False)
    return figure


def _panel_title(panel: _Panel) -> str:
    name, size, shown = _shortened(panel.layer.name, _MAX_NAME), panel.layer.size, len(panel.neurons)
    neurons = f"{shown:,} of {size:,} neurons" if shown < size else f"{size:,} neuron{'s' * (size > 1)}"
    if panel.kind != SPIKES:
        dots = "; dots are spikes" if _threshold(panel) is not None and panel.recording.spikes is not None else ""
        return f"{name}: {panel.kind} of {neurons}{dots}"
    _, places, values = panel.spikes()
    span = "" if values is None or not len(values) else f", values {values.min():,} … {values.max():,}"
    return f"{name}: {neurons}, {len(places):,} spikes{span}"


def _draw_raster(axis: Any, panel: _Panel, colour: Any) -> None:
    steps, places, values = panel.spikes()
    n_steps = panel.window[1] - panel.window[0]
    row = panel.height * _POINTS_PER_INCH / len(panel.neurons)
    column = 0.85 * _WIDTH * _POINTS_PER_INCH / n_steps
    style: dict[str, Any] = {
        "marker": "|",
        "s": float(np.clip(0.9 * row, 1.2, 9)) ** 2,
        "linewidths": float(np.clip(0.8 * column, 0.5, 1.5)),
        "rasterized": len(steps) > _MAX_VECTOR_MARKS,
    }
    if values is None or np.all(values > 0):
        axis.scatter(steps, places, color=[colour], **style)
    else:
        for label, sign, shade in (("positive", values > 0, colour), ("negative", values < 0, "black")):
            axis.scatter(steps[sign], places[sign], color=[shade], label=label, **style)
        _legend(axis, "value", 1, markerscale=6 / style["s"] ** 0.5)
    axis.set_ylim(-0.5, len(panel.neurons) - 0.5)
    axis.set_ylabel("neuron", fontsize="small")
    _number_neurons(axis.yaxis, panel.neurons, ticks=2 + int(panel.height / 0.4))


def _number_neurons(axis: Any, neurons: IntArray, ticks: int) -> None:
    """Let an axis of places show the neurons that are there."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    def number(place: float, _: object) -> str:
        return str(neurons[int(place)]) if 0 <= place < len(neurons) and place == int(place) else ""

    axis.set_major_locator(MaxNLocator(ticks, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    axis.set_major_formatter(FuncFormatter(number))


def _draw_traces(axis: Any, panel: _Panel) -> None:
    from matplotlib import color_sequences
    from matplotlib.ticker import EngFormatter, MaxNLocator

    first, last = panel.window
    values = getattr(panel.recording, panel.kind)[panel.sample].reshape(panel.layer.size, -1)
    colours = color_sequences["tab10" if len(panel.neurons) <= 10 else "tab20"]
    level = _threshold(panel)
    for place, neuron in enumerate(panel.neurons):
        axis.plot(
            np.arange(first, last), values[neuron, first:last], color=colours[place], linewidth=1, label=str(neuron)
        )
    axis.axhline(0, color="0.75", linewidth=0.6, zorder=0)
    if level is not None:
        axis.axhline(level, color="0.25", linewidth=0.9, linestyle="--", zorder=1, label="threshold")
    if level is not None and panel.recording.spikes is not None:
        steps, places, _ = panel.spikes()
        size = float(np.clip(3000 / (last - first), 3, 9))
        axis.scatter(steps, np.full(len(steps), level), s=size, color=[colours[place] for place in places], zorder=3)
    axis.set_ylabel(panel.kind, fontsize="small")
    axis.yaxis.set_major_formatter(EngFormatter(sep=""))
    axis.yaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    _legend(axis, "neuron", 1 if len(panel.neurons) <= MAX_TRACES // 2 else 2)


def _threshold(panel: _Panel) -> int | None:
    return None if panel.layer.never_spikes else panel.layer.thresholds.get(panel.kind)


def _legend(axis: Any, title: str, columns: int, markerscale: float = 1.0) -> None:
    axis.legend(
        title=title, ncols=columns, fontsize="x-small", title_fontsize="x-small", loc="center left",
        bbox_to_anchor=(1.0, 0.5), handlelength=1.2, labelspacing=0.2, columnspacing=1.0, frameon=False,
        markerscale=markerscale,
    )  # fmt: skip


def _colours(panels: Sequence[_Panel]) -> dict[str, Any]:
    """One colour for each layer."""
    from matplotlib import color_sequences

    cycle = color_sequences["tab10"]
    return {name: cycle[i % len(cycle)] for i, name in enumerate(dict.fromkeys(panel.layer.name for panel in panels))}


def _shortened(text: str, length: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


@contextmanager
def _quiet_matplotlib() -> Iterator[None]:
    """matplotlib without its window systems and without warnings about letters that its font lacks."""
    try:
        import matplotlib
    except ModuleNotFoundError:
        raise LapilliError("pictures need matplotlib: pip install matplotlib") from None
    with matplotlib.rc_context({"svg.hashsalt": "lapilli"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield
