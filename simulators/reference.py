"""The meaning of a network, in plain numpy: what every other backend must equal bit for bit.

One step t of a network, for every layer in order:

1. The layer's input is the sum of what its synapses deliver in step t: what left their sources in step t - 1 - delay
   (`DirectSynapse`: the input's values of step t itself).
2. Current and voltage integrate it, with the rounding, wrapping and saturation of Lava's fixed-point `LIF`.
3. Neurons whose voltage exceeds the threshold spike, and their voltage becomes 0.
4. Each synapse adds up the weights that the spikes of step t meet, scales the sum, and holds it for its delay.

Sources: the arithmetic of `lava.proc.lif`, `lava.proc.dense` and `lava.proc.conv` 0.10.0, tag `fixed_pt`, compared with
them on random networks in `tests/test_lava_oracle.py`.
"""

import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from netx_exports.network import Layer, Network
from netx_exports.neurons import DECAY_UNITY, STATE_LIMIT
from netx_exports.synapses import (
    INPUT,
    MAX_DELAY,
    ConvSynapse,
    DenseSynapse,
    DirectSynapse,
    Synapse,
    shift_sum,
)
from simulators.counting import counts_from_spikes
from simulators.events import Events
from simulators.plan import RunPlan
from simulators.recorder import Recorder
from simulators.results import RunResult

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
    populations = [_Population(layer, len(batch)) for layer in network.layers]
    pathways = {
        layer.name: [_Pathway(synapse, network, layer, len(batch)) for synapse in layer.synapses]
        for layer in network.layers
    }
    recorder.start(len(batch))
    for step, values in enumerate(_frames(network, batch)):
        sent: dict[str, Int64] = {INPUT: values}
        for number, (layer, population) in enumerate(zip(network.layers, populations)):
            arriving = np.zeros((len(batch), layer.size), np.int32)
            for pathway in pathways[layer.name]:
                arriving += pathway.deliver(step, values)
            if (
                plan.reset
                and (step + 1) % plan.reset.interval == (plan.reset.offset + 1 + number) % plan.reset.interval
            ):
                population.reset()
            sent[layer.name] = population.step(arriving).astype(np.int64)
            recorder.add(layer.name, step, sent[layer.name], population.current, population.voltage)
        for layer in network.layers:
            for pathway in pathways[layer.name]:
                pathway.accept(step, sent[pathway.synapse.source])


def _frames(network: Network, batch: Events) -> Iterator[Int64]:
    """The input of each step, (samples, neurons): 0 and 1, or the payload where the network's input is graded."""
    dense = batch.to_dense().reshape(len(batch), -1, batch.n_steps).astype(np.int64)
    for step in range(batch.n_steps):
        yield dense[..., step] if network.graded_input else (dense[..., step] != 0).astype(np.int64)


class _Population:
    """Current and voltage of one layer's neurons in each sample, (samples, neurons)."""

    def __init__(self, layer: Layer, n_samples: int) -> None:
        neuron = layer.neuron
        self.keep_current = DECAY_UNITY - neuron.per_neuron("current_decay", layer.shape).astype(np.int64)
        self.keep_voltage = DECAY_UNITY - neuron.per_neuron("voltage_decay", layer.shape).astype(np.int64)
        self.threshold = neuron.per_neuron("vth_mant", layer.shape) << 6
        self.bias = neuron.bias(layer.shape)
        self.current = np.zeros((n_samples, layer.size), np.int32)
        self.voltage = np.zeros((n_samples, layer.size), np.int32)

    def reset(self) -> None:
        self.current[:] = 0
        self.voltage[:] = 0

    def step(self, arriving: Int32) -> npt.NDArray[np.bool_]:
        """Integrate what arrives, in int32 (wrapping) as Lava does, and return which neurons spike."""
        total = _decayed(self.current, self.keep_current) + (arriving << 6)
        # One wrap only: a current beyond three times the limit stays outside of 24 bits.
        too_high, too_low = total > STATE_LIMIT, total <= -STATE_LIMIT
        self.current = np.where(too_high, total - 2 * STATE_LIMIT, np.where(too_low, total + 2 * STATE_LIMIT, total))
        total = _decayed(self.voltage, self.keep_voltage) + self.current + self.bias
        self.voltage = np.clip(total, -STATE_LIMIT + 1, STATE_LIMIT - 1)
        spiking = self.voltage > self.threshold
        self.voltage[spiking] = 0
        return spiking


def _decayed(state: Int32, keep: Int64) -> Int32:
    """`state * keep / 4096`, rounded towards zero."""
    product = state.astype(np.int64) * keep
    return (np.sign(product) * (np.abs(product) >> 12)).astype(np.int32)


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
