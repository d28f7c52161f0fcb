"""The `fast` backend: event-driven, compiled, samples over threads."""

from lapilli.simulators.fast.backend import run_fast

__all__ = ["run_fast"]
