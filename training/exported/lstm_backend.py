"""A spiking LSTM module as a backend of `lapilli.run`: what was trained, in the steps of what runs elsewhere."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

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
from lapilli.training.networks.lstm.export import cell_name
from lapilli.training.networks.lstm.integers import MEMBRANE_BITS
from lapilli.training.networks.lstm.network import SpikingLstmNetwork
from lapilli.training.networks.time import slayer_input

Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True)
class LstmBackend:
    """Runs a spiking LSTM module in place of the network exported from it.

    What copies send stands where the exported ones send it. The module computes the elements of a sample alone, so that
    what copies send behind these is not there and not counted. Voltages are the readout's.

    Arguments:
        module: run in evaluation mode, and left in the mode in which it was.

    Raises (when called):
        UnsupportedError: for a periodic reset, and states of other layers than the readout.
    """

    module: SpikingLstmNetwork

    def __call__(self, network: Network, events: Events, plan: RunPlan) -> RunResult:
        """Run every sample of `events` for `plan.n_steps` steps, each from empty state."""
        if refusals := list(_refusals(network, plan)):
            raise UnsupportedError("lstm backend", refusals)
        started = time.perf_counter()
        batches = [{layer.name: np.zeros((0, layer.size, plan.n_steps), np.int32) for layer in network.layers}]
        for first in range(0, len(events), MODULE_BATCH):
            batch = events.select(slice(first, first + MODULE_BATCH))
            batches.append(layer_values(self.module, batch, network, plan.n_steps))
            plan.progress(len(batch))
        found = {layer.name: np.concatenate([batch[layer.name] for batch in batches]) for layer in network.layers}
        voltage = found.pop(network.output.name)
        dense = found | {network.output.name: np.zeros_like(voltage)}
        spikes = {name: Events.from_dense(values) for name, values in dense.items()}
        spikes = {"input": events.with_steps(plan.n_steps)} | spikes
        spikes = {name: replace(sent, labels=events.labels) for name, sent in spikes.items()}
        recordings = {
            layer: Recording(
                spikes[layer] if "spikes" in kinds else None, voltage=voltage if "voltage" in kinds else None
            )
            for layer, kinds in plan.record.items()
        }
        named = {name: np.zeros((len(events), len(network.layers)), np.int64) for name in network.counters}
        counts = counts_from_spikes(network, spikes, plan.n_steps, named)
        return RunResult("lstm", spikes[network.output.name], counts, recordings, time.perf_counter() - started)


def layer_values(module: SpikingLstmNetwork, events: Events, network: Network, n_steps: int) -> dict[str, Int32]:
    """What each copy sends, by its name, and the readout's voltages, (samples, neurons, steps of the network).

    Arguments:
        module: run in evaluation mode, and left in the mode in which it was.
        events: as many samples as are run at once.
        network: exported from it.
        n_steps: of the exported network's run.
    """
    was_training = module.training
    module.eval()
    try:
        traces, scores = module.traces(slayer_input(events, module.sizes.n_steps + 1))
    finally:
        module.train(was_training)
    phases = {layer.name: layer.clock.phase for layer in network.layers}
    found: dict[str, Int32] = {}
    for number, trace in zip(count(), traces):
        for copy in range(module.config.copies):
            name = f"{cell_name(number)}.{copy}"
            found[name] = _late(trace.h[:, copy], phases[name], n_steps)
    answered = scores[-1:] if module.config.read == "last" else scores
    output = network.output.name
    voltages = _late(answered * (1 << MEMBRANE_BITS), phases[output], n_steps)
    return found | {output: voltages}


def element_windows(module: SpikingLstmNetwork) -> dict[str, slice]:
    """By the name of a copy: the exported network's steps in which it acts on the elements of a sample."""
    phases = {layer.name: layer.clock.phase for layer in module.export().layers[:-1]}
    return {name: slice(phase, phase + module.sizes.n_steps) for name, phase in phases.items()}


def _late(values: torch.Tensor, first: int, n_steps: int) -> Int32:
    """(samples, neurons, steps) of (elements, samples, neurons), the first of which is of step `first`."""
    by_sample = values.permute(1, 2, 0).numpy()
    late = np.zeros((*by_sample.shape[:2], n_steps), np.int32)
    last = min(n_steps, first + by_sample.shape[2])
    if last > first:
        late[..., first:last] = by_sample[..., : last - first]
    return late


def _refusals(network: Network, plan: RunPlan) -> Iterator[str]:
    if plan.reset is not None:
        yield "reset: a module has no periodic reset"
    for layer, kinds in plan.record.items():
        if states := set(kinds) - {"spikes"} - ({"voltage"} if layer == network.output.name else set()):
            yield f"layer {layer!r}: a module gives no {', '.join(sorted(states))}"
