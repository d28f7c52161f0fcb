"""Leaky integrate-and-fire neurons behind a gate."""

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.neurons.gated_lif import GatedLif
from lapilli.netx_exports.neurons.neuron import DECAY_UNITY
from lapilli.simulators.compiled import compiled
from lapilli.simulators.fast.neurons.arithmetic import decayed, saturated, wrapped
from lapilli.simulators.fast.neurons.kind import NeuronKind, Shape
from lapilli.simulators.fast.neurons.layout import neurons_of, port_of

# States.
CURRENT, VOLTAGE = range(2)

# Parameters of each neuron.
KEEP_CURRENT, KEEP_VOLTAGE, THRESHOLD = range(3)

# Ports.
DRIVE, GATE = range(2)


def per_neuron(neuron: GatedLif, shape: Shape) -> list[npt.NDArray[np.int32]]:
    """Kept share of current and of voltage in 1/4096, threshold."""
    return [
        DECAY_UNITY - neuron.per_neuron("current_decay", shape),
        DECAY_UNITY - neuron.per_neuron("voltage_decay", shape),
        neuron.per_neuron("vth_mant", shape) << 6,
    ]


@compiled
def step(program, state, layer, shift):
    """One step of a layer. In the padding all is 0, and a voltage of 0 does not exceed a threshold of 0."""
    first, last = neurons_of(program.layers[layer])
    current, voltage = state.neurons[CURRENT][first:last], state.neurons[VOLTAGE][first:last]
    keep_current = program.neuron_parameters[KEEP_CURRENT][first:last]
    keep_voltage = program.neuron_parameters[KEEP_VOLTAGE][first:last]
    threshold, spiking = program.neuron_parameters[THRESHOLD][first:last], state.spiking[first:last]
    begin, end = port_of(program.layers[layer], DRIVE)
    drive = state.sums[begin:end]
    begin, end = port_of(program.layers[layer], GATE)
    gate = state.sums[begin:end]
    for i in range(len(current)):
        passing = np.int32(drive[i] << 6) if gate[i] > 0 else np.int32(0)
        u = wrapped(np.int32(decayed(current[i], keep_current[i]) + passing))
        current[i] = u
        v = saturated(np.int32(decayed(voltage[i], keep_voltage[i]) + u))
        spikes = v > threshold[i]
        spiking[i] = spikes
        voltage[i] = np.int32(0) if spikes else v


GATED_LIF = NeuronKind(step, per_neuron)
