"""`lapilli bench simulate`: seconds for a sample beside Lava, same network and events, outputs compared first."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from netx_exports.errors import LapilliError
from netx_exports.network import Layer, Network
from netx_exports.neurons import CubaLif
from netx_exports.synapses import INPUT, DenseSynapse
from simulators.events import Events
from simulators.prove import prove
from simulators.provenance import provenance
from simulators.random_events import random_events
from simulators.run import run


@dataclass(frozen=True)
class Timing:
    """Seconds for each sample, over repeated runs."""

    what: str
    batch: int
    threads: int
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median seconds for one sample."""
        return statistics.median(self.seconds)


def recurrent_network(n_hidden: int, seed: int) -> Network:
    """700 → `n_hidden` recurrent → 20, random even weights, active at a few per cent under 2 % input."""
    generator = np.random.default_rng(seed)

    def weights(n_out: int, n_in: int, spread: float) -> np.ndarray[Any, Any]:
        return np.clip(2 * np.rint(generator.normal(0, spread, (n_out, n_in))), -256, 254)

    neuron = CubaLif(vth_mant=240, current_decay=1024, voltage_decay=256)
    feed = DenseSynapse(INPUT, weights(n_hidden, 700, 5))
    recurrence = DenseSynapse("hidden", weights(n_hidden, n_hidden, 40 / np.sqrt(n_hidden)))
    hidden = Layer("hidden", (n_hidden,), neuron, (feed, recurrence))
    output = Layer("output", (20,), neuron, (DenseSynapse("hidden", weights(20, n_hidden, 8)),))
    return Network((700,), (hidden, output))


def bench_simulate(
    n_hidden: int = 256,
    n_steps: int = 1000,
    density: float = 0.02,
    batch: int = 64,
    repeats: int = 5,
    seed: int = 0,
    note: Callable[[str], None] = lambda text: None,
) -> list[dict[str, object]]:
    """Time `fast` and Lava on 700 → `n_hidden` recurrent → 20, after proving that they give the same.

    Arguments:
        n_hidden: recurrent neurons.
        n_steps: steps of each sample.
        density: probability of an input spike for each neuron and step.
        batch: samples of the larger batch of `fast`; Lava knows no batches, so its time for a sample is the same.
        repeats: timed runs of each configuration; medians and extremes are reported.
        seed: of weights and input.
        note: told what is being done.

    Returns:
        One row for each configuration: seconds for a sample (median, least, most), ratio to Lava, and provenance.

    Raises:
        LapilliError: when the outputs differ, or Lava is not installed.
    """
    network = recurrent_network(n_hidden, seed)
    events = random_events(network, batch, n_steps, density, seed + 1)
    one = events.select([0])
    note(f"comparing fast and Lava on 700-{n_hidden}r-20, {n_steps} steps")
    proof = prove(network, one, ("lava", "fast"), n_steps=n_steps)
    if not proof.equal:
        raise LapilliError(f"bench: outputs differ: {next(iter(proof.first.values()))}")
    timings = []
    cases: list[tuple[Literal["lava", "fast"], Events, int | None]]
    cases = [("lava", one, 1), ("fast", one, 1), ("fast", events, 1), ("fast", events, None)]
    for what, samples, threads in cases:
        note(f"timing {what}, {len(samples)} samples, {'all' if threads is None else threads} threads")
        timings.append(_time(network, what, samples, n_steps, threads, repeats))
    lava = timings[0]
    activity = run(network, one, n_steps=n_steps).counts
    facts = {
        "network": f"700-{n_hidden}r-20",
        "n_steps": n_steps,
        "density": density,
        "hidden_rate": round(float(activity.axon_out[0, 0]) / 2 / (n_hidden * n_steps), 4),
        "syn_ops_per_sample": int(activity.syn_ops[0].sum()),
        "spikes_compared": proof.spikes_compared,
    }
    return [_row(timing, lava, facts, seed) for timing in timings]


def _time(
    network: Network, what: Literal["lava", "fast"], events: Events, n_steps: int, threads: int | None, repeats: int
) -> Timing:
    # One run more, not counted: it compiles the kernels or starts Lava's worker.
    runs = [run(network, events, what, n_steps=n_steps, threads=threads) for _ in range(repeats + 1)]
    seconds = tuple(result.seconds / len(events) for result in runs[1:])
    return Timing(what, len(events), threads or 0, seconds)


def _row(timing: Timing, lava: Timing, facts: dict[str, object], seed: int) -> dict[str, object]:
    return {
        "backend": timing.what,
        "batch": timing.batch,
        "threads": timing.threads or "all",
        **facts,
        "ms_per_sample_median": round(1e3 * timing.median, 4),
        "ms_per_sample_min": round(1e3 * min(timing.seconds), 4),
        "ms_per_sample_max": round(1e3 * max(timing.seconds), 4),
        "times_lava": round(lava.median / timing.median, 1),
        "repeats": len(timing.seconds),
        **provenance(seed),
    }
