"""Who is timed in the benchmark, by name."""

import importlib.util
from functools import partial
from importlib import import_module

from lapilli.training.bench.tasks import Step, Task, slayer_step

OURS, SLAYER = "lapilli", "SLAYER"
PEERS = {"snnTorch": ("snntorch", "peer_snntorch"), "SpikingJelly": ("spikingjelly", "peer_spikingjelly")}
NAMES = (OURS, SLAYER, *PEERS)


def installed() -> list[str]:
    """Those that can run here."""
    found = [name for name, (package, _) in PEERS.items() if importlib.util.find_spec(package) is not None]
    return [OURS, SLAYER, *found]


def step_of(name: str, task: Task) -> Step:
    """A step of training of a contestant."""
    dynamics = {OURS: partial(slayer_step, dynamics="fused"), SLAYER: partial(slayer_step, dynamics="slayer")}
    if name in dynamics:
        return dynamics[name](task)
    step: Step = import_module(f"lapilli.training.bench.{PEERS[name][1]}").step_of(task)
    return step
