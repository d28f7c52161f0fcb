"""Pictures of a run: spikes of every layer over time, and the voltage of the readout."""

from typing import Any

import numpy as np

from netx_exports.errors import LapilliError
from netx_exports.files import PathLike, replacing
from netx_exports.network import Network
from netx_exports.synapses import INPUT
from simulators.events import Events
from simulators.results import RunResult

MAX_TRACES = 20
"""Readout neurons whose voltage is drawn; more would be unreadable."""


def raster_picture(
    network: Network, events: Events, result: RunResult, sample: int, path: PathLike, title: str
) -> None:
    """Write a PNG: a raster of the input and of each layer, then the voltage of the output layer.

    Arguments:
        network: what was run.
        events: the input.
        result: run with "spikes" of all layers and "voltage" of the output layer recorded.
        sample: which sample to draw.
        path: file to write.
        title: first line of the picture.

    Raises:
        LapilliError: when matplotlib is missing, something was not recorded, or the file cannot be written.
    """
    pyplot = _pyplot()
    n_steps = result.spikes.n_steps
    rows: dict[str, Events] = {INPUT: events.with_steps(n_steps)}
    for layer in network.layers:
        recording = result.recordings.get(layer.name)
        if recording is None or recording.spikes is None:
            raise LapilliError(f"raster: spikes of layer {layer.name!r} were not recorded")
        rows[layer.name] = recording.spikes
    if network.output.neuron.never_spikes:
        del rows[network.output.name]
    voltage = result.recordings[network.output.name].voltage
    if voltage is None:
        raise LapilliError(f"raster: the voltage of layer {network.output.name!r} was not recorded")
    heights = [*(1.5 for _ in rows), 2]
    figure, axes = pyplot.subplots(
        len(heights), 1, sharex=True, figsize=(8, 1.2 + sum(heights)), height_ratios=heights, layout="constrained"
    )
    for axis, (name, spikes) in zip(axes, rows.items()):
        chosen = spikes.select([sample])
        axis.scatter(chosen.step, chosen.neuron, s=6, marker="|", linewidths=1, color="tab:blue")
        axis.set_ylim(-0.5, spikes.n_neurons - 0.5)
        axis.set_ylabel(f"{name}\n{spikes.n_neurons} neurons")
        axis.set_title(f"{chosen.n_events} spikes", loc="right", fontsize="small")
    _draw_voltage(axes[-1], voltage[sample].reshape(-1, n_steps), network.output.name)
    axes[0].set_title(title, loc="left", fontsize="medium")
    axes[-1].set_xlabel("time step")
    axes[-1].set_xlim(-0.5, n_steps - 0.5)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
    pyplot.close(figure)


def _draw_voltage(axis: Any, voltage: "np.ndarray[Any, Any]", name: str) -> None:
    colours = _pyplot().get_cmap("tab10" if len(voltage) <= 10 else "tab20").colors
    for neuron, trace in enumerate(voltage[:MAX_TRACES]):
        axis.plot(trace, color=colours[neuron % len(colours)], linewidth=1.2, label=str(neuron))
    axis.axhline(0, color="0.7", linewidth=0.6, zorder=0)
    axis.set_ylabel(f"{name}\nvoltage")
    axis.legend(title="neuron", ncols=2, fontsize="x-small", title_fontsize="x-small", loc="center left",
                bbox_to_anchor=(1.0, 0.5))  # fmt: skip


def _pyplot() -> Any:
    try:
        import matplotlib
    except ModuleNotFoundError:
        raise LapilliError("pictures need matplotlib: pip install matplotlib") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot
