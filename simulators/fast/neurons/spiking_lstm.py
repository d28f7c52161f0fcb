"""Spiking LSTM: a layer of units in three passes, which vectors take several units at a time through."""

from math import prod

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.neurons.neuron import DECAY_UNITY
from lapilli.netx_exports.neurons.spiking_lstm import GATES, SpikingLstm
from lapilli.simulators.compiled import compiled, spliced
from lapilli.simulators.fast.neurons.arithmetic import decayed, saturated
from lapilli.simulators.fast.neurons.kind import NeuronKind, Shape
from lapilli.simulators.fast.neurons.layout import neurons_of, without_padding

# States, in the order of `SpikingLstm.states`.
CELL = 0
MEMBRANE_I, MEMBRANE_F, MEMBRANE_O, MEMBRANE_T = 1, 2, 3, 4
GATE_I, GATE_F, GATE_G, GATE_O = 5, 6, 7, 8
CURRENT_I, CURRENT_F, CURRENT_G, CURRENT_O = 9, 10, 11, 12

# Gates as ports have their sums, and membranes as they are handed over.
I, F, G, O = 0, 1, 2, 3  # noqa: E741
OF_I, OF_F, OF_O, OF_T = 0, 1, 2, 3

# Ports, each of four sums.
INPUT, RECURRENT, MEMBRANES = 0, 1, 2

# Parameters that all units share: thresholds and kept shares of i, f, o, t; starts of i, f, o; the clamp of g.
THRESHOLDS, KEPT, STARTS, CLAMP = 0, 4, 8, 11


def per_neuron(neuron: SpikingLstm, shape: Shape) -> list[npt.NDArray[np.int32]]:
    """Bias of each gate."""
    return list(neuron.biases(prod(shape)))


def shared(neuron: SpikingLstm) -> list[int]:
    """Thresholds with the membranes' bits, kept shares in 1/4096, starts, clamp."""
    thresholds, decays, starts = (
        np.asarray(values, np.int64) for values in (neuron.thresholds, neuron.decays, neuron.starts)
    )
    return [*(thresholds << 6).tolist(), *(DECAY_UNITY - decays).tolist(), *starts.tolist(), neuron.clamp]


@compiled
def step(program, state, layer, shift):
    """One step of a layer."""
    of_layer = program.layer_parameters[program.layers[layer].parameters_at :]
    _gate(program, state, layer, of_layer, I, OF_I, GATE_I, MEMBRANE_I, CURRENT_I)
    _gate(program, state, layer, of_layer, F, OF_F, GATE_F, MEMBRANE_F, CURRENT_F)
    _gate(program, state, layer, of_layer, O, OF_O, GATE_O, MEMBRANE_O, CURRENT_O)
    _clamped(program, state, layer, of_layer)
    _cell(program, state, layer)
    _output(program, state, layer, of_layer)
    # A start value alone would open gates there.
    without_padding(state.spiking, program.layers[layer])


@spliced
def _sums(layer, port, number):
    """Where one of the four sums of a port begins in `State.sums`, and where it ends."""
    at = layer.ports_at + (GATES * port + number) * layer.padded
    return at, at + layer.padded


@spliced
def _gate(program, state, layer, of_layer, number, membrane, gate, membrane_row, current_row):
    """A gate that spikes: its membrane takes up its current, and is reset by its threshold."""
    first, last = neurons_of(program.layers[layer])
    begin, end = _sums(program.layers[layer], INPUT, number)
    current = state.sums[begin:end]
    begin, end = _sums(program.layers[layer], RECURRENT, number)
    recurrent = state.sums[begin:end]
    begin, end = _sums(program.layers[layer], MEMBRANES, membrane)
    before = state.sums[begin:end]
    bias = program.neuron_parameters[number][first:last]
    opened, kept, held = (
        state.neurons[gate][first:last],
        state.neurons[membrane_row][first:last],
        state.neurons[current_row][first:last],
    )
    threshold, keep = np.int32(of_layer[THRESHOLDS + membrane]), np.int32(of_layer[KEPT + membrane])
    start = np.int32(of_layer[STARTS + membrane])
    for i in range(len(kept)):
        held[i] = current[i]
        into = np.int32(start + _summed(current[i], recurrent[i], bias[i]))
        charged = saturated(np.int32(decayed(before[i], keep) + np.int32(into << 6)))
        spikes = charged >= threshold
        opened[i] = np.int32(1) if spikes else np.int32(0)
        kept[i] = np.int32(charged - threshold) if spikes else charged


@spliced
def _clamped(program, state, layer, of_layer):
    """The gate g, which has a value."""
    first, last = neurons_of(program.layers[layer])
    begin, end = _sums(program.layers[layer], INPUT, G)
    current = state.sums[begin:end]
    begin, end = _sums(program.layers[layer], RECURRENT, G)
    recurrent, bias = state.sums[begin:end], program.neuron_parameters[G][first:last]
    added, held = state.neurons[GATE_G][first:last], state.neurons[CURRENT_G][first:last]
    clamp = np.int32(of_layer[CLAMP])
    for i in range(len(added)):
        held[i] = current[i]
        added[i] = min(max(_summed(current[i], recurrent[i], bias[i]), np.int32(-clamp)), clamp)


@spliced
def _cell(program, state, layer):
    """What the cells remember."""
    first, last = neurons_of(program.layers[layer])
    cell, added = state.neurons[CELL][first:last], state.neurons[GATE_G][first:last]
    taking, keeping = state.neurons[GATE_I][first:last], state.neurons[GATE_F][first:last]
    for i in range(len(cell)):
        # A gate of 1 is a mask of ones.
        cell[i] = saturated(np.int32((cell[i] & np.int32(-keeping[i])) + (added[i] & np.int32(-taking[i]))))


@spliced
def _output(program, state, layer, of_layer):
    """The signed spike of the membrane that takes up what the cells remember, where gate o lets it pass."""
    first, last = neurons_of(program.layers[layer])
    begin, end = _sums(program.layers[layer], MEMBRANES, OF_T)
    before, cell = state.sums[begin:end], state.neurons[CELL][first:last]
    kept, opened = state.neurons[MEMBRANE_T][first:last], state.neurons[GATE_O][first:last]
    spiking, outgoing = state.spiking[first:last], state.outgoing[first:last]
    threshold, keep = np.int32(of_layer[THRESHOLDS + OF_T]), np.int32(of_layer[KEPT + OF_T])
    for i in range(len(kept)):
        charged = saturated(np.int32(decayed(before[i], keep) + np.int32(_current(cell[i]) << 6)))
        up = np.int32(1) if np.int32(charged << 1) >= threshold else np.int32(0)
        down = np.int32(1) if np.int32(charged << 1) <= np.int32(-threshold) else np.int32(0)
        t = np.int32(up - down)
        kept[i] = np.int32(charged - np.int32(t * threshold))
        h = np.int32(t & np.int32(-opened[i]))
        outgoing[i] = h
        spiking[i] = h != 0


@spliced
def _summed(current, recurrent, bias):
    """The sum of three numbers, held as a current; in 32 bits: by halves, because the sum itself may not fit."""
    high = np.int32(np.int32((current >> 8) + (recurrent >> 8)) + (bias >> 8))
    low = np.int32(np.int32((current & 255) + (recurrent & 255)) + (bias & 255))
    high = min(max(high, np.int32(-4194304)), np.int32(4194304))
    return _current(np.int32(np.int32(high << 8) + low))


@spliced
def _current(value):
    """A number held as a current, within ±(2^17 - 1)."""
    return min(max(value, np.int32(-131071)), np.int32(131071))


SPIKING_LSTM = NeuronKind(step, per_neuron, shared)
