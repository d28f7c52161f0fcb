"""Resonate-and-fire neurons of both kinds, which differ in what a spike is."""

import numpy as np

from lapilli.netx_exports.neurons.resonators import Resonator
from lapilli.simulators.compiled import compiled, spliced
from lapilli.simulators.fast.neurons.arithmetic import scaled
from lapilli.simulators.fast.neurons.kind import NeuronKind
from lapilli.simulators.fast.neurons.layout import neurons_of, port_of, without_padding

# States, and the ports that feed them.
REAL, IMAG = range(2)

# Parameters that all neurons of a layer share.
THRESHOLD, SIN_DECAY, COS_DECAY = range(3)


def shared(neuron: Resonator) -> list[int]:
    """Threshold; sine and cosine of a step's angle, times decay, in 1/4096."""
    return [neuron.vth_mant << 6, neuron.sin_decay, neuron.cos_decay]


@compiled
def step_by_phase(program, state, layer, shift):
    """One step of a layer: a spike where the imaginary part comes to 0 from below while the real part is large."""
    first, last = neurons_of(program.layers[layer])
    real, imag = state.neurons[REAL][first:last], state.neurons[IMAG][first:last]
    begin, end = port_of(program.layers[layer], REAL)
    real_input = state.sums[begin:end]
    begin, end = port_of(program.layers[layer], IMAG)
    imag_input = state.sums[begin:end]
    of_layer = program.layer_parameters[program.layers[layer].parameters_at :]
    sine, cosine, threshold = of_layer[SIN_DECAY], of_layer[COS_DECAY], of_layer[THRESHOLD]
    spiking = state.spiking[first:last]
    for i in range(len(real)):
        new_real, new_imag = _turned(sine, cosine, real[i], imag[i], real_input[i], imag_input[i])
        spiking[i] = new_real >= threshold and new_imag >= 0 and imag[i] < 0
        real[i], imag[i] = new_real, new_imag
    without_padding(state.spiking, program.layers[layer])


@compiled
def step_izhikevich(program, state, layer, shift):
    """One step of a layer: a spike, and Izhikevich's reset, where the imaginary part is large."""
    first, last = neurons_of(program.layers[layer])
    real, imag = state.neurons[REAL][first:last], state.neurons[IMAG][first:last]
    begin, end = port_of(program.layers[layer], REAL)
    real_input = state.sums[begin:end]
    begin, end = port_of(program.layers[layer], IMAG)
    imag_input = state.sums[begin:end]
    of_layer = program.layer_parameters[program.layers[layer].parameters_at :]
    sine, cosine, threshold = of_layer[SIN_DECAY], of_layer[COS_DECAY], of_layer[THRESHOLD]
    spiking = state.spiking[first:last]
    for i in range(len(real)):
        new_real, new_imag = _turned(sine, cosine, real[i], imag[i], real_input[i], imag_input[i])
        spikes = new_imag >= threshold
        spiking[i] = spikes
        real[i] = 0 if spikes else new_real
        imag[i] = threshold - 1 if spikes else new_imag
    without_padding(state.spiking, program.layers[layer])


@spliced
def _turned(sine, cosine, real, imag, real_input, imag_input):
    """Real and imaginary voltage after a step's turn, decay and input."""
    x, y = np.int64(real), np.int64(imag)
    new_real = scaled(cosine * x) - scaled(sine * y) + np.int64(np.int32(np.int64(real_input) << 6))
    new_imag = scaled(sine * x) + scaled(cosine * y) + np.int64(np.int32(np.int64(imag_input) << 6))
    return min(max(new_real, -8388607), 8388607), min(max(new_imag, -8388607), 8388607)


BY_PHASE = NeuronKind(step_by_phase, shared=shared)
IZHIKEVICH = NeuronKind(step_izhikevich, shared=shared)
