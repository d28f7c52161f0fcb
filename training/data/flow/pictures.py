"""A picture of a sequence: what its camera sees, its events, and the flow."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.files import PathLike
from lapilli.simulators.recording.plots import save_figure
from lapilli.training.data.flow.motion import view
from lapilli.training.data.flow.rendering import brightness
from lapilli.training.data.flow.sequences import FlowSequences
from lapilli.training.data.flow.textures import texture
from lapilli.training.data.pictures import coloured

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN_US = 20_000
"""Time around the middle of the sequence from which events are shown."""

_ARROWS = 9


def draw_flow(found: FlowSequences, number: int, path: PathLike) -> None:
    """Write a picture of a sequence.

    Arguments:
        found: sequences.
        number: which of them.
        path: file to write, .png or .svg.

    Raises:
        LapilliError: when matplotlib is missing or the file cannot be written.
    """
    save_figure(lambda: flow_figure(found, number), path)


def flow_figure(found: FlowSequences, number: int) -> "Figure":
    """Brightness in the middle of the sequence, events around that time (red: brighter, blue: darker), and the flow.

    Arguments:
        found: sequences.
        number: which of them.
    """
    from matplotlib.figure import Figure

    sequence, side, middle = found.sequences[number], found.side, found.duration_us / 2
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    seen, fired, moved = figure.subplots(1, 3)
    x, y = view(side)
    seen.imshow(brightness(texture(sequence.texture), sequence.motion, x, y, middle * 1e-6), "gray")
    seen.set_title(f"brightness at {middle / 1000:g} ms", fontsize="small", loc="left")
    frame = _frame(found, number, middle)
    fired.imshow(coloured(frame / max(frame.max(), 1)), interpolation="nearest")
    fired.set_title(f"{int(frame.sum()):,} events in {SHOWN_US / 1000:g} ms", fontsize="small", loc="left")
    u, v = found.flow(number)
    speed = np.hypot(u, v)
    drawn = moved.imshow(speed, "viridis")
    shown = np.unique(np.linspace(0, side - 1, min(_ARROWS, side) + 2).astype(np.int64)[1:-1])
    rows, columns = np.meshgrid(shown, shown, indexing="ij")
    moved.quiver(columns, rows, u[rows, columns], v[rows, columns], color="white", angles="xy")
    moved.set_title("exact flow", fontsize="small", loc="left")
    figure.colorbar(drawn, label="pixels a second")
    for axis in (seen, fired, moved):
        axis.set_xticks([])
        axis.set_yticks([])
    title = f"sequence {number} of seed {found.seed}, simulated: {len(sequence.events):,} events in "
    figure.suptitle(f"{title}{found.duration_us / 1000:g} ms", fontsize="medium", parse_math=False)
    return figure


def _frame(found: FlowSequences, number: int, middle_us: float) -> npt.NDArray[np.floating[Any]]:
    """Events around a time, counted: (2, side, side), polarity 0 first."""
    events = found.sequences[number].events
    near = np.abs(events.time_us - middle_us) <= SHOWN_US / 2
    frame = np.zeros((2, found.side, found.side))
    np.add.at(frame, (events.polarity[near], events.y[near], events.x[near]), 1)
    return frame
