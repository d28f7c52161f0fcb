"""The meaning of a network, in plain numpy: what every other backend must equal bit for bit.

One step t of a network, for every layer in order:

1. What arrives at each port of the neurons is the sum of what the synapses of that port deliver in step t: what left
   their sources in step t - 1 - delay (`DirectSynapse`: the input's values of step t itself).
2. The neurons integrate it and spike (`neurons/`), where the layer's clock lets them act; otherwise what arrives
   is lost.
3. Each synapse (`synapses/`) adds up the weights that the spikes of step t meet, scales the sum, and holds it for its
   delay. A graded spike counts as many times as its value says.

Sources: the arithmetic of the synapses and neurons of lava-nc 0.10.0, tag `fixed_pt`,
compared with them on random networks in `tests/test_lava_oracle.py`.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import UnsupportedError
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.synapses.synapse import INPUT
from lapilli.simulators.counting import counts_from_spikes
from lapilli.simulators.events import Events
from lapilli.simulators.plan import RunPlan
from lapilli.simulators.reference.neurons.kinds import POPULATIONS
from lapilli.simulators.reference.recorder import Recorder
from lapilli.simulators.reference.synapses.kinds import PATHWAYS
from lapilli.simulators.refusals import unknown_kinds
from lapilli.simulators.results import RunResult

Int64 = npt.NDArray[np.int64]

_SAMPLES_AT_ONCE = 32


def run_reference(network: Network, events: Events, plan: RunPlan) -> RunResult:
    """Run every sample of `events` from empty state for `plan.n_steps` steps.

    Raises:
        UnsupportedError: for kinds that this backend does not know.
    """
    if refusals := unknown_kinds(network, POPULATIONS, PATHWAYS):
        raise UnsupportedError("backend reference", refusals)
    started = time.perf_counter()
    recorder = Recorder(network, plan.n_steps, plan.record)
    counted = [{name: np.zeros((0, len(network.layers)), np.int64) for name in network.counters}]
    for first in range(0, len(events), _SAMPLES_AT_ONCE):
        batch = events.select(slice(first, first + _SAMPLES_AT_ONCE)).with_steps(plan.n_steps)
        working = [_WorkingLayer(network, layer, len(batch)) for layer in network.layers]
        _run_batch(network, batch, plan, working, recorder)
        counted.append({name: np.stack([one.counted(name) for one in working], axis=1) for name in network.counters})
        plan.progress(len(batch))
    spikes = recorder.all_spikes(events)
    named = {name: np.concatenate([of_batch[name] for of_batch in counted]) for name in network.counters}
    counts = counts_from_spikes(network, spikes, plan.n_steps, named)
    recordings = recorder.recordings(events)
    seconds = time.perf_counter() - started
    return RunResult("reference", spikes[network.output.name], counts, recordings, seconds)


class _WorkingLayer:
    """A layer's neurons and synapses at work."""

    def __init__(self, network: Network, layer: Layer, n_samples: int) -> None:
        self.layer = layer
        self.population = POPULATIONS[layer.neuron.model](layer.neuron, layer.shape, n_samples)
        self.pathways = [
            PATHWAYS[synapse.kind](synapse, network.shapes[synapse.source], layer.fed_shape(synapse), n_samples)
            for synapse in layer.synapses
        ]
        self._n_samples = n_samples

    def step(self, step: int, sent: Mapping[str, Int64]) -> Int64:
        """One step of the neurons; what they send, (samples, neurons): 0 and 1, or values of graded spikes."""
        neuron, (n_samples, size) = self.layer.neuron, self.population.shape
        arriving = {port: np.zeros((n_samples, neuron.sums_of(port) * size), np.int32) for port in neuron.ports}
        for synapse, pathway in zip(self.layer.synapses, self.pathways):
            if not synapse.steps:
                pathway.accept(step, sent[synapse.source])
            arriving[self.layer.port_of(synapse)] += pathway.deliver(step)
        if not self.layer.clock.acts(step):
            return np.zeros(self.population.shape, np.int64)
        return self.population.step(*arriving.values()).astype(np.int64)

    def accept(self, step: int, sent: Mapping[str, Int64], working: Mapping[str, "_WorkingLayer"]) -> None:
        """Put what was sent in this step, or is handed over at its end, on its way."""
        for synapse, pathway in zip(self.layer.synapses, self.pathways):
            if not synapse.reads_events:
                source = working[synapse.source]
                if source.layer.clock.acts(step):
                    pathway.accept(step, source.handed(synapse))
            elif synapse.steps:
                pathway.accept(step, sent[synapse.source])

    def handed(self, synapse: Any) -> Int64:
        """The states that it hands over to a synapse, (samples, states x neurons)."""
        states = (self.population.states[name] for name in self.layer.neuron.handed[synapse.carried])
        return np.concatenate([state.astype(np.int64) for state in states], axis=1)

    def counted(self, name: str) -> Int64:
        """What its kinds counted under this name, (samples,)."""
        none = np.zeros(self._n_samples, np.int64)
        counted = [self.population.counted, *(pathway.counted for pathway in self.pathways)]
        return np.sum([of_part.get(name, none) for of_part in counted], axis=0)


def _run_batch(
    network: Network, batch: Events, plan: RunPlan, working: list[_WorkingLayer], recorder: Recorder
) -> None:
    recorder.start(len(batch))
    by_name = {one.layer.name: one for one in working}
    for step, values in enumerate(_frames(network, batch)):
        sent: dict[str, Int64] = {INPUT: values}
        for number, one in enumerate(working):
            if (
                plan.reset
                and (step + 1) % plan.reset.interval == (plan.reset.offset + 1 + number) % plan.reset.interval
            ):
                one.population.reset()
            sent[one.layer.name] = one.step(step, sent)
            recorder.add(one.layer.name, step, sent[one.layer.name], one.population.states)
        for one in working:
            one.accept(step, sent, by_name)


def _frames(network: Network, batch: Events) -> Iterator[Int64]:
    """The input of each step, (samples, neurons): 0 and 1, or the payload where the network's input is graded."""
    dense = batch.to_dense().reshape(len(batch), -1, batch.n_steps).astype(np.int64)
    for step in range(batch.n_steps):
        yield dense[..., step] if network.graded_input else (dense[..., step] != 0).astype(np.int64)
