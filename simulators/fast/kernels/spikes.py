"""Lists of spikes: which neurons of each source sent in each of the last steps, and what."""

import numpy as np

from lapilli.simulators.compiled import compiled, spliced
from lapilli.simulators.fast.kernels.vectors import flags_as_bits, lowest_bit, n_bits, store_eight

BITS_OF_BYTE = np.array(
    [
        sum(bit << (8 * place) for place, bit in enumerate(bit for bit in range(8) if byte >> bit & 1))
        for byte in range(256)
    ],
    np.uint64,
)
"""For each byte, the numbers of the bits set in it, the lowest first, a byte each."""


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
        if at + 32 <= room:
            # Eight are written whether they are there or not: a branch for each would be mispredicted for each. What
            # is too much is overwritten by the next.
            for eighth in range(4):
                byte = (bits >> np.uint64(8 * eighth)) & np.uint64(255)
                store_eight(listed, n_spikes, BITS_OF_BYTE[byte], at + 8 * eighth)
                n_spikes += n_bits(byte)
            continue
        while bits:
            listed[np.uint64(n_spikes)] = np.int32(at + lowest_bit(bits))
            bits &= bits - np.uint64(1)
            n_spikes += 1
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
