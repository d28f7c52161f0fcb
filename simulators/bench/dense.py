"""Part `dense`: synaptic operations a second on one core, beside what the machine can add and read at best."""

from dataclasses import replace
from typing import Any

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.bench.measuring import Row, Sizes, Watch, at_least, backend_seconds, repeated
from lapilli.simulators.bench.networks import dense_network
from lapilli.simulators.prove import prove
from lapilli.simulators.random_events import random_events
from lapilli.simulators.run import run

N_NEURONS = 512

DENSITIES = (0.02, 0.1, 0.5)
"""Shares of the inputs that spike in a step. The more do, the less the update of the neurons counts."""

BAR = 4.0
"""10⁹ synaptic operations a second and core."""


def bench_dense(sizes: Sizes, watch: Watch) -> list[Row]:
    """Rows for the measured limits and for `fast` on 512 → 512 → 512; the ratio is the share of the add limit.

    Raises:
        LapilliError: when `fast` differs from the reference.
    """
    from lapilli.simulators.bench.limits import add_limit, read_limit

    watch.note("measuring how fast this machine adds and reads weights in its cache")
    label, unit = f"{N_NEURONS}-{N_NEURONS}-{N_NEURONS}", "10⁹ syn_ops/s"
    added, read = add_limit(N_NEURONS) / 1e9, read_limit(N_NEURONS) / 1e9
    square = f"{N_NEURONS} × {N_NEURONS} int8"
    facts: dict[str, Any] = {"remark": f"bare loop over {square} weights, rows in random order, the best of four ways"}
    rows = [Row("dense", square, "add limit", 1, 1, 1, unit, (added,), **facts)]
    facts = {"remark": "bytes of the same weights read, one for each operation"}
    rows.append(Row("dense", square, "read limit", 1, 1, 1, unit, (read,), **facts))
    network = dense_network(N_NEURONS, sizes.seed)
    for density in DENSITIES:
        events = random_events(network, sizes.batch, sizes.n_steps, density, sizes.seed + 1)
        what = f"fast, {density:.0%} of the inputs spike"
        watch.note(f"comparing {what} with the reference")
        few = events.select([0]).with_steps(min(100, sizes.n_steps))
        proof = prove(network, few, ("reference", "fast"))
        if not proof.equal:
            raise LapilliError(f"bench: outputs differ: {next(iter(proof.first.values()))}")
        counts = run(network, events, n_steps=sizes.n_steps).counts
        n_ops = int(counts.syn_ops.sum())
        seconds = repeated(what, backend_seconds(network, events, "fast", sizes.n_steps, 1), sizes.repeats, watch)
        rates = tuple(n_ops / len(events) / value / 1e9 for value in seconds)
        row = Row("dense", label, what, sizes.batch, 1, sizes.n_steps, unit, rates)
        facts = {"ratio": row.median / added, "ratio_of": "share of the add limit"}
        facts |= at_least(row.median, BAR, applies=sizes.standard)
        facts["compared"] = f"reference = fast: {proof.spikes_compared:,} spikes, {proof.states_compared:,} states"
        facts["remark"] = f"neuron updates included; share of the read limit: {row.median / read:.2f}"
        facts["syn_ops_per_sample"] = n_ops // len(events)
        rows.append(replace(row, **facts))
    return rows
