"""Counting events while a network runs: of whole samples, or step by step on a stream."""

import numpy as np

from lapilli.simulators.compiled import compiled, spliced
from lapilli.simulators.fast.kernels.vectors import LANES, leading_zeros


@compiled
def count_input(program, neuron, value, first, last, kept, sample):
    """Add all input events of a sample: each times the connections that it meets."""
    kept.sent[sample, 0] += last - first
    for index in range(first, last):
        kept.input_events[np.uint64(neuron[np.uint64(index)])] += 1
    if program.sources[0].graded:
        for index in range(first, last):
            kept.payload_bits[sample, 0] += _width(value[index])
    for reader in range(program.sources[0].n_readers):
        op = program.readers[reader]
        fan = program.fan_out[program.ops[op].fan_at : program.ops[op].fan_at + program.sources[0].n]
        total = 0
        for index in range(first, last):
            total += fan[np.uint64(neuron[np.uint64(index)])]
        kept.synapse_ops[sample, op] += total


@spliced
def tally_step(program, state, step, tally, payload_bits, sample):
    """Note which neurons spiked in this step; multiplying by connections once for each sample is enough."""
    slot = step & (program.slots - 1)
    for layer in range(len(program.layers)):
        first, n = program.layers[layer].at, program.layers[layer].n
        of_layer, n_spikes = tally[first : first + n], state.spike_count[layer + 1, slot]
        at = program.sources[layer + 1].at + slot * n
        if n_spikes * LANES > n:
            # More spikes than vectors: the flags of a layer that has spiked are of this step.
            spiking = state.spiking[first : first + n]
            for i in range(n):
                of_layer[i] += np.int32(spiking[i] != 0)
        else:
            listed = state.spike_list[at : at + n]
            for index in range(n_spikes):
                of_layer[np.uint64(listed[index])] += 1
        if program.sources[layer + 1].graded:
            for index in range(state.spike_count[layer + 1, slot]):
                payload_bits[sample, layer + 1] += _width(state.spike_value[at + index])


@compiled
def count_layers(program, kept, sample):
    """Add what was tallied of a sample, each spike times the connections that it meets, and clear the tally."""
    for layer in range(len(program.layers)):
        first, n = program.layers[layer].at, program.layers[layer].n
        of_layer = kept.tally[first : first + n]
        for i in range(n):
            kept.sent[sample, layer + 1] += of_layer[i]
            kept.layer_events[first + i] += of_layer[i]
        first_reader = program.sources[layer + 1].first_reader
        for reader in range(first_reader, first_reader + program.sources[layer + 1].n_readers):
            op = program.readers[reader]
            fan = program.fan_out[program.ops[op].fan_at : program.ops[op].fan_at + n]
            total = 0
            for i in range(n):
                total += np.int64(of_layer[i]) * fan[i]
            kept.synapse_ops[sample, op] += total
        of_layer[:] = 0


@spliced
def count_named(state, counted):
    """Take down what neuron kinds count by themselves of a sample."""
    for number in range(len(counted)):
        counted[number] = state.counted[number]


@spliced
def count_step(program, state, step, totals):
    """Add this step's activity: every event of every source times the connections that it meets."""
    slot = step & (program.slots - 1)
    for source in range(len(program.layers) + 1):
        n_events = state.spike_count[source, slot]
        if n_events == 0:
            continue
        totals.sent[source] += n_events
        at = program.sources[source].at + slot * program.sources[source].n
        for index in range(at, at + n_events):
            if source == 0:
                totals.input_events[state.spike_list[index]] += 1
            else:
                totals.layer_events[program.layers[source - 1].at + state.spike_list[index]] += 1
        if program.sources[source].graded:
            for index in range(at, at + n_events):
                totals.payload_bits[source] += _width(state.spike_value[index])
        first = program.sources[source].first_reader
        for reader in range(first, first + program.sources[source].n_readers):
            op = program.readers[reader]
            fan_at = program.ops[op].fan_at
            total = 0
            for index in range(at, at + n_events):
                total += program.fan_out[fan_at + state.spike_list[index]]
            totals.synapse_ops[op] += total


@spliced
def _width(value):
    """Bits of the shortest two's complement that holds a value."""
    magnitude = np.uint64(np.int64(value) ^ (np.int64(value) >> 63))
    return 65 - leading_zeros(magnitude)
