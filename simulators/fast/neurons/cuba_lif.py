"""Current-based leaky integrate-and-fire neurons."""

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.neurons.cuba_lif import CubaLif
from lapilli.netx_exports.neurons.neuron import DECAY_UNITY
from lapilli.simulators.compiled import compiled
from lapilli.simulators.fast.neurons.arithmetic import decayed, saturated, wrapped
from lapilli.simulators.fast.neurons.kind import NeuronKind, Shape
from lapilli.simulators.fast.neurons.layout import neurons_of, port_of

# States.
CURRENT, VOLTAGE = range(2)

# Parameters of each neuron.
KEEP_CURRENT, KEEP_VOLTAGE, THRESHOLD, BIAS = range(4)


def per_neuron(neuron: CubaLif, shape: Shape) -> list[npt.NDArray[np.int32]]:
    """Kept share of current and of voltage in 1/4096, threshold, bias."""
    return [
        DECAY_UNITY - neuron.per_neuron("current_decay", shape),
        DECAY_UNITY - neuron.per_neuron("voltage_decay", shape),
        neuron.per_neuron("vth_mant", shape) << 6,
        neuron.bias(shape),
    ]


@compiled
def step(program, state, layer, shift):
    """One step of a layer. In the padding all is 0, and a voltage of 0 does not exceed a threshold of 0."""
    first, last = neurons_of(program.layers[layer])
    current, voltage = state.neurons[CURRENT][first:last], state.neurons[VOLTAGE][first:last]
    keep_current = program.neuron_parameters[KEEP_CURRENT][first:last]
    keep_voltage = program.neuron_parameters[KEEP_VOLTAGE][first:last]
    threshold, bias = program.neuron_parameters[THRESHOLD][first:last], program.neuron_parameters[BIAS][first:last]
    spiking = state.spiking[first:last]
    first, last = port_of(program.layers[layer], 0)
    arriving = state.sums[first:last]
    # Shifted by less than 32, as the compiler must know to stay in 32 bits.
    shift = np.int32((6 + shift) & 31)
    for i in range(len(current)):
        u = wrapped(np.int32(decayed(current[i], keep_current[i]) + np.int32(arriving[i] << shift)))
        current[i] = u
        v = saturated(np.int32(np.int32(decayed(voltage[i], keep_voltage[i]) + u) + bias[i]))
        spikes = v > threshold[i]
        spiking[i] = spikes
        voltage[i] = np.int32(0) if spikes else v


CUBA_LIF = NeuronKind(step, per_neuron, shifts=True)
