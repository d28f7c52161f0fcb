"""`lapilli doctor`."""

import importlib.util
import os

import numpy as np

from lapilli.netx_exports import CubaLif, DenseSynapse, LapilliError, Layer, Network
from lapilli.netx_exports.installing import how_to_install
from lapilli.output import print_json, print_table
from lapilli.simulators import BACKENDS, run
from lapilli.simulators.compiled import kept_in
from lapilli.simulators.evidence.provenance import commit, machine, versions
from lapilli.simulators.random_events import random_events
from lapilli.training.data.folders import data_folder

PACKAGES = ("lapilli", "numpy", "numba", "h5py", "torch", "lava-nc", "lava-dl", "lightning", "tonic", "rich")


def doctor(*, json: bool = False) -> None:
    """Show what works here: versions, cores, backends, data.

    Arguments:
        json: print it as JSON.
    """
    facts = {
        "machine": machine(),
        "commit": commit() or "not a checkout",
        **{name: version or "not installed" for name, version in versions(PACKAGES).items()},
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
        **{f"backend {name}": state for name, state in backend_states().items()},
        "compiled kernels": kernels_kept(),
        "training": training_state(),
        "training dynamics": training_dynamics(),
        "training on a GPU": training_on_a_gpu(),
        "data folder": str(data_folder()),
    }
    if json:
        print_json(facts)
    else:
        print_table("lapilli doctor", ["what", "here"], list(facts.items()))


def backend_states() -> dict[str, str]:
    """What each backend says to a run of a small network: "works", or why not."""
    neuron = CubaLif(vth_mant=64, current_decay=1024, voltage_decay=128)
    network = Network((4,), (Layer("layer", (3,), neuron, (DenseSynapse("input", np.full((3, 4), 64)),)),))
    events = random_events(network, 1, 10, 0.5, seed=0)
    states: dict[str, str] = {}
    for backend in BACKENDS:
        try:
            run(network, events, backend, time_limit_s=60)  # type: ignore[arg-type]
            states[backend] = "works"
        except LapilliError as error:
            states[backend] = str(error)
    return states


def kernels_kept() -> str:
    """Where compiled kernels are kept from one process to the next."""
    folder = kept_in()
    return (
        f"kept in {folder}" if folder else "compiled in every process; NUMBA_CACHE_DIR names a folder to keep them in"
    )


def training_state() -> str:
    """Whether networks can be trained here."""
    needed = ("torch", "lava", "lightning", "safetensors", "sklearn")
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if not missing:
        return "works"
    return f"needs {', '.join(missing)}: {how_to_install('train')}"


def training_dynamics() -> str:
    """Which dynamics networks are trained with."""
    try:
        from lapilli.training.blocks import selected_dynamics
    except ImportError:
        return "none: see training"
    try:
        meaning = {"fused": "SLAYER blocks on lapilli's kernels", "slayer": "SLAYER's own code"}
        return f"{selected_dynamics()}: {meaning[selected_dynamics()]} (LAPILLI_DYNAMICS)"
    except LapilliError as error:
        return str(error)


def training_on_a_gpu() -> str:
    """What a GPU would train with, and whether there is one."""
    try:
        from lapilli.training.blocks import selected_dynamics
        from lapilli.training.fused.gpu.machine import gpu_dynamics
    except ImportError:
        return "none: see training"
    try:
        return gpu_dynamics(selected_dynamics())
    except LapilliError as error:
        return str(error)
