"""Run a network spike by spike, count what happens, prove that every way of running it is the same."""

from lapilli.simulators.events import Events, EventsError, events_equal
from lapilli.simulators.prove import Difference, Proof, prove
from lapilli.simulators.results import COUNTERS, Counts, Recording, Reset, RunResult
from lapilli.simulators.run import BACKENDS, run

__all__ = [
    "BACKENDS",
    "COUNTERS",
    "Counts",
    "Difference",
    "Events",
    "EventsError",
    "Proof",
    "Recording",
    "Reset",
    "RunResult",
    "events_equal",
    "prove",
    "run",
]


def __dir__() -> list[str]:
    return sorted(__all__)
