"""What to run and what to keep: the arguments of `lapilli.run` after checking, as every backend gets them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from lapilli.netx_exports.network import Network
from lapilli.simulators.events import Events
from lapilli.simulators.results import Reset, RunResult


def _ignore(n_samples: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class RunPlan:
    """Checked arguments of a run.

    Arguments:
        n_steps: steps to run for every sample; input after the last event is silence.
        record: for each layer to record, "spikes" and names of its neurons' states.
        reset: periodic reset, or None.
        threads: worker threads for backends that have them.
        time_limit_s: seconds after which a Lava run is killed; None: no limit.
        progress: called with the number of samples finished since the last call.
    """

    n_steps: int
    record: Mapping[str, frozenset[str]] = field(default_factory=dict)
    reset: Reset | None = None
    threads: int = 1
    time_limit_s: float | None = None
    progress: Callable[[int], None] = _ignore


class Backend(Protocol):
    """A way to run a network. Every sample starts from empty state; events fit the network's input."""

    def __call__(self, network: Network, events: Events, plan: RunPlan) -> RunResult:
        """Run every sample of `events` for `plan.n_steps` steps."""
        ...
