"""A module that computes only what its exported network does for a sample, as a backend of `lapilli.run`."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import UnsupportedError
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.simulators.counting import counts_from_spikes
from lapilli.simulators.events import Events
from lapilli.simulators.plan import RunPlan
from lapilli.simulators.results import Recording, RunResult
from lapilli.training.exported.module_results import MODULE_BATCH

Int32 = npt.NDArray[np.int32]

LayerValues = Callable[[Any, Events, Network, int], dict[str, Int32]]
"""Of a module, a batch of samples, the exported network and its steps: what layers send, by name, and the voltages of
the readout, (samples, neurons, steps). Layers that the module does not have are missing."""


@dataclass(frozen=True)
class PartialBackend:
    """Runs a module in place of the network exported from it.

    What layers send stands where the exported ones send it. The module computes the steps of a sample alone, so that
    what exported layers send before and behind these is not there and not counted. Voltages are the readout's.

    Arguments:
        name: of the backend.
        values: what the module computes.
        module: run in evaluation mode, and left in the mode in which it was.

    Raises (when called):
        UnsupportedError: for a periodic reset, and states of other layers than the readout.
    """

    name: str
    values: LayerValues
    module: Any

    def __call__(self, network: Network, events: Events, plan: RunPlan) -> RunResult:
        """Run every sample of `events` for `plan.n_steps` steps, each from empty state."""
        if refusals := list(_refusals(network, plan)):
            raise UnsupportedError(f"{self.name} backend", refusals)
        started = time.perf_counter()
        dense = {layer.name: np.zeros((len(events), layer.size, plan.n_steps), np.int32) for layer in network.layers}
        for first in range(0, len(events), MODULE_BATCH):
            batch = events.select(slice(first, first + MODULE_BATCH))
            for layer, values in self.values(self.module, batch, network, plan.n_steps).items():
                dense[layer][first : first + len(batch)] = values
            plan.progress(len(batch))
        output = network.output.name
        voltage = dense[output]
        dense[output] = np.zeros_like(voltage)
        spikes = {INPUT: events.with_steps(plan.n_steps)}
        spikes |= {name: replace(Events.from_dense(sent), labels=events.labels) for name, sent in dense.items()}
        recordings = {
            layer: Recording(
                spikes[layer] if "spikes" in kinds else None, voltage=voltage if "voltage" in kinds else None
            )
            for layer, kinds in plan.record.items()
        }
        named = {name: np.zeros((len(events), len(network.layers)), np.int64) for name in network.counters}
        counts = counts_from_spikes(network, spikes, plan.n_steps, named)
        return RunResult(self.name, spikes[output], counts, recordings, time.perf_counter() - started)


def late(values: npt.NDArray[Any], first: int, n_steps: int) -> Int32:
    """Values of a sample's steps, (samples, neurons, steps), among `n_steps` of which theirs begin at `first`."""
    found = np.zeros((*values.shape[:2], n_steps), np.int32)
    last = min(n_steps, first + values.shape[2])
    if last > first:
        found[..., first:last] = values[..., : last - first]
    return found


def _refusals(network: Network, plan: RunPlan) -> Iterator[str]:
    if plan.reset is not None:
        yield "reset: a module has no periodic reset"
    for layer, kinds in plan.record.items():
        if states := set(kinds) - {"spikes"} - ({"voltage"} if layer == network.output.name else set()):
            yield f"layer {layer!r}: a module gives no {', '.join(sorted(states))}"
