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

# Gates as ports have their sums; membranes as they are handed over.
I, F, G, O = range(4)  # noqa: E741
OF_I, OF_F, OF_O, OF_T = range(4)

# States: rows from these on, in the order of `SpikingLstm.states`.
CELL, MEMBRANE_I, GATE_I, CURRENT_I = 0, 1, 5, 9

# Sums of the ports behind the first: rows from these on.
RECURRENT, MEMBRANES = 4, 8

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
    first, last = neurons_of(program.layers[layer])
    padded, ports_at = last - first, program.layers[layer].ports_at
    of_layer = program.layer_parameters[program.layers[layer].parameters_at :]
    neurons, biases = state.neurons, program.neuron_parameters
    sums = state.sums[ports_at : ports_at + 3 * GATES * padded].reshape(3 * GATES, padded)
    for number in range(3):
        gate = O if number == OF_O else number
        _gate(sums, biases, neurons, first, gate, number, of_layer)
    _clamped(sums, biases, neurons, first, np.int32(of_layer[CLAMP]))
    _cell(neurons, first, last)
    threshold, keep = np.int32(of_layer[THRESHOLDS + OF_T]), np.int32(of_layer[KEPT + OF_T])
    _output(sums, neurons, first, threshold, keep, state.spiking[first:last], state.outgoing[first:last])
    # A start value alone would open gates there.
    without_padding(state.spiking, program.layers[layer])


@compiled
def _gate(sums, biases, neurons, first, gate, membrane, of_layer):
    """A gate that spikes: its membrane takes up its current, and is reset by its threshold."""
    current, recurrent, before = sums[gate], sums[RECURRENT + gate], sums[MEMBRANES + membrane]
    last = first + len(current)
    bias, held = biases[gate][first:last], neurons[CURRENT_I + gate][first:last]
    opened, kept = neurons[GATE_I + gate][first:last], neurons[MEMBRANE_I + membrane][first:last]
    threshold, keep = np.int32(of_layer[THRESHOLDS + membrane]), np.int32(of_layer[KEPT + membrane])
    start = np.int32(of_layer[STARTS + membrane])
    for i in range(len(kept)):
        held[i] = current[i]
        into = np.int32(start + _summed(current[i], recurrent[i], bias[i]))
        charged = saturated(np.int32(decayed(before[i], keep) + np.int32(into << 6)))
        spikes = charged >= threshold
        opened[i] = np.int32(1) if spikes else np.int32(0)
        kept[i] = np.int32(charged - threshold) if spikes else charged


@compiled
def _clamped(sums, biases, neurons, first, clamp):
    """The gate g, which has a value."""
    current, recurrent = sums[G], sums[RECURRENT + G]
    last = first + len(current)
    bias = biases[G][first:last]
    added, held = neurons[GATE_I + G][first:last], neurons[CURRENT_I + G][first:last]
    for i in range(len(added)):
        held[i] = current[i]
        added[i] = min(max(_summed(current[i], recurrent[i], bias[i]), np.int32(-clamp)), clamp)


@compiled
def _cell(neurons, first, last):
    """What the cells remember."""
    cell, added = neurons[CELL][first:last], neurons[GATE_I + G][first:last]
    taking, keeping = neurons[GATE_I][first:last], neurons[GATE_I + F][first:last]
    for i in range(len(cell)):
        # A gate of 1 is a mask of ones.
        cell[i] = saturated(np.int32((cell[i] & np.int32(-keeping[i])) + (added[i] & np.int32(-taking[i]))))


@compiled
def _output(sums, neurons, first, threshold, keep, spiking, outgoing):
    """The signed spike of the membrane that takes up what the cells remember, where gate o lets it pass."""
    before, last = sums[MEMBRANES + OF_T], first + len(spiking)
    cell, kept = neurons[CELL][first:last], neurons[MEMBRANE_I + OF_T][first:last]
    opened = neurons[GATE_I + O][first:last]
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
