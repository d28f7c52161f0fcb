"""SLAYER's weight normalisation, for which torch tells the user of a newer one that SLAYER does not have.

torch gives a `UserWarning` or, from 2.4 on, a `FutureWarning` for each block. Nothing else is silenced.
"""

import functools
import warnings
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from lapilli.remedies.loader import WrappedLoader


def remedied(spec: ModuleSpec) -> ModuleSpec:
    """The spec with a loader after which SLAYER's layers normalise their weights without that warning."""
    if spec.loader is not None:
        spec.loader = _QuietLoader(spec.loader)
    return spec


class _QuietLoader(WrappedLoader):
    """Replaces the one method from which torch's function is called."""

    def exec_module(self, module: ModuleType) -> None:
        """Execute it, and put the quiet method in the place of its own."""
        super().exec_module(module)
        layer = module.GenericLayer
        loud = layer.enable_weight_norm

        @functools.wraps(loud)
        def enable_weight_norm(self: Any) -> None:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", r".?torch\.nn\.utils\.weight_norm.? is deprecated")
                loud(self)

        layer.enable_weight_norm = enable_weight_norm
