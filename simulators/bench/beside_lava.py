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


@dataclass(frozen=True, eq=False)
class Bout:
    """What runs on both.

    Arguments:
        part: of the benchmark.
        label: of the network.
        network: that runs.
        n_steps: of a sample.
        lava_runs: timed runs of Lava, which start with new processes each time.
    """

    part: str
    label: str
    network: Network
    n_steps: int
    lava_runs: int = 2

    def in_lava(self, sample: Events, watch: Watch) -> Row:
        """Milliseconds of a step in Lava."""
        watch.note(f"timing lava on {self.label}")
        measure = backend_seconds(self.network, sample, "lava", self.n_steps, 1)
        with watch.bar(f"lava on {self.label}", self.lava_runs) as advance:
            seconds = []
            for _ in range(self.lava_runs):
                seconds.append(measure())
                advance(1)
        return self._row("lava", sample, seconds)

    def on_fast(self, events: Events, repeats: int, watch: Watch) -> Row:
        """Milliseconds of a step of a sample on `fast`."""
        measure = backend_seconds(self.network, events, "fast", self.n_steps, 1)
        return self._row("fast", events, repeated(f"fast on {self.label}", measure, repeats, watch))

    def _row(self, backend: BackendName, events: Events, seconds: Sequence[float]) -> Row:
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
    lava = replace(bout.in_lava(sample, watch), compared=compared)
    rows = [lava]
    for events in batches:
        fast = replace(bout.on_fast(events, sizes.repeats, watch), compared=compared)
        ratio = lava.median / fast.median
        judged: dict[str, Any] = at_least(ratio, BAR, len(events) == Sizes().batch)
        rows.append(replace(fast, ratio=ratio, ratio_of="Lava's time over this", **judged))
    return rows
