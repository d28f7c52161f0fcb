"""Lists of spikes: which neurons of each source sent in each of the last steps, and what."""

import numpy as np

from lapilli.simulators.compiled import compiled, spliced
from lapilli.simulators.fast.kernels.vectors import flags_as_bits, lowest_bit, n_bits


@spliced
def value_of(spike_value, index, graded):
    """The value of the event that stands at `index` of the lists of spikes; 1 where values are not kept."""
    return np.int64(spike_value[index]) if graded else np.int64(1)


@spliced
def list_spikes(program, state, layer, step):
    """Write the numbers of the spiking neurons into the slot of this step."""
    slot = step & (program.slots - 1)
    first = program.layers[layer].at
    room = program.sources[layer + 1].n
    begin = program.sources[layer + 1].at + slot * room
    listed = state.spike_list[begin : begin + room]
    n_spikes = np.int64(0)
    for at in range(0, program.layers[layer].padded, 32):
        bits = flags_as_bits(state.spiking, first + at)
        if bits == 0:
            continue
        there, n_spikes = n_spikes, n_spikes + n_bits(bits)
        if there + 4 <= room:
            # Four are written whether they are there or not: a branch for each would be mispredicted for each. What
            # is too much is overwritten by the next, and is a neuron's number even where it stays (bit 64 as 0).
            for index in range(4):
                listed[np.uint64(there + index)] = np.int32(at + (lowest_bit(bits) & 63))
                bits &= bits - np.uint64(1)
            there += 4
        while bits:
            listed[np.uint64(there)] = np.int32(at + lowest_bit(bits))
            bits &= bits - np.uint64(1)
            there += 1
    state.spike_count[layer + 1, slot] = n_spikes


@compiled
def list_values(program, state, layer, step):
    """Write what the listed neurons sent beside their numbers; only where spikes of the layer are graded."""
    slot = step & (program.slots - 1)
    at = program.sources[layer + 1].at + slot * program.sources[layer + 1].n
    for index in range(at, at + state.spike_count[layer + 1, slot]):
        state.spike_value[index] = state.outgoing[program.layers[layer].at + state.spike_list[index]]


@spliced
def postpone(program, state, source, step):
    """List this step's spikes again where axons delay them: in the slot that is one of the step of each arrival."""
    first = program.sources[source].first_axons
    if program.sources[source].n_axons == 0:
        return
    slot, n = step & (program.slots - 1), program.sources[source].n
    begin = program.sources[source].at + slot * n
    events = state.spike_list[begin : begin + state.spike_count[source, slot]]
    for axons in range(first, first + program.sources[source].n_axons):
        delays = program.tables[program.sources[axons].delay_at : program.sources[axons].delay_at + n]
        counts = state.spike_count[axons]
        for index in range(len(events)):
            event = events[index]
            late = (step + delays[np.uint64(event)]) & (program.slots - 1)
            state.spike_list[np.uint64(program.sources[axons].at + late * n + counts[late])] = event
            counts[late] += 1
