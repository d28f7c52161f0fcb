"""A network in Lava and on `fast`, one core: spikes and counts are compared first, then both are timed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lapilli.netx_exports.network import Network
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

BAR = 500
"""Times Lava, for each step of a batch of 64."""

LAVA_REPEATS = 2


@dataclass(frozen=True, eq=False)
class Bout:
    """What runs on both.

    Arguments:
        part: of the benchmark.
        label: of the network.
        network: that runs.
        n_steps: of a sample.
    """

    part: str
    label: str
    network: Network
    n_steps: int

    def timed(self, backend: BackendName, events: Events, repeats: int, watch: Watch) -> Row:
        """Milliseconds of a step of a sample."""
        measure = backend_seconds(self.network, events, backend, self.n_steps, 1)
        seconds = repeated(f"{backend} on {self.label}", measure, repeats, watch)
        values = tuple(value / self.n_steps for value in milliseconds(seconds))
        return Row(self.part, self.label, backend, len(events), 1, self.n_steps, "ms per step", values)


def beside_lava(bout: Bout, batches: Sequence[Events], sizes: Sizes, watch: Watch) -> list[Row]:
    """A row for Lava, which runs the first sample, and one of `fast` for each batch.

    Raises:
        LapilliError: when outputs differ, or Lava is not installed.
    """
    sample, n_steps = batches[0].select([0]), bout.n_steps
    watch.note(f"comparing fast and Lava on {bout.label}, {n_steps} steps")
    record = {layer.name: ("spikes",) for layer in bout.network.layers}
    in_lava = run(bout.network, sample, "lava", n_steps=n_steps, record=record)
    compared = require_equal(in_lava, run(bout.network, sample, "fast", n_steps=n_steps, record=record), bout.label)
    lava = replace(bout.timed("lava", sample, min(LAVA_REPEATS, sizes.repeats), watch), compared=compared)
    rows = [lava]
    for events in batches:
        fast = replace(bout.timed("fast", events, sizes.repeats, watch), compared=compared)
        ratio = lava.median / fast.median
        judged: dict[str, Any] = at_least(ratio, BAR, len(events) == Sizes().batch)
        rows.append(replace(fast, ratio=ratio, ratio_of="Lava's time over this", **judged))
    return rows
