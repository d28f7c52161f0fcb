"""SLAYER's object detection, which SLAYER imports with all else, and which needs OpenCV and torchvision.

Where one of these is not installed, an empty module stands in its place, so that SLAYER needs neither. Who wants object
detection installs both, and then has it.
"""

import importlib.util
import sys
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType

NEEDED = ("cv2", "torchvision")
"""Packages that it imports."""


def remedied(spec: ModuleSpec) -> ModuleSpec:
    """The spec itself where what it needs is installed, otherwise that of an empty module."""
    missing = [name for name in NEEDED if not _installed(name)]
    return ModuleSpec(spec.name, _EmptyLoader(missing), origin="lapilli") if missing else spec


def _installed(name: str) -> bool:
    if name in sys.modules:
        return sys.modules[name] is not None
    return importlib.util.find_spec(name) is not None


class _EmptyLoader(Loader):
    """Makes a module that has nothing and says why."""

    def __init__(self, missing: list[str]) -> None:
        self.missing = missing

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """A module as any other."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Leave it empty but for an explanation."""
        missing, verb = " and ".join(self.missing), "are" if len(self.missing) > 1 else "is"

        def explain(name: str) -> None:
            if name.startswith("__"):
                raise AttributeError(name)
            raise AttributeError(
                f"{module.__name__}.{name}: object detection needs {missing}, which {verb} not installed"
            )

        module.__dict__["__getattr__"] = explain
