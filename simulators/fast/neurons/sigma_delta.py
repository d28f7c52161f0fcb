"""Sigma-delta neurons: encoders, neurons and decoders of graded changes."""

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.neurons.sigma_delta import STATE_EXP, Delta, SigmaDelta
from lapilli.simulators.compiled import compiled, spliced
from lapilli.simulators.fast.neurons.kind import NeuronKind, Shape
from lapilli.simulators.fast.neurons.layout import neurons_of, port_of, without_padding

# States of encoders, of neurons, of decoders; sigma is what was received so far.
ENCODED, HELD_BACK = range(2)
SIGMA, ACTIVATION, RESIDUE = range(3)

# Parameters that all neurons of a layer share.
THRESHOLD, EXPONENT, RECTIFIES = range(3)

# Of neurons, the parameter of each.
BIAS = 0


def delta_shared(neuron: Delta) -> list[int]:
    """Threshold; bits behind the point of the activation; whether activations below 0 become 0."""
    exponent = neuron.spike_exp + STATE_EXP
    return [neuron.vth_mant << exponent, exponent, 0]


def sigma_delta_shared(neuron: SigmaDelta) -> list[int]:
    """The same for neurons."""
    exponent = neuron.spike_exp + STATE_EXP
    return [neuron.vth_mant << exponent, exponent, int(neuron.activation == "relu")]


def per_neuron(neuron: SigmaDelta, shape: Shape) -> list[npt.NDArray[np.int32]]:
    """Bias."""
    return [neuron.bias(shape)]


@compiled
def step_delta(program, state, layer, shift):
    """One step of a layer of encoders: their input's change is sent."""
    first, last = neurons_of(program.layers[layer])
    activation, residue = state.neurons[ENCODED][first:last], state.neurons[HELD_BACK][first:last]
    begin, end = port_of(program.layers[layer], 0)
    arriving, of_layer = state.sums[begin:end], program.layer_parameters[program.layers[layer].parameters_at :]
    threshold, exponent = of_layer[THRESHOLD], of_layer[EXPONENT]
    spiking, outgoing = state.spiking[first:last], state.outgoing[first:last]
    for i in range(len(activation)):
        new_activation = np.int32(np.int64(arriving[i]) << exponent)
        outgoing[i] = _change(threshold, activation, residue, i, new_activation)
        spiking[i] = outgoing[i] != 0
    without_padding(state.spiking, program.layers[layer])


@compiled
def step_sigma_delta(program, state, layer, shift):
    """One step of a layer of neurons: changes add up, and the activation's change is sent."""
    first, last = neurons_of(program.layers[layer])
    sigma, bias = state.neurons[SIGMA][first:last], program.neuron_parameters[BIAS][first:last]
    activation, residue = state.neurons[ACTIVATION][first:last], state.neurons[RESIDUE][first:last]
    begin, end = port_of(program.layers[layer], 0)
    arriving, of_layer = state.sums[begin:end], program.layer_parameters[program.layers[layer].parameters_at :]
    threshold, rectifies = of_layer[THRESHOLD], of_layer[RECTIFIES]
    spiking, outgoing = state.spiking[first:last], state.outgoing[first:last]
    for i in range(len(sigma)):
        sigma[i] += arriving[i]
        new_activation = np.int32(sigma[i] + bias[i])
        if rectifies:
            new_activation = max(new_activation, np.int32(0))
        outgoing[i] = _change(threshold, activation, residue, i, new_activation)
        spiking[i] = outgoing[i] != 0
    without_padding(state.spiking, program.layers[layer])


@compiled
def step_sigma(program, state, layer, shift):
    """One step of a layer of decoders: changes add up, and the sum is sent."""
    first, last = neurons_of(program.layers[layer])
    begin, end = port_of(program.layers[layer], 0)
    sigma, arriving = state.neurons[SIGMA][first:last], state.sums[begin:end]
    spiking, outgoing = state.spiking[first:last], state.outgoing[first:last]
    for i in range(len(sigma)):
        sigma[i] += arriving[i]
        outgoing[i] = sigma[i]
        spiking[i] = sigma[i] != 0
    without_padding(state.spiking, program.layers[layer])


@spliced
def _change(threshold, activations, residues, i, activation):
    """What a delta encoder sends when its activation becomes this."""
    change = np.int32(np.int32(activation - activations[i]) + residues[i])
    magnitude = change if change >= 0 else np.int32(-change)
    activations[i] = activation
    if magnitude < threshold:
        residues[i] = change
        return np.int32(0)
    residues[i] = 0
    return np.int32(change >> STATE_EXP)


ENCODER = NeuronKind(step_delta, shared=delta_shared)
NEURON = NeuronKind(step_sigma_delta, per_neuron, sigma_delta_shared)
DECODER = NeuronKind(step_sigma)
