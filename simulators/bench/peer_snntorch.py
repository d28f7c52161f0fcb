"""The network in snnTorch: `Linear` layers and `Synaptic` neurons, which keep a current and a voltage as CUBA LIF does.

`reset_mechanism="zero"` with `reset_delay=False` sets the voltage to 0 in the step of the spike, as ours. What it
cannot say is Lava's rounding: its states are real numbers in single precision. One spike that differs changes what
follows in a recurrent network, so the share of different spikes grows with the number of steps.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import snntorch
import torch

from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.kinds import DECAY_UNITY, CubaLif
from lapilli.simulators.events import Events


def forward_of(network: Network, events: Events, n_steps: int) -> Callable[[], dict[str, Any]]:
    """The forward pass of a network of `recurrent_network` on these events."""
    hidden, output = network.layers
    feed, recurrence = (_linear(synapse) for synapse in hidden.synapses)
    readout = _linear(output.synapses[0])
    first, second = _neurons(hidden), _neurons(output)
    dense = events.with_steps(n_steps).to_dense()
    frames = torch.tensor(np.ascontiguousarray(dense.transpose(2, 0, 1)), dtype=torch.float32)

    def forward() -> dict[str, Any]:
        n_samples = frames.shape[1]
        states = [torch.zeros(n_samples, layer.size) for layer in (hidden, hidden, output, output)]
        sent, spikes = torch.zeros(n_samples, hidden.size), ([], [])  # type: ignore[var-annotated]
        with torch.inference_mode():
            arriving = torch.cat([torch.zeros(1, n_samples, hidden.size), feed(frames[:-1])])
            for step in range(n_steps):
                # Every synapse takes one step.
                fed, read = arriving[step] + recurrence(sent), readout(sent)
                sent, *states[:2] = first(fed, *states[:2])
                answer, *states[2:] = second(read, *states[2:])
                spikes[0].append(sent)
                spikes[1].append(answer)
            return {layer.name: torch.stack(kept, -1) for layer, kept in zip(network.layers, spikes)}

    return forward


def _linear(synapse: Any) -> torch.nn.Linear:
    weights = torch.tensor(synapse.effective_weights, dtype=torch.float32)
    linear = torch.nn.Linear(weights.shape[1], weights.shape[0], bias=False)
    linear.weight.data = weights
    return linear


def _neurons(layer: Layer) -> Any:
    neuron = cast(CubaLif, layer.neuron)
    keep_current, keep_voltage = (
        1 - np.asarray(decay).item() / DECAY_UNITY for decay in (neuron.current_decay, neuron.voltage_decay)
    )
    return snntorch.Synaptic(
        alpha=keep_current,
        beta=keep_voltage,
        threshold=float(np.asarray(neuron.vth_mant).item()),
        reset_mechanism="zero",
        reset_delay=False,
    )
