"""A loader around a module's own one."""

from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class WrappedLoader(Loader):
    """Does what the module's own loader does; subclasses change how the module is executed."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def __getattr__(self, name: str) -> Any:
        # Source, path and resources are those of the module's own loader.
        return getattr(self.loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As its own loader does."""
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """As its own loader does."""
        self.loader.exec_module(module)
