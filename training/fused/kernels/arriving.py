"""What arrives at the neurons of a sample in one step, in units."""

import numpy as np

from lapilli.simulators.compiled import spliced
from lapilli.training.fused.kernels.limits import MAGNITUDE_BITS, UNIT
from lapilli.training.fused.kernels.records import events_of
from lapilli.training.fused.kernels.rows import add_rows, add_scaled


@spliced
def gather(n, t, n_steps, n_spiking, modes, incoming, noise, spiking, sums):
    """Sum the weights of active inputs and of the spikes of the step before, in units."""
    sums[:] = 0
    events = incoming.events
    begin, end = np.int64(0), np.int64(0)
    if modes.events:
        begin, end = events_of(events, n * n_steps + t)
        if not events.are_graded:
            add_rows(sums, incoming.weights, events.sources[begin:end], end - begin)
    if n_spiking and not modes.dropout:
        add_rows(sums, incoming.feedback, spiking, n_spiking)
    for i in range(len(sums)):
        sums[i] = np.int32(sums[i] * np.int32(UNIT))
    if events.are_graded:
        for event in range(begin, end):
            value = np.int32(events.values[event] * np.float32(UNIT))
            add_scaled(sums, incoming.weights[events.sources[event]], value)
    if n_spiking and modes.dropout:
        factors = noise[n, (t - 1) % noise.shape[1]]
        for event in range(n_spiking):
            source = spiking[event]
            add_scaled(sums, incoming.feedback[source], np.int32(factors[source] * np.float32(UNIT)))


@spliced
def add_real(real, scale, arriving):
    """Add what arrives as real numbers. Returns whether all of it is within the limit."""
    outside = np.int32(0)
    for i in range(len(arriving)):
        total = np.float32(real[i] + np.float32(arriving[i]) / scale) * scale
        inside = abs(total) < np.float32(1 << MAGNITUDE_BITS)
        outside |= np.int32(not inside)
        arriving[i] = np.int32(total if inside else np.float32(0))
    return outside == 0
