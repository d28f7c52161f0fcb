"""Dataclasses of Lava whose defaults are objects that can change: Python refuses such defaults since 3.11.

`CoreEncoder`, `ChipEncoder` and `AxonEncoder` of `lava.magma.compiler.var_model` have eight of them. While that module
is executed, each such default becomes a factory of copies: an object gets a default of its own, and no two share one.
"""

import copy
import dataclasses
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from lapilli.remedies.loader import WrappedLoader

_REFUSED_SINCE = (3, 11)


def remedied(spec: ModuleSpec) -> ModuleSpec:
    """The spec with a loader that lets such defaults in; the same where Python does."""
    if sys.version_info >= _REFUSED_SINCE and spec.loader is not None:
        spec.loader = _FactoryLoader(spec.loader)
    return spec


class _FactoryLoader(WrappedLoader):
    """Executes a module whose dataclasses may have defaults that can change."""

    def exec_module(self, module: ModuleType) -> None:
        """As its own loader does, with factories in place of the defaults."""
        with factories_for(module.__name__):
            super().exec_module(module)


@contextmanager
def factories_for(module: str) -> Iterator[None]:
    """In here, `dataclasses.dataclass` makes factories of defaults that can change, in classes of `module` alone."""
    made = dataclasses.dataclass

    def dataclass(cls: type | None = None, /, **options: Any) -> Any:
        if cls is None:
            return partial(dataclass, **options)
        if cls.__module__ == module:
            _replace_defaults(cls)
        decorate: Callable[..., Any] = made
        return decorate(cls, **options)

    dataclasses.dataclass = dataclass
    try:
        yield
    finally:
        dataclasses.dataclass = made


def _replace_defaults(cls: type) -> None:
    for name in inspect.get_annotations(cls):
        default = cls.__dict__.get(name)
        # Python's own rule: what cannot be hashed can change.
        if default is not None and not isinstance(default, dataclasses.Field) and type(default).__hash__ is None:
            setattr(cls, name, dataclasses.field(default_factory=partial(copy.deepcopy, default)))
