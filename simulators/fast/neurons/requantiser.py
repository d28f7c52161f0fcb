"""Neurons that scale what arrives back to a few bits."""

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.neurons.requantiser import ENTRIES, Requantiser
from lapilli.simulators.compiled import compiled
from lapilli.simulators.fast.neurons.kind import NeuronKind, Shape
from lapilli.simulators.fast.neurons.layout import neurons_of, port_of, without_padding

# State.
MESSAGE = 0

# Parameters of each neuron.
MULT, BIAS = range(2)

# Parameters that all neurons share; the table begins at the last.
SHIFT, LOW, HIGH, HAS_TABLE, TABLE = range(5)


def per_neuron(neuron: Requantiser, shape: Shape) -> list[npt.NDArray[np.int32]]:
    """Multiplier, bias."""
    return [neuron.per_neuron("mult", shape), neuron.bias(shape)]


def shared(neuron: Requantiser) -> list[int]:
    """Shift, limits, whether there is a table, and the table."""
    table = [0] * ENTRIES if neuron.table is None else np.asarray(neuron.table).tolist()
    return [neuron.shift, neuron.low, neuron.high, int(neuron.table is not None), *table]


@compiled
def step(program, state, layer, shift):
    """One step of a layer."""
    first, last = neurons_of(program.layers[layer])
    message, spiking, outgoing = (
        state.neurons[MESSAGE][first:last],
        state.spiking[first:last],
        state.outgoing[first:last],
    )
    mult, bias = program.neuron_parameters[MULT][first:last], program.neuron_parameters[BIAS][first:last]
    of_layer = program.layer_parameters[program.layers[layer].parameters_at :]
    begin, end = port_of(program.layers[layer], 0)
    arriving, right, low, high = state.sums[begin:end], of_layer[SHIFT], of_layer[LOW], of_layer[HIGH]
    for i in range(len(message)):
        scaled = ((np.int64(arriving[i]) + np.int64(bias[i])) * np.int64(mult[i])) >> right
        message[i] = np.int32(min(max(scaled, low), high))
    if of_layer[HAS_TABLE]:
        table = of_layer[TABLE : TABLE + ENTRIES]
        for i in range(len(message)):
            message[i] = np.int32(table[np.uint64(message[i] + 128)])
    for i in range(len(message)):
        outgoing[i] = message[i]
        spiking[i] = message[i] != 0
    # Limits or a table may turn 0 into something else.
    without_padding(state.spiking, program.layers[layer])


REQUANTISER = NeuronKind(step, per_neuron, shared)
