"""Gradients of weights: those of what arrives, scattered into the rows of the inputs that were active.

Events are brought into the order of their sources first, so that each row of weights is read and written once.
"""

import numpy as np

from lapilli.simulators.compiled import compiled, spliced
from lapilli.training.fused.kernels.flags import lowest_bit
from lapilli.training.fused.kernels.records import events_of
from lapilli.training.fused.kernels.rows import add_ordered, add_times


@spliced
def _place_in_order(ends):
    """From numbers of events to the places where those of each source start."""
    total = np.int32(0)
    for source in range(len(ends)):
        number = ends[source]
        ends[source] = total
        total = np.int32(total + number)


@compiled
def scatter_events(n, events, gradients, room, weight_gradient):
    """Add the gradients (steps, neurons) of sample n to those of the weights of the inputs that were active.

    `room` is an `OrderRoom`.
    """
    n_steps = len(gradients)
    first = n * n_steps
    sources, steps, ends = events.sources, room.steps, room.ends
    if events.are_graded:
        for t in range(n_steps):
            begin, end = events_of(events, first + t)
            for event in range(begin, end):
                add_times(weight_gradient[sources[event]], gradients[t], events.values[event])
        return
    ends[:] = 0
    for event in range(events.starts[first], events.starts[first + n_steps]):
        ends[sources[event]] += 1
    _place_in_order(ends)
    for t in range(n_steps):
        begin, end = events_of(events, first + t)
        for event in range(begin, end):
            steps[ends[sources[event]]] = np.int32(t)
            ends[sources[event]] += 1
    add_ordered(ends, steps, gradients, weight_gradient)


@compiled
def scatter_spikes(spiked, gradients, room, weight_gradient):
    """The same for the recurrent synapse, which sees the spikes (steps, words of bits) of the step before."""
    steps, ends = room.steps, room.ends
    ends[:] = 0
    for t in range(len(gradients) - 1):
        for word in range(spiked.shape[1]):
            bits = spiked[t, word]
            while bits:
                ends[word * 64 + lowest_bit(bits)] += 1
                bits &= bits - np.uint64(1)
    _place_in_order(ends)
    for t in range(len(gradients) - 1):
        for word in range(spiked.shape[1]):
            bits = spiked[t, word]
            while bits:
                source = word * 64 + lowest_bit(bits)
                bits &= bits - np.uint64(1)
                steps[ends[source]] = np.int32(t + 1)
                ends[source] += 1
    add_ordered(ends, steps, gradients, weight_gradient)


@compiled
def scatter_dropped_spikes(spiked, factors, gradients, weight_gradient):
    """The same where spikes are multiplied by the `factors` of dropout, (steps or 1, neurons)."""
    for t in range(len(gradients) - 1):
        for word in range(spiked.shape[1]):
            bits = spiked[t, word]
            while bits:
                source = word * 64 + lowest_bit(bits)
                bits &= bits - np.uint64(1)
                add_times(weight_gradient[source], gradients[t + 1], factors[t % len(factors), source])
