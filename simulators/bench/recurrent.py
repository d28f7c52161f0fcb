"""Part `recurrent`: `fast` beside Lava on 700 → N recurrent → 20; and part `threads`: two cores beside one."""

import os
import statistics
from dataclasses import replace
from typing import Any

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Network
from lapilli.simulators.bench.measuring import Row, Sizes, Watch, at_least, backend_seconds, milliseconds, repeated
from lapilli.simulators.bench.networks import recurrent_network
from lapilli.simulators.events import Events, events_equal
from lapilli.simulators.prove import prove
from lapilli.simulators.random_events import random_events
from lapilli.simulators.run import BackendName, run

BARS = {256: (700, 1500), 512: (500, 1000), 1024: (300, 500)}
"""For each N, how many times faster than Lava `fast` is to be: with 1 sample, and with a batch, on one core."""

UNIT = "ms per sample"

THREADS_BAR = 1.8
"""How many times faster two cores are to be than one, on a machine that has nothing else to do."""


def bench_recurrent(sizes: Sizes, watch: Watch) -> list[Row]:
    """Rows for Lava and for `fast` with 1 sample and with a batch, on one core and on all.

    Lava knows no batches: its time for a sample is the same for any number of them.

    Raises:
        LapilliError: when spikes, states or counts differ, or Lava is not installed.
    """
    return [row for n_hidden in sizes.hidden for row in _beside_lava(n_hidden, sizes, watch)]


def _beside_lava(n_hidden: int, sizes: Sizes, watch: Watch) -> list[Row]:
    network, label, events = _case(n_hidden, sizes)
    one, n_steps = events.select([0]), sizes.n_steps
    compared = _compare(network, label, one, events, n_steps, watch)
    counts = run(network, one, n_steps=n_steps).counts
    # Two synapses read the hidden layer; each counts a spike once.
    rate = float(counts.axon_out[0, 0]) / 2 / (n_hidden * n_steps)
    remark, n_ops = f"{rate:.1%} of the hidden neurons spike in a step", int(counts.syn_ops[0].sum())

    def row(backend: BackendName, samples: Events, threads: int) -> Row:
        what = f"{backend} on {label}, batch {len(samples)}, {threads} threads"
        measure = backend_seconds(network, samples, backend, n_steps, threads)
        values = milliseconds(repeated(what, measure, sizes.repeats, watch))
        size = (len(samples), threads, n_steps)
        return Row("recurrent", label, backend, *size, UNIT, values, None, "", "", "", compared, remark, n_ops)

    lava, cores = row("lava", one, 1), len(os.sched_getaffinity(0))
    rows = [row("fast", one, 1), row("fast", events, 1)]
    rows += [row("fast", events, cores)] if cores > 1 else []
    return [lava, *(_judged(fast, lava, n_hidden, sizes) for fast in rows)]


def _judged(fast: Row, lava: Row, n_hidden: int, sizes: Sizes) -> Row:
    ratio = lava.median / fast.median
    bar = BARS.get(n_hidden, (0, 0))[fast.batch > 1]
    judged: dict[str, Any] = at_least(ratio, bar, sizes.standard and n_hidden in BARS and fast.threads == 1)
    return replace(fast, ratio=ratio, ratio_of="Lava's time over this", **judged)


def _compare(network: Network, label: str, one: Events, events: Events, n_steps: int, watch: Watch) -> str:
    watch.note(f"comparing fast and Lava on {label}, {n_steps} steps")
    proof = prove(network, one, ("lava", "fast"), n_steps=n_steps)
    if not proof.equal:
        raise LapilliError(f"bench: outputs differ: {next(iter(proof.first.values()))}")
    alone, batch = (run(network, samples, n_steps=n_steps).spikes for samples in (one, events))
    if not events_equal(alone, batch.select([0])):
        raise LapilliError("bench: a sample gives other spikes in a batch than alone")
    return f"lava = fast: {proof.spikes_compared:,} spikes, {proof.states_compared:,} states, all counts"


def bench_threads(sizes: Sizes, watch: Watch) -> list[Row]:
    """Rows for `fast` on one core and on two, with a batch, timed in turn; none where there is only one core."""
    if len(os.sched_getaffinity(0)) < 2:
        watch.note("skipped: this process may use one core only")
        return []
    return [row for n_hidden in sizes.hidden for row in _one_and_two(n_hidden, sizes, watch)]


def _one_and_two(n_hidden: int, sizes: Sizes, watch: Watch) -> list[Row]:
    network, label, events = _case(n_hidden, sizes)
    watch.note(f"comparing 1 and 2 threads on {label}")
    results = [run(network, events, n_steps=sizes.n_steps, threads=threads) for threads in (1, 2)]
    if not events_equal(results[0].spikes, results[1].spikes):
        raise LapilliError(f"bench: two threads give other spikes than one on {label}")
    compared = f"1 thread = 2 threads: {results[0].spikes.n_events:,} output spikes"
    load = os.getloadavg()[0]
    spent: dict[int, list[float]] = {1: [], 2: []}
    watch.note(f"timing 1 and 2 threads on {label} in turn")
    with watch.bar(f"threads on {label}", sizes.repeats) as advance:
        for _ in range(sizes.repeats):
            for threads, values in spent.items():
                values.append(backend_seconds(network, events, "fast", sizes.n_steps, threads)())
            advance(1)
    ratio = statistics.median(spent[1]) / statistics.median(spent[2])
    judged: dict[str, Any] = at_least(ratio, THREADS_BAR, sizes.standard)
    case = ("threads", label, "fast", sizes.batch)
    remark = f"load of the machine before: {load:.2f}"
    one, two = (
        Row(*case, threads, sizes.n_steps, UNIT, milliseconds(values), compared=compared, remark=remark)
        for threads, values in spent.items()
    )
    return [one, replace(two, ratio=ratio, ratio_of="one core's time over this", **judged)]


def _case(n_hidden: int, sizes: Sizes) -> tuple[Network, str, Events]:
    network = recurrent_network(n_hidden, sizes.seed)
    events = random_events(network, sizes.batch, sizes.n_steps, sizes.density, sizes.seed + 1)
    return network, f"700-{n_hidden}r-20", events
