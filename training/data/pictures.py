"""A sample of a data set as a picture."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.files import PathLike
from lapilli.simulators.events import Events
from lapilli.simulators.recording.choice import SPIKES, RecordedLayer
from lapilli.simulators.recording.plots import sample_picture, save_figure
from lapilli.simulators.results import Recording

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_FRAMES = 8
"""Frames of a camera's picture; more steps are added up."""

_FRAME_INCHES = 2.2


def draw_sample(events: Events, length: int, step_ms: float | None, path: PathLike, title: str) -> None:
    """Write a picture of one sample: frames where neurons lie in rows and columns, otherwise a raster.

    Graded spikes of a row of neurons are shown by colours.

    Arguments:
        events: one sample.
        length: its valid steps.
        step_ms: width of a step, if it has one.
        path: file to write, .png or .svg.
        title: first line of the picture.

    Raises:
        LapilliError: when matplotlib is missing or the file cannot be written.
    """
    width = "" if step_ms is None else f" of {step_ms:g} ms"
    line = f"{title}; {length} steps{width}"
    if len(events.shape) == 3:
        save_figure(lambda: frames_figure(events, length, line), path)
        return
    if events.value is not None:
        save_figure(lambda: values_figure(events, length, line), path)
        return
    layer = RecordedLayer("input", events.shape, (SPIKES,))
    sample_picture([layer], {"input": Recording(spikes=events)}, path, line)


def frames_figure(events: Events, length: int, title: str) -> "Figure":
    """Up to `MAX_FRAMES` frames side by side, each the sum of its steps, with the same scale.

    Arguments:
        events: one sample of shape (C, H, W).
        length: its valid steps.
        title: first line of the picture.
    """
    from matplotlib.figure import Figure

    edges = frame_edges(events, length)
    dense = events.to_dense()[0]
    frames = np.split(dense[..., : edges[-1]], edges[1:-1], axis=-1)
    frames = [frame.sum(axis=-1) for frame in frames]
    most = max(max(int(np.abs(frame).max()) for frame in frames), 1)
    columns = min(len(frames), 4)
    rows = -(-len(frames) // columns)
    size = (max(columns, 3) * _FRAME_INCHES, rows * (_FRAME_INCHES + 0.3) + 0.5)
    figure = Figure(figsize=size, layout="constrained")
    for number, axis in enumerate(figure.subplots(rows, columns, squeeze=False).ravel()):
        axis.set_axis_off()
        if number < len(frames):
            axis.imshow(coloured(frames[number] / most), interpolation="nearest")
            axis.set_title(_steps(edges[number], edges[number + 1]), fontsize="small", loc="left")
    figure.suptitle(title, fontsize="medium", parse_math=False)
    return figure


def values_figure(events: Events, length: int, title: str) -> "Figure":
    """What graded spikes carry, as colours over steps and channels.

    Arguments:
        events: one sample of shape (channels,).
        length: its valid steps; a line marks where padding begins.
        title: first line of the picture.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    dense = events.to_dense()[0]
    most = max(int(np.abs(dense).max()), 1)
    signed = bool((dense < 0).any())
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axis = figure.subplots()
    drawn = axis.imshow(dense, "RdBu_r" if signed else "Greys", aspect="auto", origin="lower", interpolation="nearest")
    drawn.set_clim(-most if signed else 0, most)
    if length < events.n_steps:
        axis.axvline(length - 0.5, color="tab:orange", linewidth=1)
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_locator(MaxNLocator(10, integer=True))
    axis.set_xlabel("time step", fontsize="small")
    axis.set_ylabel("channel", fontsize="small")
    axis.tick_params(labelsize="small")
    axis.set_title(f"{events.n_events:,} graded spikes", loc="left", fontsize="small")
    figure.colorbar(drawn, label="value", ticks=MaxNLocator(6, integer=True))
    figure.suptitle(title, fontsize="medium", parse_math=False)
    return figure


def frame_edges(events: Events, length: int) -> npt.NDArray[np.int64]:
    """First step of each frame, and the step behind the last: one frame where all steps are the same."""
    steps = max(length, 1)
    dense = events.with_steps(steps).to_dense()[0]
    if np.all(dense == dense[..., :1]):
        return np.array([0, steps])
    return np.unique(np.linspace(0, steps, min(MAX_FRAMES, steps) + 1).astype(np.int64))


def coloured(frame: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    """(C, H, W) of -1…1 as (H, W, 3): grey of one channel, red and blue of two, the colours of three.

    Of any other number of channels the mean is shown.
    """
    channels = np.abs(frame)
    if len(frame) == 3:
        return channels.transpose(1, 2, 0)
    if len(frame) == 2:
        off, on = channels
        return np.stack([1 - off, 1 - np.minimum(on + off, 1), 1 - on], -1)
    return np.repeat(channels.mean(axis=0)[..., None], 3, axis=-1)


def _steps(low: int, high: int) -> str:
    return f"step {low}" if high == low + 1 else f"steps {low}…{high - 1}"
