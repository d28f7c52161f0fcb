"""The page of the Python API: the public names of `lapilli`, as mkdocstrings reads them from the source."""

import inspect

import lapilli
from lapilli.simulators.results import Counts, Recording, RunResult

GIVEN_BACK = (RunResult, Counts, Recording)
"""What the public names give back."""


def page() -> str:
    """Where each public name is defined; `__getattr__` hides that from those who only read the source."""
    names = sorted(name for name in lapilli.__all__ if not name.startswith("__"))
    listed = [*(getattr(lapilli, name) for name in names), *GIVEN_BACK]
    return (
        "# Python\n\nThe first names stand in `lapilli` itself. `import lapilli` needs neither torch nor Lava. What a "
        "name needs is loaded when it is first used. The last ones are what `run` gives back.\n\n"
        + "\n".join(f"::: {_home(found)}\n" for found in listed)
    )


def _home(found: object) -> str:
    inner = inspect.unwrap(found)  # type: ignore[arg-type]
    return f"{inner.__module__}.{inner.__qualname__}"
