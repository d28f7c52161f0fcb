"""A module that computes only what its exported network does for a sample, as a backend of `lapilli.run`."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

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


class Placed(NamedTuple):
    """What a layer sends in some of the steps of a run; in all others, nothing.

    Arguments:
        values: (samples, neurons, steps).
        first: the first of the steps.
    """

    values: Int32
    first: int


LayerValues = Callable[[Any, Events, Network, int], Mapping[str, Int32 | Placed]]
"""Of a module, a batch of samples, the exported network and its steps: what layers send, by name, and the voltages of
the readout, (samples, neurons, steps). Layers that the module does not have are missing. Where the steps are few of
many, `Placed` spares the others."""


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
        output = network.output.name
        sent: dict[str, list[Events]] = {layer.name: [] for layer in network.layers}
        voltages = [np.zeros((0, network.output.size, plan.n_steps), np.int32)]
        for first in range(0, len(events), MODULE_BATCH):
            batch = events.select(slice(first, first + MODULE_BATCH))
            values = dict(self.values(self.module, batch, network, plan.n_steps))
            voltages.append(_everywhere(values.pop(output), plan.n_steps))
            for layer in network.layers:
                nothing = Placed(np.zeros((len(batch), layer.size, 0), np.int32), 0)
                sent[layer.name].append(_events(values.get(layer.name, nothing), plan.n_steps))
            plan.progress(len(batch))
        voltage = np.concatenate(voltages)
        spikes = {INPUT: events.with_steps(plan.n_steps)}
        for layer in network.layers:
            spikes[layer.name] = replace(_joined(sent[layer.name], layer.size, plan.n_steps), labels=events.labels)
        recordings = {
            layer: Recording(
                spikes[layer] if "spikes" in kinds else None, voltage=voltage if "voltage" in kinds else None
            )
            for layer, kinds in plan.record.items()
        }
        named = {name: np.zeros((len(events), len(network.layers)), np.int64) for name in network.counters}
        counts = counts_from_spikes(network, spikes, plan.n_steps, named)
        return RunResult(self.name, spikes[output], counts, recordings, time.perf_counter() - started)


def _events(values: Int32 | Placed, n_steps: int) -> Events:
    """What stands in the steps of a run; what is later than these is dropped."""
    placed = values if isinstance(values, Placed) else Placed(values, 0)
    kept = placed.values[..., : max(0, n_steps - placed.first)]
    found = Events.from_dense(kept)
    return replace(found, step=found.step + np.int32(placed.first), n_steps=n_steps)


def _everywhere(values: Int32 | Placed, n_steps: int) -> Int32:
    """(samples, neurons, steps of the run)."""
    return late(values.values, values.first, n_steps) if isinstance(values, Placed) else values


def _joined(parts: list[Events], size: int, n_steps: int) -> Events:
    """Samples behind each other."""
    if len(parts) == 1:
        return parts[0]
    graded = any(part.value is not None for part in parts)
    values = [np.ones(part.n_events, np.int32) if part.value is None else part.value for part in parts]
    counts = [np.diff(part.offsets) for part in parts]
    none = np.zeros(0, np.int32)
    return Events(
        np.concatenate([none, *(part.step for part in parts)]),
        np.concatenate([none, *(part.neuron for part in parts)]),
        np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate([np.zeros(0, np.int64), *counts]))]),
        n_steps,
        (size,),
        np.concatenate([none, *values]) if graded else None,
    )


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
