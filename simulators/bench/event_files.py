"""Part `file`: from an event file on disk to accuracy, as many samples as the test set of Spiking Heidelberg Digits."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.readout import Readout
from lapilli.simulators.bench.measuring import Row, Sizes, Watch, at_most, repeated, seconds_of
from lapilli.simulators.bench.networks import recurrent_network
from lapilli.simulators.decisions.totals import run_and_decide
from lapilli.simulators.files.event_file import EventFile, EventWriter
from lapilli.simulators.many import SAMPLES_AT_ONCE, parts_of
from lapilli.simulators.prove import prove
from lapilli.simulators.random_events import random_events

N_HIDDEN = 256

STANDARD_SAMPLES = 2264
"""Those of the test set."""

BAR = 6.0
"""Seconds for them on 2 cores."""

REPEATS = 3


def bench_file(sizes: Sizes, watch: Watch) -> list[Row]:
    """Rows in seconds for the whole file: with threads in one process, and with worker processes.

    Compiling is not counted; opening, reading, unpacking and checking the file are. Labels are random.

    Raises:
        LapilliError: when `fast` differs from the reference on the first samples of the file.
    """
    network = replace(recurrent_network(N_HIDDEN, sizes.seed), readout=Readout("spike_count"))
    cores = min(2, len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory(prefix="lapilli-bench-") as folder:
        path = Path(folder) / "events.npz"
        write_random_file(path, network, sizes.samples, sizes, watch)
        compared = _compare(network, path, watch)
        ways: dict[str, dict[str, int]] = {f"fast, {cores} threads": {"threads": cores}}
        ways |= {f"fast, {cores} processes": {"jobs": cores}} if cores > 1 else {}
        rows = [_row(what, network, path, options, sizes, watch) for what, options in ways.items()]
    return [replace(row, compared=compared, threads=cores) for row in rows]


def _row(what: str, network: Network, path: Path, options: Mapping[str, int], sizes: Sizes, watch: Watch) -> Row:
    right = []
    work = seconds_of(lambda: right.append(_count_right(network, path, options)))
    seconds = repeated(f"{what}, from the file to accuracy", work, min(REPEATS, sizes.repeats), watch)
    megabytes = path.stat().st_size / 1e6
    remark = f"{megabytes:.0f} MB on disk, accuracy {right[0] / sizes.samples:.2%} with random labels"
    case = ("file", f"700-{N_HIDDEN}r-20", what, sizes.samples, 0, sizes.n_steps, "s")
    row = Row(*case, seconds, remark=remark)
    applies = sizes.standard and sizes.samples == STANDARD_SAMPLES and len(os.sched_getaffinity(0)) > 1
    judged: dict[str, Any] = at_most(row.median, BAR, applies)
    return replace(row, **judged)


def _count_right(network: Network, path: Path, options: Mapping[str, int]) -> int:
    """Samples of the file that the network decides as they are labelled."""
    file = EventFile(path)
    n_steps = file.n_steps + network.depth
    return run_and_decide(network, parts_of(file), n_steps=n_steps, **options).right  # type: ignore[arg-type]


def _compare(network: Network, path: Path, watch: Watch) -> str:
    watch.note("comparing fast and the reference on the file's first samples")
    first = next(EventFile(path).chunks(2))
    proof = prove(network, first.with_steps(min(200, first.n_steps)), ("reference", "fast"))
    if not proof.equal:
        raise LapilliError(f"bench: outputs differ: {next(iter(proof.first.values()))}")
    return f"reference = fast: {proof.spikes_compared:,} spikes, {proof.states_compared:,} states"


def write_random_file(path: Path, network: Network, n_samples: int, sizes: Sizes, watch: Watch) -> None:
    """Random spikes and labels, written a few samples at a time."""
    watch.note(f"writing an event file of {n_samples:,} samples")
    bar = watch.bar("writing events", n_samples)
    with bar as advance, EventWriter(path, sizes.n_steps, network.input_shape) as writer:
        for first in range(0, n_samples, SAMPLES_AT_ONCE):
            size, seed = min(SAMPLES_AT_ONCE, n_samples - first), sizes.seed + 2 + first
            events = random_events(network, size, sizes.n_steps, sizes.density, seed)
            labels = np.random.default_rng(seed).integers(0, network.output.size, size)
            writer.add(replace(events, labels=labels))
            advance(size)
