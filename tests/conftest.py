"""Profiles of hypothesis: the same examples on every CI run, new ones at a developer's desk. And Lava first of all."""

import importlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from reached import packages_needed

from lapilli.simulators.lava.client import installed

settings.register_profile("ci", deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
settings.register_profile("developer", deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("ci" if os.environ.get("CI") else "developer")

HAS_LAVA = installed("lava.magma")

if HAS_LAVA:
    # Lava chooses multiprocessing's start method when it is imported, and fails if anything chose before: joblib does.
    importlib.import_module("lava.magma.runtime.message_infrastructure.multiprocessing")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose imports need Lava are marked `lava`; where it is not installed, what is marked so is skipped."""
    needing = {path for path in {item.path for item in items} if "lava" in packages_needed(Path(path))}
    for item in items:
        if item.path in needing:
            item.add_marker("lava")
        if not HAS_LAVA and item.get_closest_marker("lava"):
            item.add_marker(pytest.mark.skip(reason="Lava is not installed"))
