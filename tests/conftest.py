"""Profiles of hypothesis: the same examples on every CI run, new ones at a developer's desk. And Lava first of all."""

import importlib
import os

from hypothesis import HealthCheck, settings

settings.register_profile("ci", deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
settings.register_profile("developer", deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("ci" if os.environ.get("CI") else "developer")

# Lava chooses multiprocessing's start method when it is imported, and fails if anything chose before: joblib does.
importlib.import_module("lava.magma.runtime.message_infrastructure.multiprocessing")
