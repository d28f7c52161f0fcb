"""Spike attention: only what keys, values and queries meet of the memory is touched."""

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.neurons.attention import COINCIDENCE, SpikeAttention
from lapilli.netx_exports.neurons.neuron import DECAY_UNITY
from lapilli.simulators.compiled import compiled, spliced
from lapilli.simulators.fast.kernels.vectors import LANES, add_below, lowest_bit, positive_as_bits
from lapilli.simulators.fast.neurons.arithmetic import decayed, saturated
from lapilli.simulators.fast.neurons.kind import NeuronKind, Shape
from lapilli.simulators.fast.neurons.layout import neurons_of, port_of, without_padding

# States: the voltage, and from here on the rows of the memory.
VOLTAGE, MEMORY = range(2)

# Parameters of each neuron.
KEEP_VOLTAGE, THRESHOLD = range(2)

# Parameters that all neurons of a layer share.
HEAD, KEEP_MEMORY = range(2)

# Ports.
QUERY, KEY, VALUE, WRITE = range(4)

# Counters, in the order of `SpikeAttention.counters`.
WRITES, READS = range(2)


def per_neuron(neuron: SpikeAttention, shape: Shape) -> list[npt.NDArray[np.int32]]:
    """Kept share of the voltage in 1/4096, threshold."""
    return [DECAY_UNITY - neuron.per_neuron("voltage_decay", shape), neuron.per_neuron("vth_mant", shape) << 6]


def shared(neuron: SpikeAttention) -> list[int]:
    """Neurons of a head, kept share of the memory in 1/4096."""
    return [neuron.head, DECAY_UNITY - neuron.memory_decay]


@compiled
def step(program, state, layer, shift):
    """One step of a layer: forget, write, read, fire."""
    first, last = neurons_of(program.layers[layer])
    of_layer = program.layer_parameters[program.layers[layer].parameters_at :]
    head, keep_memory = of_layer[HEAD], of_layer[KEEP_MEMORY]
    counted = state.counted[program.layers[layer].counted_at :]
    begin, end = port_of(program.layers[layer], QUERY)
    query = state.sums[begin:end]
    begin, end = port_of(program.layers[layer], KEY)
    key = state.sums[begin:end]
    begin, end = port_of(program.layers[layer], VALUE)
    added = state.sums[begin:end]
    begin, end = port_of(program.layers[layer], WRITE)
    current = state.sums[begin:end]
    # What arrived at "value" and "write" becomes what a key adds and what a query reads: no room is taken for these.
    for i in range(len(added)):
        # "and" would be a branch, mispredicted for many.
        added[i] = np.int32(COINCIDENCE) if (added[i] > 0) & (current[i] > 0) else np.int32(0)
        current[i] = 0
    if keep_memory < 4096:
        for row in range(MEMORY, MEMORY + head):
            memory = state.neurons[row][first:last]
            for i in range(len(memory)):
                memory[i] = decayed(memory[i], np.int32(keep_memory))
    # A hand-over carries what pads its source too.
    key[program.layers[layer].n :] = 0
    query[program.layers[layer].n :] = 0
    padded = program.layers[layer].padded
    for at in range(0, padded, 32):
        keys = positive_as_bits(key, at)
        while keys:
            place = at + lowest_bit(keys)
            keys &= keys - np.uint64(1)
            start = _start_of_head(place, head)
            memory = state.neurons[MEMORY + place - start][first + start : first + start + head]
            counted[WRITES] += _write(memory, added[start : start + head])
    # Only now, since a query meets what its step's keys have written.
    for at in range(0, padded, 32):
        queries = positive_as_bits(query, at)
        while queries:
            place = at + lowest_bit(queries)
            queries &= queries - np.uint64(1)
            start = _start_of_head(place, head)
            memory = state.neurons[MEMORY + place - start][first + start : first + start + head]
            counted[READS] += _read(memory, current[start : start + head])
    voltage, keep_voltage = state.neurons[VOLTAGE][first:last], program.neuron_parameters[KEEP_VOLTAGE][first:last]
    threshold, spiking = program.neuron_parameters[THRESHOLD][first:last], state.spiking[first:last]
    for i in range(len(voltage)):
        v = saturated(np.int32(decayed(voltage[i], keep_voltage[i]) + saturated(current[i])))
        spikes = v >= threshold[i]
        spiking[i] = spikes
        voltage[i] = np.int32(0) if spikes else v
    without_padding(state.spiking, program.layers[layer])


@spliced
def _start_of_head(place, head):
    """Number of the first neuron of the head that a neuron belongs to."""
    return np.int64(np.uint32(place) - np.uint32(place) % np.uint32(head))


@spliced
def _write(memory, added):
    """Add to a key's row of a head; returns how many numbers a value met."""
    met, done = np.int64(0), np.int64(0)
    while done + LANES <= len(memory):
        met += add_below(memory, added, done, np.int32(8388607))
        done += LANES
    for j in range(done, len(memory)):
        memory[j] = min(np.int32(memory[j] + added[j]), np.int32(8388607))
        met += np.int64(added[j] != 0)
    return met


@spliced
def _read(memory, current):
    """Add a query's row of a head to the currents; returns how many of its numbers are not zero."""
    met, done = np.int64(0), np.int64(0)
    while done + LANES <= len(memory):
        met += add_below(current, memory, done, np.int32(2147483647))
        done += LANES
    for j in range(done, len(memory)):
        current[j] += memory[j]
        met += np.int64(memory[j] != 0)
    return met


ATTENTION = NeuronKind(step, per_neuron, shared)
