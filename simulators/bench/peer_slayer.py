"""The network in SLAYER's blocks of CUBA neurons: the forward pass of a quantised training, without its gradients."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch

from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.kinds import DECAY_UNITY, CubaLif
from lapilli.netx_exports.slayer.lava_dl import cuba
from lapilli.simulators.events import Events

SCALE = 64
"""Of weights and thresholds: SLAYER's real numbers are multiples of 1/64."""


def forward_of(network: Network, events: Events, n_steps: int) -> Callable[[], dict[str, Any]]:
    """The forward pass of a network of `recurrent_network` on these events."""
    hidden, output = network.layers
    first = cuba.Recurrent(_parameters(hidden), network.n_inputs, hidden.size)
    second = cuba.Dense(_parameters(output), hidden.size, output.size)
    synapses = (first.input_synapse, first.recurrent_synapse, second.synapse)
    for synapse, ours in zip(synapses, [*hidden.synapses, *output.synapses]):
        weights = torch.tensor(ours.effective_weights / SCALE, dtype=torch.float32)
        synapse.weight.data = weights.reshape(synapse.weight.shape)
    values = torch.tensor(events.with_steps(n_steps).to_dense(), dtype=torch.float32)

    def forward() -> dict[str, Any]:
        _clear(first.neuron)
        with torch.no_grad():
            spikes = first(values)
            return {hidden.name: spikes, output.name: second(spikes)}

    return forward


def _parameters(layer: Layer) -> dict[str, Any]:
    neuron = cast(CubaLif, layer.neuron)
    threshold, current, voltage = (
        np.asarray(value).item() for value in (neuron.vth_mant, neuron.current_decay, neuron.voltage_decay)
    )
    return {
        "threshold": threshold / SCALE,
        "current_decay": current / DECAY_UNITY,
        "voltage_decay": voltage / DECAY_UNITY,
        "scale": SCALE,
        "requires_grad": False,
    }


def _clear(neuron: Any) -> None:
    """A recurrent block keeps its state from batch to batch."""
    neuron.current_state = torch.zeros_like(neuron.current_state)
    neuron.voltage_state = torch.zeros_like(neuron.voltage_state)
