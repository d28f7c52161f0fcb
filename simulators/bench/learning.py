"""Part `learning`: a step of online learning by the fast twin, beside Lava's learning Processes."""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.cuba_lif import NEVER_SPIKES
from lapilli.netx_exports.neurons.kinds import CubaLif
from lapilli.netx_exports.synapses.kinds import INPUT, DenseSynapse
from lapilli.simulators.bench.measuring import Row, Sizes, Watch, at_least, repeated
from lapilli.simulators.bench.networks import N_INPUTS, N_OUTPUTS, NEURON, random_weights
from lapilli.simulators.events import Events
from lapilli.simulators.lava.client import shared_worker
from lapilli.simulators.learning.blueprint import LearningBlueprint, learning_blueprint
from lapilli.simulators.learning.config import HiddenRule, LearningConfig, ReadoutRule, Term
from lapilli.simulators.learning.lava import learning_job, run_learning_job
from lapilli.simulators.learning.parts import learning_part
from lapilli.simulators.learning.twin import Int64, learn_fast, learning_trail
from lapilli.simulators.plan import _ignore
from lapilli.simulators.random_events import random_events

N_HIDDEN = 128

BAR = 100.0
"""How many times faster than Lava a step is to be."""

UNIT = "ms per step"

CONFIG = LearningConfig(
    # A wide Ψ, and a softmax that does not saturate: most hidden neurons learn in most steps.
    HiddenRule(Term(-1), Term(1), pre_tau=20.0, pre_impulse=1.0, post_shift=5, psi_shift=9),
    ReadoutRule(Term(-1), pre_tau=20.0, pre_impulse=1.0),
    voltage_exp=22,
)


def bench_learning(sizes: Sizes, watch: Watch) -> list[Row]:
    """Rows for Lava, and for the twin with and without deciding each sample first.

    Raises:
        LapilliError: when weights differ, or Lava is not installed.
    """
    network = learning_network(sizes.seed)
    blueprint = learning_blueprint(learning_part(network), CONFIG, sizes.n_steps)
    fed = random_events(network, 1, sizes.n_steps, sizes.density, sizes.seed + 1)
    labels = np.zeros(1, np.int64)
    job = learning_job(blueprint, fed, labels, 0, records=False)
    watch.note(f"comparing the twin and Lava on {sizes.n_steps} steps")
    weights, trail = learning_trail(blueprint, fed, labels, 0)
    for ours, lavas in zip(weights, run_learning_job(job).weights, strict=True):
        if not np.array_equal(ours, lavas[-1]):
            raise LapilliError("bench: the twin and Lava learn other weights")
    changed = sum(int(np.sum(new != old.weights)) for new, old in zip(weights, blueprint.synapses))
    facts: dict[str, Any] = {
        "compared": f"lava = fast: {sum(new.size for new in weights):,} weights, of which {changed:,} changed",
        "remark": f"{np.mean(trail.y1[0] != 0):.0%} of the hidden neurons learn in a step, "
        f"{trail.spikes[0].mean():.1%} spike",
    }

    def row(what: str, seconds: Any) -> Row:
        values = tuple(1e3 * value / sizes.n_steps for value in repeated(what, seconds, sizes.repeats, watch))
        return Row("learning", f"{N_INPUTS}-{N_HIDDEN}-{N_OUTPUTS}", what, 1, 1, sizes.n_steps, UNIT, values, **facts)

    lava = row("lava", lambda: run_learning_job(job).seconds)
    rows = [
        row("fast", lambda: _seconds(blueprint, fed, labels, False)),
        row("fast, each sample decided first", lambda: _seconds(blueprint, fed, labels, True)),
    ]
    busy = [
        replace(lava, what="lava, processor time", values=(_lava_processor_ms(blueprint, fed, labels, watch),)),
        replace(rows[0], what="fast, processor time", values=_processor_ms(blueprint, fed, labels, sizes.repeats)),
    ]
    judged: list[dict[str, Any]] = [at_least(lava.median / rows[0].median, BAR, sizes.standard), {}, {}]
    beside = [lava, lava, busy[0]]
    fast = [
        replace(row, ratio=other.median / row.median, ratio_of="Lava's time over this", **bar)
        for row, other, bar in zip([*rows, busy[1]], beside, judged)
    ]
    return [lava, *fast[:2], busy[0], fast[2]]


def learning_network(seed: int) -> Network:
    """700 → 128 → 20, layers "hidden" and "readout", even weights."""
    generator = np.random.default_rng(seed)
    hidden = DenseSynapse(INPUT, random_weights(generator, N_HIDDEN, N_INPUTS, 5))
    readout = DenseSynapse("hidden", random_weights(generator, N_OUTPUTS, N_HIDDEN, 8))
    layers = (
        Layer("hidden", (N_HIDDEN,), NEURON, (hidden,)),
        Layer("readout", (N_OUTPUTS,), CubaLif(NEVER_SPIKES, 4096, 128), (readout,)),
    )
    return Network((N_INPUTS,), layers)


def _processor_ms(blueprint: LearningBlueprint, fed: Events, labels: Int64, repeats: int) -> tuple[float, ...]:
    """Milliseconds of processor time in a step of the twin: what a machine with other work to do does not lengthen."""
    values = []
    for _ in range(repeats):
        started = time.process_time()
        learn_fast(blueprint, fed, labels, 0, _ignore, False)
        values.append(1e3 * (time.process_time() - started) / blueprint.period)
    return tuple(values)


def _lava_processor_ms(blueprint: LearningBlueprint, fed: Events, labels: Int64, watch: Watch) -> float:
    """The same of Lava, of all its processes together: what a long run takes more than a short one."""
    watch.note("measuring Lava's processor time")
    short = max(1, blueprint.period // 100)
    periods = (blueprint.period, short)
    spent = []
    for period in periods:
        job = learning_job(
            replace(blueprint, period=period, window=period), fed.with_steps(period), labels, 0, records=False
        )
        before = _worker_seconds()
        run_learning_job(job)
        spent.append(_worker_seconds() - before)
    return 1e3 * (spent[0] - spent[1]) / (periods[0] - periods[1])


def _worker_seconds() -> float:
    """Processor time of the Lava worker and of all processes that it has waited for."""
    with shared_worker("learning") as worker:
        fields = Path(f"/proc/{worker.process.group}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _seconds(blueprint: LearningBlueprint, fed: Events, labels: Int64, decides: bool) -> float:
    started = time.perf_counter()
    learn_fast(blueprint, fed, labels, 0, _ignore, decides)
    return time.perf_counter() - started
