"""The finder of the modules of Lava that need a remedy."""

import importlib
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import MappingProxyType, ModuleType

REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "lava.magma.compiler.var_model": "lapilli.remedies.dataclass_defaults",
        "lava.lib.dl.slayer.object_detection": "lapilli.remedies.object_detection",
        "lava.lib.dl.slayer.synapse.layer": "lapilli.remedies.weight_norm",
        "lava.proc.conv.utils": "lapilli.remedies.conv_geometry",
    }
)
"""For each module, the one of ours whose function `remedied` takes its spec and gives the one to use."""


class LavaFinder:
    """Finds what Python would find, and hands it to the module's remedy.

    Its class stays out of `importlib.abc`, which takes longer to import than all of `import lapilli`.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module that has a remedy; None of any other, or where Lava is not installed."""
        if fullname not in REMEDIES:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None:
            return None
        # Each is imported when its module is, so that `import lapilli` stays fast.
        found: ModuleSpec = importlib.import_module(REMEDIES[fullname]).remedied(spec)
        return found
