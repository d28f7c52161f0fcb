"""The network in plain numpy, as one would write it for speed: all samples of a batch at once, products by BLAS.

The states are whole numbers in float64: `trunc(state * keep / 4096)` is exact there, below 2**53, and needs no shifts
by sign. Sums of weights are whole numbers in float32, exact below 2**24.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import UnsupportedError
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.kinds import DECAY_UNITY, STATE_LIMIT, CubaLif
from lapilli.netx_exports.synapses.kinds import DenseSynapse
from lapilli.simulators.events import Events

Floats = npt.NDArray[Any]


def forward_of(network: Network, events: Events, n_steps: int) -> Callable[[], dict[str, Floats]]:
    """The forward pass of a network of `recurrent_network` on these events.

    Raises:
        UnsupportedError: where a current could reach 24 bits and would have to wrap.
    """
    hidden, output = network.layers
    feed, recurrence = (_matrix(synapse) for synapse in hidden.synapses)
    readout = _matrix(output.synapses[0])
    _check_currents(hidden, np.concatenate([feed, recurrence]))
    _check_currents(output, readout)
    dense = events.with_steps(n_steps).to_dense()
    frames = np.ascontiguousarray(dense.transpose(2, 0, 1), np.float32)

    def forward() -> dict[str, Floats]:
        n_samples = frames.shape[1]
        arriving = (frames.reshape(-1, frames.shape[2]) @ feed).reshape(n_steps, n_samples, hidden.size)
        first, second = _Population(hidden, n_samples), _Population(output, n_samples)
        spikes = {layer.name: np.zeros((n_samples, layer.size, n_steps), bool) for layer in network.layers}
        fed_back, read = np.zeros(first.voltage.shape, np.float32), np.zeros(second.voltage.shape, np.float32)
        for step in range(n_steps):
            # Every synapse takes one step.
            fed = fed_back + arriving[step - 1] if step else fed_back
            spiking = first.step(fed)
            spikes[output.name][..., step] = second.step(read)
            spikes[hidden.name][..., step] = spiking
            sent = spiking.astype(np.float32)
            fed_back, read = sent @ recurrence, sent @ readout
        return spikes

    return forward


class _Population:
    """Current and voltage of a layer in each sample, (samples, neurons)."""

    def __init__(self, layer: Layer, n_samples: int) -> None:
        neuron = _neuron(layer)
        self.keep_current = (DECAY_UNITY - neuron.per_neuron("current_decay", layer.shape)) / DECAY_UNITY
        self.keep_voltage = (DECAY_UNITY - neuron.per_neuron("voltage_decay", layer.shape)) / DECAY_UNITY
        self.threshold = (neuron.per_neuron("vth_mant", layer.shape) << 6).astype(np.float64)
        self.current = np.zeros((n_samples, layer.size))
        self.voltage = np.zeros((n_samples, layer.size))

    def step(self, arriving: Floats) -> npt.NDArray[np.bool_]:
        """Integrate what arrives; returns which neurons spike."""
        np.multiply(self.current, self.keep_current, out=self.current)
        np.trunc(self.current, out=self.current)
        self.current += 64 * arriving
        np.multiply(self.voltage, self.keep_voltage, out=self.voltage)
        np.trunc(self.voltage, out=self.voltage)
        self.voltage += self.current
        np.clip(self.voltage, 1 - STATE_LIMIT, STATE_LIMIT - 1, out=self.voltage)
        spiking = self.voltage > self.threshold
        self.voltage[spiking] = 0
        return spiking


def _matrix(synapse: Any) -> Floats:
    """Weights as (source, target)."""
    if synapse.kind != DenseSynapse.kind or synapse.delays is not None:
        raise UnsupportedError("numpy peer", [f"{synapse.kind} synapses and delays: not written"])
    scaled = synapse.effective_weights.astype(np.float32).T * np.float32(2.0**synapse.weight_exp)
    return np.ascontiguousarray(scaled)


def _neuron(layer: Layer) -> CubaLif:
    if layer.neuron.model != CubaLif.model or layer.neuron.has_bias:
        raise UnsupportedError("numpy peer", [f"layer {layer.name!r}: must be CUBA LIF without bias"])
    return cast(CubaLif, layer.neuron)


def _check_currents(layer: Layer, weights: Floats) -> None:
    """A current stays below what arrives in a step at most, divided by the share that decays."""
    decay = _neuron(layer).per_neuron("current_decay", layer.shape) / DECAY_UNITY
    reach = 64 * np.abs(weights).sum(axis=0) / decay
    if reach.max() >= STATE_LIMIT:
        raise UnsupportedError("numpy peer", [f"layer {layer.name!r}: currents may wrap"])
