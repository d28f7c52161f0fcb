"""The page of the Python API: the public names of `lapilli`, as mkdocstrings reads them from the source."""

import inspect

import lapilli


def page() -> str:
    """Where each public name is defined; `__getattr__` hides that from those who only read the source."""
    names = sorted(name for name in lapilli.__all__ if not name.startswith("__"))
    listed = [f"::: {_home(name)}\n" for name in names]
    return (
        "# Python\n\nThese names stand in `lapilli` itself. `import lapilli` needs neither torch nor Lava. What a name "
        "needs is loaded when it is first used.\n\n" + "\n".join(listed)
    )


def _home(name: str) -> str:
    found = inspect.unwrap(getattr(lapilli, name))
    return f"{found.__module__}.{found.__qualname__}"
