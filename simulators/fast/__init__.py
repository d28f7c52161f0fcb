"""The `fast` backend: event-driven, compiled, samples over threads."""

from lapilli.simulators.fast.backend import run_fast
from lapilli.simulators.fast.refusals import fast_refusals

__all__ = ["fast_refusals", "run_fast"]


def __dir__() -> list[str]:
    return sorted(__all__)
