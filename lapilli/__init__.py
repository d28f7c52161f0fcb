"""Train spiking networks, export them to Lava's NetX, prove that what runs is what was trained, and count the bill.

The names below are loaded when they are first used: `import lapilli` itself needs neither torch nor Lava.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lapilli import remedies

if TYPE_CHECKING:
    from lapilli.netx_exports import Network, from_slayer, load, save
    from lapilli.simulators import Events, prove, run
    from lapilli.simulators.decisions.of_events import decide
    from lapilli.training.exported.backends import prove_module

__all__ = ["Events", "Network", "__version__", "decide", "from_slayer", "load", "prove", "prove_module", "run", "save"]

__version__ = "0.2.0"

_HOMES = {
    "Events": "lapilli.simulators",
    "Network": "lapilli.netx_exports",
    "decide": "lapilli.simulators.decisions.of_events",
    "from_slayer": "lapilli.netx_exports",
    "load": "lapilli.netx_exports",
    "prove": "lapilli.simulators",
    "prove_module": "lapilli.training.exported.backends",
    "run": "lapilli.simulators",
    "save": "lapilli.netx_exports",
}


remedies.install()


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
