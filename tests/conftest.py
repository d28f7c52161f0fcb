"""Profiles of hypothesis: the same examples in CI, new ones at a desk. Lava is imported first; long files run first."""

import importlib
import os
from pathlib import Path
from typing import Any

import pytest
from both_environments import BOTH_ENVIRONMENTS
from hypothesis import HealthCheck, settings
from long_files import LONG_FILES
from reached import packages_needed

from lapilli.simulators.lava.client import installed

settings.register_profile("ci", deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
settings.register_profile("developer", deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("ci" if os.environ.get("CI") else "developer")

HAS_LAVA = installed("lava.magma")

if HAS_LAVA:
    # Lava chooses multiprocessing's start method when it is imported, and fails if anything chose before: joblib does.
    importlib.import_module("lava.magma.runtime.message_infrastructure.multiprocessing")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--both-environments`: those files alone that must pass on the pinned environment too."""
    words = "only the files in tests/both_environments.py"
    parser.addoption("--both-environments", action="store_true", help=words)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `--both-environments`, all other files."""
    chosen = config.getoption("--both-environments")
    wanted = collection_path.name in BOTH_ENVIRONMENTS or collection_path.is_dir()
    return True if chosen and not wanted else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose imports need Lava are marked `lava`; where it is not installed, what is marked so is skipped."""
    needing = {path for path in {item.path for item in items} if "lava" in packages_needed(Path(path))}
    for item in items:
        if item.path in needing:
            item.add_marker("lava")
        if not HAS_LAVA and item.get_closest_marker("lava"):
            item.add_marker(pytest.mark.skip(reason="Lava is not installed"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile`: long files first, so that no process waits for another at the end."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class LongFilesFirst(LoadFileScheduling):
        """xdist's order is that of the numbers of tests; it stays for the rest of the files."""

        def _assign_work_unit(self, node: Any) -> None:
            for name in reversed(LONG_FILES):
                if (file := f"tests/{name}") in self.workqueue:
                    self.workqueue.move_to_end(file, last=False)
            super()._assign_work_unit(node)

    return LongFilesFirst(config, log)
