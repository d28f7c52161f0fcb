"""Part `memory`: how much `lapilli simulate` takes for event files of very different length.

The bound, with one job and no states recorded: what the process takes for a short file; `BYTES_PER_SAMPLE` for each
further sample, which are offset, label and count of input and output and the copies in which they are checked and
joined; and `SLACK_MIB`. Events are held for 64 samples at a time, however many there are.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.netx.writer import save
from lapilli.netx_exports.synapses.kinds import INPUT, DenseSynapse
from lapilli.simulators.bench.event_files import write_random_file
from lapilli.simulators.bench.measuring import Row, Sizes, Watch, at_most
from lapilli.simulators.bench.networks import NEURON

BYTES_PER_SAMPLE = 128

SLACK_MIB = 16.0
"""For the blocks in which what was written is packed, of a few MiB, and for what differs from run to run."""

N_STEPS, N_INPUTS, N_OUTPUTS, DENSITY = 20, 50, 10, 0.05

SHORT = 20
"""The short file has one sample for so many of the long one."""

# Linux counts in KiB.
_LAUNCHER = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


def bench_memory(sizes: Sizes, watch: Watch) -> list[Row]:
    """Rows with the peak of resident memory of `lapilli simulate` for a short and a long file.

    Raises:
        LapilliError: when `lapilli simulate` fails.
    """
    long, short = sizes.memory_samples, max(1, sizes.memory_samples // SHORT)
    with tempfile.TemporaryDirectory(prefix="lapilli-bench-") as folder:
        network = small_network(sizes.seed)
        save(network, Path(folder) / "model.net")
        # The first run compiles the kernels where they are not yet, which takes more memory than any simulation.
        _, *rows = (_row(Path(folder), network, n_samples, sizes, watch) for n_samples in (1, short, long))
    bound = bound_mib(rows[0].median, long - short)
    growth = f"{BYTES_PER_SAMPLE} bytes for each further sample and {SLACK_MIB:g} MiB"
    last = replace(rows[1], remark=f"bound: the peak of the short file, {growth}")
    return [rows[0], replace(last, **at_most(last.median, round(bound, 1)))]  # type: ignore[arg-type]


def _row(folder: Path, network: Network, n_samples: int, sizes: Sizes, watch: Watch) -> Row:
    small = replace(sizes, n_steps=N_STEPS, density=DENSITY)
    write_random_file(folder / "in.npz", network, n_samples, small, watch)
    watch.note(f"simulating {n_samples:,} samples in a process of its own")
    peak = simulate_in_child(folder / "model.net", folder / "in.npz", folder / "out.npz").peak_mib
    label = f"{N_INPUTS}-{N_OUTPUTS}"
    return Row("memory", label, f"{n_samples:,} samples", n_samples, 1, N_STEPS, "MiB at most", (peak,))


def bound_mib(short: float, further_samples: int) -> float:
    """What a longer file may take, given the peak for a short one."""
    return short + further_samples * BYTES_PER_SAMPLE / 2**20 + SLACK_MIB


def small_network(seed: int) -> Network:
    """One dense layer."""
    weights = np.random.default_rng(seed).integers(-20, 40, (N_OUTPUTS, N_INPUTS)) * 2
    return Network((N_INPUTS,), (Layer("output", (N_OUTPUTS,), NEURON, (DenseSynapse(INPUT, weights),)),))


@dataclass(frozen=True)
class Finished:
    """What a child left behind: its output and the most memory that was resident at a time."""

    output: str
    peak_mib: float


def simulate_in_child(network: Path, events: Path, output: Path, options: Sequence[str] = ()) -> Finished:
    """`lapilli simulate` in a process of its own.

    A process inherits the peak of the one that starts it, which may be a large one: so a small process stands between
    the two, and reports the peak of its only child.

    Raises:
        LapilliError: when it fails.
    """
    words = [sys.executable, "-m", "lapilli", "simulate", str(network), "--input", str(events)]
    words += ["--out", str(output), "--threads", "1", *options]
    launched = [sys.executable, "-I", "-S", "-c", _LAUNCHER, *words]
    done = subprocess.run(launched, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LapilliError(f"bench: {done.stderr.strip()}")
    *lines, peak = done.stdout.splitlines()
    return Finished("\n".join(lines), int(peak) / 1024)
