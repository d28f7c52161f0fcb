"""Neurons that send what they receive."""

from lapilli.simulators.compiled import compiled
from lapilli.simulators.fast.neurons.arithmetic import saturated
from lapilli.simulators.fast.neurons.kind import NeuronKind
from lapilli.simulators.fast.neurons.layout import neurons_of, port_of

# State.
TOTAL = 0


@compiled
def step(program, state, layer, shift):
    """One step of a layer. Nothing arrives in the padding."""
    first, last = neurons_of(program.layers[layer])
    total, spiking, outgoing = state.neurons[TOTAL][first:last], state.spiking[first:last], state.outgoing[first:last]
    begin, end = port_of(program.layers[layer], 0)
    arriving = state.sums[begin:end]
    for i in range(len(total)):
        total[i] = saturated(arriving[i])
        outgoing[i] = total[i]
        spiking[i] = total[i] != 0


SUM = NeuronKind(step)
