"""Leaky integrate-and-fire neurons whose threshold and refractory state adapt."""

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.neurons.adaptive_lif import AdaptiveLif
from lapilli.netx_exports.neurons.neuron import DECAY_UNITY
from lapilli.simulators.compiled import compiled
from lapilli.simulators.fast.neurons.arithmetic import decayed, saturated, wrapped
from lapilli.simulators.fast.neurons.kind import NeuronKind, Shape
from lapilli.simulators.fast.neurons.layout import neurons_of, port_of, without_padding

# States.
CURRENT, VOLTAGE, THRESHOLD, REFRACTORY = range(4)

# Parameters of each neuron.
KEEP_CURRENT, KEEP_VOLTAGE, BIAS = range(3)

# Parameters that all neurons of a layer share.
REST, GROWTH, KEEP_THRESHOLD, KEEP_REFRACTORY = range(4)


def per_neuron(neuron: AdaptiveLif, shape: Shape) -> list[npt.NDArray[np.int32]]:
    """Kept share of current and of voltage in 1/4096, bias."""
    return [
        DECAY_UNITY - neuron.per_neuron("current_decay", shape),
        DECAY_UNITY - neuron.per_neuron("voltage_decay", shape),
        neuron.bias(shape),
    ]


def shared(neuron: AdaptiveLif) -> list[int]:
    """Threshold at rest, what a spike adds to it, kept shares of threshold and refractory state in 1/4096."""
    keep_threshold, keep_refractory = DECAY_UNITY - neuron.threshold_decay, DECAY_UNITY - neuron.refractory_decay
    return [neuron.vth_mant << 6, neuron.threshold_step << 6, keep_threshold, keep_refractory]


@compiled
def step(program, state, layer, shift):
    """One step of a layer."""
    first, last = neurons_of(program.layers[layer])
    current, voltage = state.neurons[CURRENT][first:last], state.neurons[VOLTAGE][first:last]
    threshold, refractory = state.neurons[THRESHOLD][first:last], state.neurons[REFRACTORY][first:last]
    keep_current = program.neuron_parameters[KEEP_CURRENT][first:last]
    keep_voltage = program.neuron_parameters[KEEP_VOLTAGE][first:last]
    bias, spiking = program.neuron_parameters[BIAS][first:last], state.spiking[first:last]
    of_layer = program.layer_parameters[program.layers[layer].parameters_at :]
    at_rest, growth = np.int32(of_layer[REST]), np.int32(of_layer[GROWTH])
    keep_threshold, keep_refractory = of_layer[KEEP_THRESHOLD], of_layer[KEEP_REFRACTORY]
    first, last = port_of(program.layers[layer], 0)
    arriving = state.sums[first:last]
    for i in range(len(current)):
        u = wrapped(np.int32(decayed(current[i], keep_current[i]) + np.int32(arriving[i] << 6)))
        current[i] = u
        voltage[i] = saturated(np.int32(np.int32(decayed(voltage[i], keep_voltage[i]) + u) + bias[i]))
        limit = np.int32(decayed(np.int32(threshold[i] - at_rest), keep_threshold) + at_rest)
        recovering = decayed(refractory[i], keep_refractory)
        spikes = np.int32(voltage[i] - recovering) >= limit
        spiking[i] = spikes
        refractory[i] = np.int32(recovering + 2 * np.int64(limit)) if spikes else recovering
        threshold[i] = np.int32(limit + growth) if spikes else limit
    without_padding(state.spiking, program.layers[layer])


ADAPTIVE_LIF = NeuronKind(step, per_neuron, shared)
