"""Part `spikescr`: a network of SpikeSCR's size for SHD, beside Lava and beside plain torch in floating point."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Network
from lapilli.simulators.bench.beside_lava import Bout, beside_lava
from lapilli.simulators.bench.measuring import (
    Row,
    Sizes,
    Watch,
    at_least,
    milliseconds,
    one_thread,
    repeated,
    seconds_of,
)
from lapilli.simulators.bench.spikescr_network import CHANNELS, STEPS, spikescr_network
from lapilli.simulators.events import Events
from lapilli.simulators.results import RunResult
from lapilli.simulators.run import run

TORCH_BAR = 10
"""Times torch, for each step of a batch of 64."""

LAVA_STEPS = 40
"""Steps of the one sample that Lava runs."""

RATE = 0.3
"""Events of an input channel in a step, mean; counts are Poisson's."""

LABEL = "SpikeSCR 1L-8-128, causal"


def bench_spikescr(sizes: Sizes, watch: Watch) -> list[Row]:
    """Rows for Lava (one sample), torch and `fast` (a batch), on one core.

    Raises:
        LapilliError: when outputs differ, or Lava or torch is not installed.
    """
    network = spikescr_network(sizes.seed)
    events = spoken(sizes.batch, sizes.seed)
    n_steps = STEPS + 1 + max(lags(network).values())
    in_lava = beside_lava(Bout("spikescr", LABEL, network, LAVA_STEPS), [events], sizes, watch)
    return [*in_lava, *_beside_torch(network, events, n_steps, sizes, watch)]


def spoken(n_samples: int, seed: int) -> Events:
    """Counts in the channels, and the line "valid" in all steps."""
    dense = np.random.default_rng(seed).poisson(RATE, (n_samples, CHANNELS + 1, STEPS))
    dense[:, -1] = 1
    return Events.from_dense(dense)


def lags(network: Network) -> Mapping[str, int]:
    """In which step each layer but line and readout sends what belongs to a sample's first step."""
    found = {"input": 0}
    for layer in network.layers:
        # The first tap in time comes at once; the wiring makes the latest of the others meet there.
        found[layer.name] = max(found[one.source] + one.steps + one.delay_range[0] for one in layer.synapses[:1])
    return {name: lag for name, lag in found.items() if name not in ("input", "valid", network.output.name)}


def _beside_torch(network: Network, events: Events, n_steps: int, sizes: Sizes, watch: Watch) -> list[Row]:
    # The peer is imported when it is wanted: fast needs no torch.
    from lapilli.simulators.bench.peer_torch_spikescr import forward_of

    watch.note(f"comparing fast and torch on {LABEL}")
    result = run(network, events, "fast", n_steps=n_steps, record=("spikes",))
    with one_thread():
        compared = _compared(network, result, forward_of(network, events.to_dense(), whole_numbers=True)())
        forward = forward_of(network, events.to_dense(), whole_numbers=False)
        share = len(events)
        steps = share * STEPS
        torch_s = repeated(f"torch on {LABEL}", seconds_of(forward, steps), sizes.repeats, watch)
        whole_run = seconds_of(lambda: run(network, events, "fast", n_steps=n_steps, threads=1), steps)
        fast_s = repeated(f"fast on {LABEL}", whole_run, sizes.repeats, watch)
    operations = int(result.counts.syn_ops.sum()) // share
    facts: dict[str, Any] = {"compared": compared, "syn_ops_per_sample": operations}
    # Of the sample's own steps: `fast` also runs those after which the last answer comes.
    unit = "ms per step"
    torch_row = Row("spikescr", LABEL, "torch, float32", share, 1, STEPS, unit, milliseconds(torch_s), **facts)
    fast_row = Row("spikescr", LABEL, "fast, with counts", share, 1, n_steps, unit, milliseconds(fast_s), **facts)
    ratio = torch_row.median / fast_row.median
    judged: dict[str, Any] = at_least(ratio, TORCH_BAR, sizes.batch == Sizes().batch)
    return [torch_row, replace(fast_row, ratio=ratio, ratio_of="torch's time over this", **judged)]


def _compared(network: Network, result: RunResult, sent: Mapping[str, Any]) -> str:
    n_spikes = 0
    for name, lag in lags(network).items():
        spikes = result.recordings[name].spikes
        assert spikes is not None
        dense = spikes.to_dense()[..., lag : lag + STEPS].transpose(0, 2, 1)
        if not np.array_equal(dense, sent[name].numpy()):
            raise LapilliError(f"{LABEL}: torch and fast differ in layer {name!r}; there is nothing to time")
        n_spikes += int(dense.sum())
    return f"all {n_spikes:,} spikes equal, torch rounding as the integers do"
