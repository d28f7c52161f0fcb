"""Inner loops over events, compiled by numba. They allocate nothing; what they fill has room for all."""

import numpy as np

from lapilli.simulators.compiled import compiled

LARGEST_COUNT = 255


@compiled
def decode_gaps(gap, counts, unit, time):
    """Units that are stored as gaps within rising time steps; fills `unit` and `time`, one entry for each gap.

    Arguments:
        gap: int32, distance from the unit before minus 1; each time step starts anew in front of unit 0.
        counts: gaps of each time step; their sum is the number of gaps.
    """
    place = 0
    for now in range(len(counts)):
        at = -1
        for _ in range(counts[now]):
            at += gap[place] + 1
            unit[place] = at
            time[place] = now
            place += 1


@compiled
def count_events(step, neuron, offsets, counts, out_step, out_neuron, out_value, out_offsets):
    """Events of the same sample, step and neuron become one with their number; returns how many there are.

    Arguments:
        step, neuron: int32 of each event; steps never fall within a sample.
        offsets: of the samples.
        counts: int32, one zero for each neuron; zeros again afterwards.
        out_step, out_neuron, out_value: int32, with room for as many as there are events.
        out_offsets: int64, filled.
    """
    n_out = 0
    out_offsets[0] = 0
    for sample in range(len(offsets) - 1):
        first = offsets[sample]
        end = offsets[sample + 1]
        while first < end:
            now = step[first]
            low = neuron[first]
            high = low
            last = first
            while last < end and step[last] == now:
                at = neuron[last]
                counts[at] += 1
                low = min(low, at)
                high = max(high, at)
                last += 1
            for at in range(low, high + 1):
                if counts[at]:
                    out_step[n_out] = now
                    out_neuron[n_out] = at
                    out_value[n_out] = min(counts[at], np.int32(LARGEST_COUNT))
                    counts[at] = 0
                    n_out += 1
            first = last
        out_offsets[sample + 1] = n_out
    return n_out
