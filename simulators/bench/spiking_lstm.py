"""Part `spiking_lstm`: a pipeline of two copies of 128 units, beside Lava and beside a loop in torch."""

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
from lapilli.simulators.bench.spiking_lstm_network import COPIES, ELEMENTS, spectrograms, spiking_lstm_network
from lapilli.simulators.events import Events
from lapilli.simulators.results import RunResult
from lapilli.simulators.run import run

TORCH_BAR = 5
"""Times torch, for each step of a batch of 64."""

LABEL = "40 → 128 LSTM x 2 → 11, pipelined"


def bench_spiking_lstm(sizes: Sizes, watch: Watch) -> list[Row]:
    """Rows for Lava (one sample), torch and `fast` (a batch), on one core.

    Raises:
        LapilliError: when outputs differ, or Lava or torch is not installed.
    """
    network, events = spiking_lstm_network(sizes.seed), spectrograms(sizes.batch, sizes.seed)
    in_lava = beside_lava(Bout("spiking_lstm", LABEL, network, n_steps_of(network)), [events], sizes, watch)
    return [*in_lava, *_beside_torch(network, events, sizes, watch)]


def n_steps_of(network: Network) -> int:
    """Steps in which a sample is answered completely."""
    return ELEMENTS + network.output.clock.phase


def _beside_torch(network: Network, events: Events, sizes: Sizes, watch: Watch) -> list[Row]:
    # The peer is imported when it is wanted: fast needs no torch.
    from lapilli.simulators.bench.peer_torch_spiking_lstm import forward_of

    watch.note(f"comparing fast and torch on {LABEL}")
    n_steps, share = n_steps_of(network), len(events)
    record = {f"lstm.{copy}": ("spikes",) for copy in range(COPIES)}
    result = run(network, events, "fast", n_steps=n_steps, record=record)
    with one_thread():
        forward = forward_of(network, events.to_dense())
        compared = _compared(result, forward().numpy())
        # For each element, copies one after the other there and in the same step here.
        torch_s = repeated(f"torch on {LABEL}", seconds_of(forward, share * ELEMENTS), sizes.repeats, watch)
        whole_run = seconds_of(lambda: run(network, events, "fast", n_steps=n_steps, threads=1), share * ELEMENTS)
        fast_s = repeated(f"fast on {LABEL}", whole_run, sizes.repeats, watch)
    operations = int(result.counts.syn_ops.sum()) // share
    facts: dict[str, Any] = {"compared": compared, "syn_ops_per_sample": operations}
    unit = "ms per step"
    torch_row = Row("spiking_lstm", LABEL, "torch, float32", share, 1, ELEMENTS, unit, milliseconds(torch_s), **facts)
    fast_row = Row("spiking_lstm", LABEL, "fast, with counts", share, 1, n_steps, unit, milliseconds(fast_s), **facts)
    ratio = torch_row.median / fast_row.median
    judged: dict[str, Any] = at_least(ratio, TORCH_BAR, sizes.batch == Sizes().batch)
    return [torch_row, replace(fast_row, ratio=ratio, ratio_of="torch's time over this", **judged)]


def _compared(result: RunResult, sent: Any) -> str:
    n_sent = 0
    for copy, of_copy in enumerate(sent):
        spikes = result.recordings[f"lstm.{copy}"].spikes
        assert spikes is not None
        h = spikes.to_dense()[..., 1 + copy : 1 + copy + ELEMENTS].transpose(2, 0, 1)
        if not np.array_equal(h, of_copy):
            raise LapilliError(f"{LABEL}: torch and fast differ in copy {copy}; there is nothing to time")
        n_sent += int(np.count_nonzero(h))
    return f"all {n_sent:,} signed events equal"
