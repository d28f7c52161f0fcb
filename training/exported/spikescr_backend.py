"""A SpikeSCR module as a backend of `lapilli.run`: what was trained, in the steps of what runs elsewhere."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from lapilli.netx_exports.errors import UnsupportedError
from lapilli.netx_exports.network import Network
from lapilli.simulators.counting import counts_from_spikes
from lapilli.simulators.events import Events
from lapilli.simulators.plan import RunPlan
from lapilli.simulators.results import Recording, RunResult
from lapilli.training.exported.module_results import MODULE_BATCH
from lapilli.training.networks.spikescr.layers import HEAD_UNIT
from lapilli.training.networks.spikescr.network import SpikeScrNetwork
from lapilli.training.networks.time import slayer_input

_VOLTAGE_UNIT = 64 * HEAD_UNIT

Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True)
class SpikeScrBackend:
    """Runs a SpikeSCR module in place of the network exported from it.

    A layer's spikes stand where the exported layer sends them. The module computes the steps of a sample alone, so that
    what exported layers send before and behind these, and what lines and relays send, is not there and not counted.
    Voltages are the readout's.

    Arguments:
        module: run in evaluation mode, and left in the mode in which it was.

    Raises (when called):
        UnsupportedError: for a periodic reset, and states of other layers than the readout.
    """

    module: SpikeScrNetwork

    def __call__(self, network: Network, events: Events, plan: RunPlan) -> RunResult:
        """Run every sample of `events` for `plan.n_steps` steps, each from empty state."""
        if refusals := list(_refusals(network, plan)):
            raise UnsupportedError("spikescr backend", refusals)
        started = time.perf_counter()
        none = {layer.name: np.zeros((0, layer.size, plan.n_steps), np.int32) for layer in network.layers}
        batches = [none]
        for first in range(0, len(events), MODULE_BATCH):
            batch = events.select(slice(first, first + MODULE_BATCH))
            batches.append(none | layer_values(self.module, batch, plan.n_steps))
            plan.progress(len(batch))
        output = network.output.name
        voltage = np.concatenate([batch[output] for batch in batches])
        spikes = {"input": events.with_steps(plan.n_steps), output: Events.from_dense(np.zeros_like(voltage))}
        for layer in network.layers[:-1]:
            of_layer = [_resized(batch[layer.name], len(batch[output])) for batch in batches]
            spikes[layer.name] = Events.from_dense(np.concatenate(of_layer))
        spikes = {name: replace(found, labels=events.labels) for name, found in spikes.items()}
        recordings = {
            layer: Recording(
                spikes[layer] if "spikes" in kinds else None, voltage=voltage if "voltage" in kinds else None
            )
            for layer, kinds in plan.record.items()
        }
        named = {name: np.zeros((len(events), len(network.layers)), np.int64) for name in network.counters}
        counts = counts_from_spikes(network, spikes, plan.n_steps, named)
        return RunResult("spikescr", spikes[output], counts, recordings, time.perf_counter() - started)


def layer_values(module: SpikeScrNetwork, events: Events, n_steps: int) -> dict[str, Int32]:
    """What each layer sends, by its name, and the readout's voltages, (samples, neurons, steps of the network).

    Arguments:
        module: run in evaluation mode, and left in the mode in which it was.
        events: samples of as many steps as the module's; as many as are run at once.
        n_steps: of the exported network's run.
    """
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad():
            *sent, scores = module.answers(slayer_input(events, module.n_steps + 1))
    finally:
        module.train(was_training)
    found = [values.transpose(1, 2).numpy() for values in sent] + [_VOLTAGE_UNIT * scores.numpy()]
    lags = module.lags
    return {node.name: _late(values, lags[node.name], n_steps) for node, values in zip(module.nodes, found)}


def sample_windows(module: SpikeScrNetwork) -> dict[str, slice]:
    """By the name of a layer, the readout not among them: the exported network's steps that belong to the sample."""
    lags = module.lags
    return {node.name: slice(lags[node.name], lags[node.name] + module.n_steps) for node in module.nodes[:-1]}


def _late(values: npt.NDArray[np.float32], lag: int, n_steps: int) -> Int32:
    late = np.zeros((*values.shape[:2], n_steps), np.int32)
    last = min(n_steps, lag + values.shape[2])
    if last > lag:
        late[..., lag:last] = values[..., : last - lag]
    return late


def _resized(values: Int32, n_samples: int) -> Int32:
    """Nothing, for as many samples, of layers that the module does not have."""
    return values if len(values) == n_samples else np.zeros((n_samples, *values.shape[1:]), np.int32)


def _refusals(network: Network, plan: RunPlan) -> Iterator[str]:
    if plan.reset is not None:
        yield "reset: a module has no periodic reset"
    for layer, kinds in plan.record.items():
        if states := set(kinds) - {"spikes"} - ({"voltage"} if layer == network.output.name else set()):
            yield f"layer {layer!r}: a module gives no {', '.join(sorted(states))}"
