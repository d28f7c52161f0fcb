"""Modules that are imported when they are first used."""

import importlib.util
import sys


def put_off(name: str) -> None:
    """Let an import of a module within a package cost nothing until something of the module is asked for.

    What is imported already stays as it is, and so does what is not installed.
    """
    if name in sys.modules or (spec := importlib.util.find_spec(name)) is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    # `from package import module` asks the package first; the search for modules would be a use.
    package, _, own = name.rpartition(".")
    setattr(sys.modules[package], own, module)
