"""Part `pilotnet`: the PilotNet of LIF neurons that comes with lava-dl, with its image as input, beside Lava."""

from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from lapilli.netx_exports.files import existing_file
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.netx.reader import load
from lapilli.simulators.bench.measuring import (
    Row,
    Sizes,
    Watch,
    at_least,
    backend_seconds,
    milliseconds,
    repeated,
    require_equal,
)
from lapilli.simulators.events import Events
from lapilli.simulators.run import BackendName, run

BAR = 100
"""Times Lava, for each step."""

BACKENDS: tuple[BackendName, ...] = ("lava", "fast")

MAX_STEPS = 24
"""Steps of lava-dl's own recording of this network."""

LAVA_REPEATS = 3


def bench_pilotnet(sizes: Sizes, watch: Watch) -> list[Row]:
    """Rows for Lava and `fast`, one sample on one core; none where this lava-dl came without the network.

    Raises:
        LapilliError: when outputs differ, or Lava is not installed.
    """
    folder = stored_network()
    if folder is None:
        watch.note("skipped: no lava-dl is installed that brings its PilotNet")
        return []
    network, n_steps = load(existing_file(folder / "network.net")), min(MAX_STEPS, sizes.n_steps)
    image = np.load(folder / "image.npy").transpose(2, 1, 0).astype(int)
    events = Events.from_dense(np.repeat(image[None, ..., None], n_steps, axis=-1))
    watch.note(f"comparing fast and Lava on PilotNet, {n_steps} steps")
    record = {layer.name: ("spikes",) for layer in network.layers}
    lava_run, fast_run = (run(network, events, name, n_steps=n_steps, record=record) for name in BACKENDS)
    compared = require_equal(lava_run, fast_run, "PilotNet")
    n_ops = int(fast_run.counts.syn_ops.sum())

    def row(backend: BackendName, repeats: int) -> Row:
        measure = backend_seconds(network, events, backend, n_steps, 1)
        seconds = repeated(f"{backend} on PilotNet", measure, repeats, watch)
        values = tuple(value / n_steps for value in milliseconds(seconds))
        remark = "an image of 39,600 pixels as current in each step"
        facts: dict[str, Any] = {"compared": compared, "remark": remark, "syn_ops_per_sample": n_ops}
        return Row("pilotnet", _label(network), backend, 1, 1, n_steps, "ms per step", values, **facts)

    lava, fast = row("lava", min(LAVA_REPEATS, sizes.repeats)), row("fast", sizes.repeats)
    ratio = lava.median / fast.median
    judged: dict[str, Any] = at_least(ratio, BAR, n_steps == MAX_STEPS)
    return [lava, replace(fast, ratio=ratio, ratio_of="Lava's time over this", **judged)]


def stored_network() -> Path | None:
    """The folder of the installed lava-dl that holds the network and its image, if it has one."""
    try:
        folder = Path(str(metadata.distribution("lava-dl").locate_file("tests/lava/lib/dl/netx/gts/pilotnet_lif")))
    except metadata.PackageNotFoundError:
        return None
    return folder if (folder / "network.net").is_file() else None


def _label(network: Network) -> str:
    return f"PilotNet LIF, {len(network.layers)} layers"
