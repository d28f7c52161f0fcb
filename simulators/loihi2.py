"""The `loihi2` backend: the chip itself, where Intel's extension of Lava is installed."""

import importlib.util

from netx_exports.errors import UnsupportedError
from netx_exports.network import Network
from simulators.events import Events
from simulators.plan import RunPlan
from simulators.results import RunResult

_NEEDED = {"lava": "lava-nc 0.10.0", "lava.magma.compiler.subcompilers.nc.ncproc_compiler": "Intel's Loihi extension"}


def missing_parts() -> tuple[str, ...]:
    """What is not installed here of what a run on the chip needs."""
    missing = []
    for module, name in _NEEDED.items():
        try:
            found = importlib.util.find_spec(module) is not None
        except ModuleNotFoundError:
            found = False
        if not found:
            missing.append(name)
    return tuple(missing)


def run_loihi2(network: Network, events: Events, plan: RunPlan) -> RunResult:
    """Refuse, naming what is missing: runs on the chip come with the simulator's own issue.

    Raises:
        UnsupportedError: always in this version.
    """
    missing = missing_parts()
    reason = f"needs {', '.join(missing)}" if missing else "is not driven by this version yet"
    raise UnsupportedError("backend loihi2", [f"{reason}; lava, fast and reference run here"])
