"""`lapilli simulate` runs a file of any length in bounded memory: measured in a process of its own."""

from pathlib import Path

import numpy as np
import pytest

from lapilli.netx_exports import LapilliError, save
from lapilli.simulators import Events, run
from lapilli.simulators.bench import Sizes, Watch
from lapilli.simulators.bench.event_files import write_random_file
from lapilli.simulators.bench.memory import bound_mib, simulate_in_child, small_network

N_SAMPLES = 12_000

SIZES = Sizes(n_steps=40, density=0.1)
"""50 inputs: about 200 events, 1.6 kB, in a sample."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network, and kernels that have been compiled: that takes more memory than any simulation."""
    folder = tmp_path_factory.mktemp("memory")
    save(small_network(0), folder / "model.net")
    peak_mib(folder, 1)
    return folder


def peak_mib(folder: Path, n_samples: int) -> float:
    write_random_file(folder / "in.npz", small_network(0), n_samples, SIZES, Watch())
    return simulate_in_child(folder / "model.net", folder / "in.npz", folder / "out.npz").peak_mib


@pytest.mark.slow
def test_twice_the_samples_take_what_the_bound_says(folder: Path) -> None:
    short, long = peak_mib(folder, N_SAMPLES), peak_mib(folder, 2 * N_SAMPLES)
    assert len(Events.load(folder / "out.npz")) == 2 * N_SAMPLES
    assert long < bound_mib(short, N_SAMPLES)
    # The bound says something: the events of the further samples are more than it allows.
    with np.load(folder / "in.npz") as archive:
        further = (archive["step"].nbytes + archive["neuron"].nbytes) / 2
    assert further / 2**20 > bound_mib(0, N_SAMPLES)


def test_the_child_does_what_it_is_asked_and_its_memory_is_its_own(folder: Path) -> None:
    burden = np.ones(1 << 27, np.uint8)
    write_random_file(folder / "in.npz", small_network(0), 10, SIZES, Watch())
    done = simulate_in_child(folder / "model.net", folder / "in.npz", folder / "out.npz", ["--json"])
    assert '"samples": 10' in done.output
    network, events = small_network(0), Events.load(folder / "in.npz")
    expected = run(network, events, "reference", n_steps=events.n_steps + network.depth).spikes
    assert Events.load(folder / "out.npz").n_events == expected.n_events > 0
    # Not that of this process, which holds all of the tests' modules and 128 MiB more.
    assert 20 < done.peak_mib < resident_mib()
    assert burden[-1] == 1


def resident_mib() -> float:
    with open("/proc/self/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def test_a_failing_child_is_an_error(folder: Path) -> None:
    with pytest.raises(LapilliError, match=r"cannot read .*missing\.npz"):
        simulate_in_child(folder / "model.net", folder / "missing.npz", folder / "out.npz")
