"""The meaning of a network, in plain numpy: what every other backend must equal bit for bit.

One step t of a network, for every layer in order:

1. The layer's input is the sum of what its synapses deliver in step t: what left their sources in step t - 1 - delay
   (`DirectSynapse`: the input's values of step t itself).
2. The neurons integrate it and spike (`lapilli.simulators.reference.neurons.population`).
3. Each synapse adds up the weights that the spikes of step t meet, scales the sum, and holds it for its delay. A graded
   spike counts as many times as its value says.

Sources: the arithmetic of `lava.proc.dense`, `lava.proc.conv` and the neurons of lava-nc 0.10.0, tag `fixed_pt`,
compared with them on random networks in `tests/test_lava_oracle.py`.
"""

import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.kinds import STATE_LIMIT
from lapilli.netx_exports.synapses.kinds import (
    INPUT,
    MAX_DELAY,
    ConvSynapse,
    DenseSynapse,
    DirectSynapse,
    Synapse,
    part_of,
    shift_sum,
)
from lapilli.simulators.counting import counts_from_spikes
from lapilli.simulators.events import Events
from lapilli.simulators.plan import RunPlan
from lapilli.simulators.reference.neurons.population import Population, populate
from lapilli.simulators.reference.recorder import Recorder
from lapilli.simulators.results import RunResult

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]

_SAMPLES_AT_ONCE = 32
_SLOTS = MAX_DELAY + 2


def run_reference(network: Network, events: Events, plan: RunPlan) -> RunResult:
    """Run every sample of `events` from empty state for `plan.n_steps` steps."""
    started = time.perf_counter()
    recorder = Recorder(network, plan.n_steps, plan.record)
    for first in range(0, len(events), _SAMPLES_AT_ONCE):
        batch = events.select(slice(first, first + _SAMPLES_AT_ONCE)).with_steps(plan.n_steps)
        _run_batch(network, batch, plan, recorder)
        plan.progress(len(batch))
    spikes = recorder.all_spikes(events)
    counts = counts_from_spikes(network, spikes, plan.n_steps)
    recordings = recorder.recordings(events)
    seconds = time.perf_counter() - started
    return RunResult("reference", spikes[network.output.name], counts, recordings, seconds)


def _run_batch(network: Network, batch: Events, plan: RunPlan, recorder: Recorder) -> None:
    populations = [populate(layer.neuron, layer.shape, len(batch)) for layer in network.layers]
    pathways = {
        layer.name: [_Pathway(synapse, network, layer, len(batch)) for synapse in layer.synapses]
        for layer in network.layers
    }
    recorder.start(len(batch))
    for step, values in enumerate(_frames(network, batch)):
        sent: dict[str, Int64] = {INPUT: values}
        for number, (layer, population) in enumerate(zip(network.layers, populations)):
            if (
                plan.reset
                and (step + 1) % plan.reset.interval == (plan.reset.offset + 1 + number) % plan.reset.interval
            ):
                population.reset()
            sent[layer.name] = _step(population, pathways[layer.name], step, values)
            recorder.add(layer.name, step, sent[layer.name], population.states)
        for layer in network.layers:
            for pathway in pathways[layer.name]:
                pathway.accept(step, sent[pathway.synapse.source])


def _frames(network: Network, batch: Events) -> Iterator[Int64]:
    """The input of each step, (samples, neurons): 0 and 1, or the payload where the network's input is graded."""
    dense = batch.to_dense().reshape(len(batch), -1, batch.n_steps).astype(np.int64)
    for step in range(batch.n_steps):
        yield dense[..., step] if network.graded_input else (dense[..., step] != 0).astype(np.int64)


def _step(population: Population, pathways: "list[_Pathway]", step: int, values: Int64) -> Int64:
    """One step of a layer's neurons; what they send, (samples, neurons): 0 and 1, or values of graded spikes."""
    arriving = {part: np.zeros(population.shape, np.int32) for part in population.neuron.parts}
    for pathway in pathways:
        arriving[part_of(pathway.synapse)] += pathway.deliver(step, values)
    return population.step(*arriving.values()).astype(np.int64)


class _Pathway:
    """A synapse at work: sums on their way to the layer, (samples, slots, neurons), a slot for each step to come."""

    def __init__(self, synapse: Synapse, network: Network, layer: Layer, n_samples: int) -> None:
        self.synapse = synapse
        self.source_shape = network.shapes[synapse.source]
        self.shape = layer.shape
        self.on_the_way = np.zeros((n_samples, _SLOTS, layer.size), np.int32)

    def deliver(self, step: int, values: Int64) -> Int32:
        """What reaches the neurons in this step."""
        if isinstance(self.synapse, DirectSynapse):
            return values.astype(np.int32)
        slot = step % _SLOTS
        arriving = self.on_the_way[:, slot].copy()
        self.on_the_way[:, slot] = 0
        return arriving

    def accept(self, step: int, sent: Int64) -> None:
        """Put the sums that the spikes of this step cause on their way."""
        for delay, total in self._sums(sent):
            self.on_the_way[:, (step + 1 + delay) % _SLOTS] += total.astype(np.int32)

    def _sums(self, sent: Int64) -> Iterator[tuple[int, Int64]]:
        synapse = self.synapse
        if isinstance(synapse, DenseSynapse):
            # Connections of different delay are summed and rounded apart, as in Lava's DelayDense.
            delays = np.zeros((1, 1), int) if synapse.delays is None else np.asarray(synapse.delays)
            weights = synapse.effective_weights.astype(np.int64)
            for delay in np.unique(delays):
                total = sent @ np.where(delays == delay, weights, 0).T
                yield int(delay), shift_sum(_wrap32(total), synapse.weight_exp).astype(np.int64)
        elif isinstance(synapse, ConvSynapse):
            total = _wrap24(convolve(synapse, sent.reshape(-1, *self.source_shape), self.shape))
            delays = np.zeros(1, int) if synapse.delays is None else np.asarray(synapse.delays)
            for delay in np.unique(delays):
                of_delay = total * (delays == delay).reshape(1, -1, 1, 1)
                yield int(delay), of_delay.reshape(len(sent), -1)
        elif not isinstance(synapse, DirectSynapse):
            total = _wrap32(sent * synapse.weight)
            yield synapse.delay, shift_sum(total, synapse.weight_exp).astype(np.int64)


def convolve(synapse: ConvSynapse, maps: Int64, shape: tuple[int, ...]) -> Int64:
    """Cross-correlation of `maps` (samples, C, H, W) with the synapse's weights, to (samples, *shape)."""
    (pad_y, pad_x), (step_y, step_x), (gap_y, gap_x) = synapse.padding, synapse.stride, synapse.dilation
    padded = np.pad(maps, ((0, 0), (0, 0), (pad_y, pad_y), (pad_x, pad_x)))
    grouped = padded.reshape(len(maps), synapse.groups, -1, *padded.shape[2:])
    weights = synapse.effective_weights.astype(np.int64)
    kernels = weights.reshape(synapse.groups, -1, *weights.shape[1:])
    height, width = shape[1:]
    total = np.zeros((len(maps), synapse.groups, kernels.shape[1], height, width), np.int64)
    for y, x in np.ndindex(weights.shape[2:]):
        rows = slice(y * gap_y, y * gap_y + step_y * (height - 1) + 1, step_y)
        columns = slice(x * gap_x, x * gap_x + step_x * (width - 1) + 1, step_x)
        total += np.einsum("ngiyx,goi->ngoyx", grouped[..., rows, columns], kernels[..., y, x])
    return total.reshape(len(maps), *shape)


def _wrap32(total: Int64) -> Int64:
    """Lava's Dense adds up in int32."""
    return total.astype(np.int32).astype(np.int64)


def _wrap24(total: Int64) -> Int64:
    """Lava's Conv sends 24 bits of its sum."""
    return (total + STATE_LIMIT) % (2 * STATE_LIMIT) - STATE_LIMIT
