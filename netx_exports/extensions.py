"""Kinds from outside of lapilli: a package with a neuron or synapse kind of its own, in every process that needs it.

A package adds its kinds to the tables when it is imported. For a neuron kind they are
`lapilli.netx_exports.neurons.kinds.NEURONS` and `lapilli.simulators.reference.neurons.kinds.POPULATIONS`; for a synapse
kind `lapilli.netx_exports.synapses.kinds.SYNAPSES` and `lapilli.simulators.reference.synapses.kinds.PATHWAYS`. What
needs Lava stands in its module `lava_models`, which is imported in Lava's worker only; the tables there are
`lapilli.lava_models.neurons.kinds.LAVA_NEURONS` and `lapilli.lava_models.synapses.kinds.LAVA_SYNAPSES`. A backend whose
table lacks a kind refuses it by name.
"""

from importlib import import_module
from importlib.util import find_spec

from lapilli.netx_exports.errors import LapilliError

_packages: list[str] = []


def extend(package: str, lava: bool = False) -> None:
    """Import a package that adds kinds, here and from now on in each process that lapilli starts.

    Arguments:
        package: its name; Lava's worker looks for it in the same places.
        lava: whether to import its Lava Processes too: in a process that has Lava.

    Raises:
        LapilliError: when there is no such package.
    """
    if find_spec(package) is None:
        raise LapilliError(f"extension: no package {package!r} on the module search path")
    import_module(package)
    if package not in _packages:
        _packages.append(package)
    if lava and find_spec(f"{package}.lava_models") is not None:
        import_module(f"{package}.lava_models")


def extensions() -> tuple[str, ...]:
    """Packages that were added, in their order."""
    return tuple(_packages)
