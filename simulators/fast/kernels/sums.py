"""Accumulators: what is done to a sum of weights before it reaches the neurons."""

import numpy as np

from lapilli.simulators.compiled import compiled, spliced

# The last thing done to a sum.
SHIFT_LEFT, SHIFT_RIGHT, WRAP_24 = range(3)

RING = 64
"""Steps in a delay line or a ring, a power of two above the longest delay."""


@spliced
def sum_of(sums, op):
    """Where the sum that an operation adds to begins in `State.sums`, and where it ends."""
    return sums[op.sum].at, sums[op.sum].at + op.padded


@spliced
def finish_sums(program, state, layer, step):
    """Bring what all accumulators of a layer hold into the sums of its ports."""
    first = program.layers[layer].first_sum
    for number in range(first, first + program.layers[layer].n_sums):
        padded, port_at = program.sums[number].padded, program.sums[number].port_at
        _finish_sum(program, state, number, step, padded)
        # The first accumulator of each port is the port's sum, and takes up the others.
        if program.sums[number].at != port_at:
            of_port = state.sums[port_at : port_at + padded]
            other = state.sums[program.sums[number].at : program.sums[number].at + padded]
            for i in range(padded):
                of_port[i] += other[i]
            other[:] = 0


@spliced
def _finish_sum(program, state, number, step, padded):
    """Apply an accumulator's final step and its delay line, in place."""
    at = program.sums[number].at
    total = state.sums[at : at + padded]
    final, shift = program.sums[number].final, np.int32(program.sums[number].shift)
    if program.sums[number].ring_at >= 0:
        _collect_ring(program, state, number, step, padded)
    if final == SHIFT_LEFT:
        if shift:
            for i in range(padded):
                total[i] = total[i] << shift
    elif final == SHIFT_RIGHT:
        if program.sums[number].spare_at < 0:
            for i in range(padded):
                total[i] = total[i] >> shift
    else:
        for i in range(padded):
            total[i] = ((np.int64(total[i]) + 8388608) & 16777215) - 8388608
        if shift > 0:
            for i in range(padded):
                total[i] = total[i] << shift
        elif shift < 0:
            for i in range(padded):
                total[i] = total[i] >> -shift
    if program.sums[number].line_at >= 0:
        line = program.sums[number].line_at
        delays = program.tables[program.sums[number].line_delay_at : program.sums[number].line_delay_at + padded]
        slots = state.lines[line : line + RING * padded]
        now = (step & (RING - 1)) * padded
        row = slots[now : now + padded]
        for i in range(padded):
            row[i] = total[i]
        for i in range(padded):
            total[i] = slots[np.uint64(((step - delays[i]) & (RING - 1)) * padded + i)]


@compiled
def _collect_ring(program, state, number, step, padded):
    """Move this step's entries of a ring into its accumulator, after rounding what was put aside."""
    ring_at, spare_at = program.sums[number].ring_at, program.sums[number].spare_at
    if spare_at >= 0:
        shift = program.sums[number].shift
        for delay in range(RING):
            at = ring_at + ((step + delay) & (RING - 1)) * padded
            row, aside = state.rings[at : at + padded], state.spares[spare_at + delay * padded :]
            for i in range(padded):
                row[i] += aside[i] >> shift
        state.spares[spare_at : spare_at + RING * padded] = 0
    # Slices, because numba would test every index into the whole for being negative, and not vectorise.
    at = ring_at + (step & (RING - 1)) * padded
    row, again = state.rings[at : at + padded], state.rings[at + RING * padded : at + (RING + 1) * padded]
    total = state.sums[program.sums[number].at : program.sums[number].at + padded]
    for i in range(padded):
        total[i] = row[i] + again[i]
        row[i] = 0
        again[i] = 0
