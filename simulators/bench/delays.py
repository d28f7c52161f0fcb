"""Part `delays`: what delays up to 62 cost on 700 → N, for each connection, source or target; `fast` and Lava."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.bench.measuring import (
    Row,
    Sizes,
    Watch,
    at_most,
    backend_seconds,
    milliseconds,
    repeated,
    require_equal,
)
from lapilli.simulators.bench.networks import DELAY_KINDS, DelayKind, delayed_network
from lapilli.simulators.prove import prove
from lapilli.simulators.random_events import random_events
from lapilli.simulators.run import BackendName, run

BAR = 1.5
"""Times the time without delays."""

N_NEURONS = 256

LAVA_STEPS = 100
"""Steps of the Lava runs: enough for every delay to arrive; a step takes up to a fifth of a second there."""

_NAMES = {
    "none": "no delays",
    "target": "a delay for each target",
    "source": "a delay for each source",
    "connection": "a delay for each connection",
}


def bench_delays(sizes: Sizes, watch: Watch) -> list[Row]:
    """Rows for `fast` and Lava with each kind of delays; the ratio is that to the same backend without delays.

    Raises:
        LapilliError: when outputs differ, or Lava is not installed.
    """
    rows: list[Row] = []
    for backend in (_fast_rows, _lava_rows):
        plain, *delayed = backend(sizes, watch)
        rows += [plain, *(replace(row, ratio=row.median / plain.median, ratio_of="times no delays") for row in delayed)]
    return [_judged(row, sizes.standard) for row in rows]


def _judged(row: Row, applies: bool) -> Row:
    if row.ratio is None or not row.what.startswith("fast"):
        return row
    judged: dict[str, Any] = at_most(row.ratio, BAR, applies)
    return replace(row, **judged)


def _fast_rows(sizes: Sizes, watch: Watch) -> Iterator[Row]:
    for kind in DELAY_KINDS:
        network, what = delayed_network(N_NEURONS, kind, sizes.seed), f"fast, {_NAMES[kind]}"
        events = random_events(network, sizes.batch, sizes.n_steps, sizes.density, sizes.seed + 1)
        watch.note(f"comparing {what} with the reference")
        proof = prove(network, events.select([0]).with_steps(min(200, sizes.n_steps)), ("reference", "fast"))
        if not proof.equal:
            raise LapilliError(f"bench: outputs differ: {next(iter(proof.first.values()))}")
        n_ops = int(run(network, events, n_steps=sizes.n_steps).counts.syn_ops.sum()) // len(events)
        seconds = repeated(what, backend_seconds(network, events, "fast", sizes.n_steps, 1), sizes.repeats, watch)
        yield _row(
            what, sizes.batch, sizes.n_steps, seconds,
            compared=f"reference = fast: {proof.spikes_compared:,} spikes, {proof.states_compared:,} states",
            syn_ops_per_sample=n_ops,
        )  # fmt: skip


def _lava_rows(sizes: Sizes, watch: Watch) -> Iterator[Row]:
    n_steps = min(LAVA_STEPS, sizes.n_steps)
    with watch.bar("Lava with delays", len(DELAY_KINDS)) as advance:
        for kind in DELAY_KINDS:
            watch.note(f"timing and comparing Lava, {_NAMES[kind]}, {n_steps} steps")
            yield _lava_row(kind, n_steps, sizes)
            advance(1)


def _lava_row(kind: DelayKind, n_steps: int, sizes: Sizes) -> Row:
    network = delayed_network(N_NEURONS, kind, sizes.seed)
    one = random_events(network, 1, n_steps, sizes.density, sizes.seed + 1)
    # One run of seconds; what is timed in it is the simulation only.
    backends: tuple[BackendName, ...] = ("lava", "fast")
    lava, fast = (run(network, one, backend, n_steps=n_steps, threads=1) for backend in backends)
    compared = require_equal(lava, fast, _NAMES[kind])
    return _row(f"lava, {_NAMES[kind]}", 1, n_steps, (lava.seconds,), compared=compared)


def _row(what: str, batch: int, n_steps: int, seconds: tuple[float, ...], **facts: Any) -> Row:
    per_step = tuple(value / n_steps for value in milliseconds(seconds))
    return Row("delays", f"700-{N_NEURONS}", what, batch, 1, n_steps, "ms per step", per_step, **facts)
