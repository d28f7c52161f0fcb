"""Part `counting`: what it costs `fast` to count every event, by running the same samples with and without."""

import statistics
from dataclasses import replace
from typing import Any

import numpy as np

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Network
from lapilli.simulators.bench.measuring import Row, Sizes, Watch, at_most, milliseconds, seconds_of
from lapilli.simulators.bench.networks import recurrent_network
from lapilli.simulators.events import Events
from lapilli.simulators.fast.backend import counts_of_kept
from lapilli.simulators.fast.kept import lowered
from lapilli.simulators.fast.runner import Kept, run_chunk
from lapilli.simulators.plan import RunPlan
from lapilli.simulators.random_events import random_events
from lapilli.simulators.run import run

BAR = 1.15
"""Times the time without counts."""


def bench_counting(sizes: Sizes, watch: Watch) -> list[Row]:
    """Rows for `fast` without and with counts, timed in turn, one thread.

    Raises:
        LapilliError: when counts or spikes differ.
    """
    return [row for n_hidden in sizes.hidden for row in _with_and_without(n_hidden, sizes, watch)]


def _with_and_without(n_hidden: int, sizes: Sizes, watch: Watch) -> list[Row]:
    network, label = recurrent_network(n_hidden, sizes.seed), f"700-{n_hidden}r-20"
    events = random_events(network, sizes.batch, sizes.n_steps, sizes.density, sizes.seed + 1)
    runs = {False: _Run(network, events, False), True: _Run(network, events, True)}
    compared = _compare(runs, network, events, label)
    spent: dict[bool, list[float]] = {False: [], True: []}
    watch.note(f"timing {label} with and without counts in turn")
    with watch.bar(f"counting on {label}", sizes.repeats) as advance:
        for _ in range(sizes.repeats):
            for counted, values in spent.items():
                values.append(seconds_of(runs[counted].measured, len(events))())
            advance(1)
    ratio = statistics.median(spent[True]) / statistics.median(spent[False])
    plain, counting = (
        Row(
            "counting", label, f"fast, {'with' if counted else 'without'} counts", len(events), 1, sizes.n_steps,
            "ms per sample", milliseconds(values), compared=compared,
        )
        for counted, values in spent.items()
    )  # fmt: skip
    judged: dict[str, Any] = at_most(ratio, BAR, sizes.standard)
    return [plain, replace(counting, ratio=ratio, ratio_of="times without counts", **judged)]


class _Run:
    """One way of running the samples: what `run_fast` does in one thread."""

    def __init__(self, network: Network, events: Events, counted: bool) -> None:
        self.network, self.events, self.counted = network, events, counted
        self.lowered = lowered(network)
        self.keeps_spikes = np.array([layer is network.output for layer in network.layers])
        self.state_at = np.full((len(network.layers), 2), -1, np.int64)

    def spikes(self) -> Kept:
        plan = RunPlan(n_steps=self.events.n_steps)
        return run_chunk(self.lowered, self.events, plan, self.keeps_spikes, self.state_at, self.counted)

    def measured(self) -> None:
        kept = self.spikes()
        if self.counted:
            counts_of_kept(self.network, self.lowered, [kept], self.events.n_steps)


def _compare(runs: dict[bool, _Run], network: Network, events: Events, label: str) -> str:
    without, counted = runs[False].spikes(), runs[True].spikes()
    same = all(np.array_equal(getattr(without, name), getattr(counted, name)) for name in ("step", "neuron", "offsets"))
    counts = counts_of_kept(network, runs[True].lowered, [counted], events.n_steps)
    if not same or counts != run(network, events, n_steps=events.n_steps).counts or without.tally.size:
        raise LapilliError(f"bench: counting changes what is run on {label}")
    return f"with = without: {len(counted.step):,} output spikes; {int(counts.syn_ops.sum()):,} operations counted"
