"""The inner loops, compiled by numba: one step of every layer, without allocation, without the interpreter's lock.

Arithmetic is that of `simulators.reference`, in 32 bits throughout so that 16 neurons fit a vector register:
`state * keep >> 12` splits the magnitude into 12-bit halves, which is exact modulo 2^32 as numpy's int32 is in Lava.
"""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from simulators.fast.program import (
    CONV,
    DENSE,
    DENSE_BY_CONNECTION,
    DENSE_BY_SOURCE,
    DIRECT,
    IDENTITY,
    SHIFT_LEFT,
    SHIFT_RIGHT,
    Program,
)

Int32 = npt.NDArray[np.int32]

compiled = numba.njit(nogil=True, cache=True)

_SLOT_MASK = 63


class State(NamedTuple):
    """Everything that changes while a sample runs.

    Arguments:
        current, voltage: int32, per padded neuron; spiking: uint8, the same.
        sums, lines, rings, spares: accumulators and what is on its way.
        spike_list, spike_value: neurons (and payloads of graded input) that each source sent in the last steps.
        spike_count: (sources, slots).
    """

    current: Int32
    voltage: Int32
    spiking: npt.NDArray[np.uint8]
    sums: Int32
    lines: Int32
    rings: Int32
    spares: Int32
    spike_list: Int32
    spike_value: Int32
    spike_count: npt.NDArray[np.int64]


def new_state(program: Program) -> State:
    """State in which every sample starts: all zero, nothing on its way."""
    n_neurons, n_listed = len(program.bias), int((program.source_n * program.slots).sum())
    n_valued = int(program.source_n[0] * program.slots) if program.graded_input else 1
    sizes = (program.n_sums, program.n_lines, program.n_rings, program.n_spares, n_listed, n_valued)
    sums, lines, rings, spares, spike_list, spike_value = (np.zeros(size, np.int32) for size in sizes)
    return State(
        np.zeros(n_neurons, np.int32),
        np.zeros(n_neurons, np.int32),
        np.zeros(n_neurons, np.uint8),
        sums,
        lines,
        rings,
        spares,
        spike_list,
        spike_value,
        np.zeros((len(program.source_n), program.slots), np.int64),
    )


@compiled
def clear(state: State) -> None:
    """Back to the state in which every sample starts."""
    state.current[:] = 0
    state.voltage[:] = 0
    state.sums[:] = 0
    state.lines[:] = 0
    state.rings[:] = 0
    state.spares[:] = 0
    state.spike_count[:] = 0


@compiled
def _decayed(state, keep):  # type: ignore[no-untyped-def]
    magnitude = np.uint32(abs(np.int64(state)))
    keep = np.uint32(keep)
    high = np.uint32(np.uint32(magnitude >> np.uint32(12)) * keep)
    low = np.uint32(np.uint32(magnitude & np.uint32(4095)) * keep)
    kept = np.int32(np.uint32(high + np.uint32(low >> np.uint32(12))))
    return kept if state >= 0 else np.int32(-kept)


@compiled
def _integrate(current, voltage, arriving, keep_current, keep_voltage, threshold, bias, shift, spiking):  # type: ignore[no-untyped-def]
    """One step of CUBA LIF neurons; returns how many spike."""
    n_spikes = 0
    for i in range(len(current)):
        u = np.int32(_decayed(current[i], keep_current[i]) + np.int32(arriving[i] << shift))
        if u > 8388608:
            u = np.int32(u - 16777216)
        elif u <= -8388608:
            u = np.int32(u + 16777216)
        current[i] = u
        v = np.int32(np.int32(_decayed(voltage[i], keep_voltage[i]) + u) + bias[i])
        v = min(max(v, np.int32(-8388607)), np.int32(8388607))
        spikes = v > threshold[i]
        spiking[i] = spikes
        n_spikes += spikes
        voltage[i] = np.int32(0) if spikes else v
    return n_spikes


@compiled
def _add_rows(total, weights, weight_at, row, sources):  # type: ignore[no-untyped-def]
    """Add one row of weights for each source, four at a time to spare loads and stores of the sum."""
    n, at = len(sources), 0
    while at + 4 <= n:
        a0, a1 = weight_at + sources[at] * row, weight_at + sources[at + 1] * row
        a2, a3 = weight_at + sources[at + 2] * row, weight_at + sources[at + 3] * row
        w0, w1, w2, w3 = weights[a0 : a0 + row], weights[a1 : a1 + row], weights[a2 : a2 + row], weights[a3 : a3 + row]
        for i in range(row):
            total[i] += np.int32(w0[i]) + np.int32(w1[i]) + np.int32(w2[i]) + np.int32(w3[i])
        at += 4
    while at < n:
        a0 = weight_at + sources[at] * row
        w0 = weights[a0 : a0 + row]
        for i in range(row):
            total[i] += w0[i]
        at += 1


@compiled
def _add_run(total, weights, weight_at, size, value):  # type: ignore[no-untyped-def]
    """Add one contiguous run of weights times an event's value."""
    run = weights[weight_at : weight_at + size]
    if value == 1:
        for i in range(size):
            total[i] += run[i]
    else:
        for i in range(size):
            total[i] = np.int32(total[i] + np.int32(np.int64(run[i]) * value))


@compiled
def _add_scattered(ring, weights, weight_at, places, base, value):  # type: ignore[no-untyped-def]
    """Add a row of weights to places all over the ring of steps to come."""
    size = len(ring)
    for i in range(len(places)):
        place = base + places[i]
        if place >= size:
            place -= size
        ring[place] = np.int32(ring[place] + np.int32(np.int64(weights[weight_at + i]) * value))


@compiled
def _add_taps(total, weights, weight_at, geometry, place, value):  # type: ignore[no-untyped-def]
    """Scatter one event through a convolution kernel into channel-last accumulators."""
    n_channels, height, width, kernel_y, kernel_x = geometry[0], geometry[1], geometry[2], geometry[3], geometry[4]
    stride_y, stride_x, dilation_y, dilation_x = geometry[5], geometry[6], geometry[9], geometry[10]
    n_run = geometry[12]
    channel, y, x = place[0], place[1] + geometry[7], place[2] + geometry[8]
    first = (channel // geometry[11]) * n_run
    for ky in range(kernel_y):
        up = y - ky * dilation_y
        if up < 0 or up % stride_y or up // stride_y >= height:
            continue
        for kx in range(kernel_x):
            left = x - kx * dilation_x
            if left < 0 or left % stride_x or left // stride_x >= width:
                continue
            target = ((up // stride_y) * width + left // stride_x) * n_channels + first
            at = weight_at + ((channel * kernel_y + ky) * kernel_x + kx) * n_run
            _add_run(total[target : target + n_run], weights, at, n_run, value)


@compiled
def _accumulate(program, state, op, step, weights):  # type: ignore[no-untyped-def]
    """Add what one synapse's events of `step - 1 - delay` (direct: `step`) bring to its accumulator."""
    kind, source, number = program.op_kind[op], program.op_source[op], program.op_sum[op]
    sent = step if kind == DIRECT else step - 1 - program.op_delay[op]
    slot = sent & (program.slots - 1)
    n_events = state.spike_count[source, slot]
    if sent < 0 or n_events == 0:
        return
    at = program.source_at[source] + slot * program.source_n[source]
    events = state.spike_list[at : at + n_events]
    padded = program.layer_padded[program.op_layer[op]]
    total = state.sums[program.sum_at[number] : program.sum_at[number] + padded]
    graded = program.graded_input and source == 0
    weight_at, table_at = program.op_weight_at[op], program.op_table_at[op]
    if kind == DENSE and not graded:
        _add_rows(total, weights, weight_at, padded, events)
        return
    for index in range(n_events):
        event = np.int64(events[index])
        value = np.int64(state.spike_value[at + index]) if graded else 1
        if kind == DENSE:
            _add_run(total, weights, weight_at + event * padded, padded, value)
        elif kind == CONV:
            place = program.tables[table_at + 3 * event : table_at + 3 * event + 3]
            _add_taps(total, weights, weight_at, program.conv[op], place, value)
        elif kind == IDENTITY:
            target = program.tables[table_at + event]
            total[target] = np.int32(total[target] + np.int32(np.int64(weights[weight_at]) * value))
        elif kind == DIRECT:
            target = program.tables[table_at + event]
            total[target] = np.int32(total[target] + np.int32(value))
        else:
            _delay_row(program, state, op, step, weights, event, value)


@compiled
def _delay_row(program, state, op, step, weights, event, value):  # type: ignore[no-untyped-def]
    """Put one event's row into the ring of steps to come, or, where sums are rounded, aside by delay."""
    number = program.op_sum[op]
    padded = program.layer_padded[program.op_layer[op]]
    aside = program.spare_at[number] >= 0
    pool = state.spares if aside else state.rings
    at = program.spare_at[number] if aside else program.ring_at[number]
    first = 0 if aside else step
    weight_at = program.op_weight_at[op] + event * padded
    if program.op_kind[op] == DENSE_BY_SOURCE:
        row = at + ((first + program.tables[program.op_table_at[op] + event]) & _SLOT_MASK) * padded
        _add_run(pool[row : row + padded], weights, weight_at, padded, value)
    else:
        table = program.op_table_at[op] + event * padded
        places = program.tables[table : table + padded]
        ring = pool[at : at + 64 * padded]
        _add_scattered(ring, weights, weight_at, places, (first & _SLOT_MASK) * padded, value)


@compiled
def _collect_ring(program, state, number, step, padded):  # type: ignore[no-untyped-def]
    """Move this step's entries of a ring into its accumulator, after rounding what was put aside."""
    ring_at, spare_at = program.ring_at[number], program.spare_at[number]
    if spare_at >= 0:
        shift = program.sum_shift[number]
        for delay in range(64):
            row = ring_at + ((step + delay) & _SLOT_MASK) * padded
            for i in range(padded):
                state.rings[row + i] += state.spares[spare_at + delay * padded + i] >> shift
        state.spares[spare_at : spare_at + 64 * padded] = 0
    row = ring_at + (step & _SLOT_MASK) * padded
    total = program.sum_at[number]
    for i in range(padded):
        state.sums[total + i] = state.rings[row + i]
        state.rings[row + i] = 0


@compiled
def _finish_sum(program, state, number, step, padded):  # type: ignore[no-untyped-def]
    """Apply an accumulator's final step and its delay line, in place."""
    at = program.sum_at[number]
    total = state.sums[at : at + padded]
    final, shift = program.sum_final[number], np.int32(program.sum_shift[number])
    if program.ring_at[number] >= 0:
        _collect_ring(program, state, number, step, padded)
    if final == SHIFT_LEFT:
        if shift:
            for i in range(padded):
                total[i] = total[i] << shift
    elif final == SHIFT_RIGHT:
        if program.spare_at[number] < 0:
            for i in range(padded):
                total[i] = total[i] >> shift
    else:
        for i in range(padded):
            total[i] = ((np.int64(total[i]) + 8388608) & 16777215) - 8388608
    if program.line_at[number] >= 0:
        line = program.line_at[number]
        delays = program.tables[program.line_delay_at[number] : program.line_delay_at[number] + padded]
        now = line + (step & _SLOT_MASK) * padded
        state.lines[now : now + padded] = total
        for i in range(padded):
            total[i] = state.lines[line + ((step - delays[i]) & _SLOT_MASK) * padded + i]


@compiled
def _step_layer(program, state, layer, step):  # type: ignore[no-untyped-def]
    """Accumulate, integrate and list the spikes of one layer; returns how many."""
    padded = program.layer_padded[layer]
    first, count = program.sums_first[layer], program.sums_count[layer]
    for op in range(program.ops_first[layer], program.ops_first[layer] + program.ops_count[layer]):
        if program.op_wide[op]:
            _accumulate(program, state, op, step, program.weights16)
        else:
            _accumulate(program, state, op, step, program.weights8)
    at = program.sum_at[first]
    total = state.sums[at : at + padded]
    # The usual layer has one plain sum, whose shift the neurons' own shift takes in.
    plain = (
        count == 1
        and program.sum_final[first] == SHIFT_LEFT
        and program.ring_at[first] < 0
        and program.line_at[first] < 0
    )
    shift = np.int32(6)
    if plain:
        shift = np.int32(6 + program.sum_shift[first])
    else:
        for number in range(first, first + count):
            _finish_sum(program, state, number, step, padded)
            if number > first:
                other = state.sums[program.sum_at[number] : program.sum_at[number] + padded]
                for i in range(padded):
                    total[i] += other[i]
                other[:] = 0
    at = program.layer_at[layer]
    end = at + padded
    n_spikes = _integrate(
        state.current[at:end],
        state.voltage[at:end],
        total,
        program.keep_current[at:end],
        program.keep_voltage[at:end],
        program.threshold[at:end],
        program.bias[at:end],
        shift,
        state.spiking[at:end],
    )
    total[:] = 0
    _list_spikes(program, state, layer, step, n_spikes)
    return n_spikes


@compiled
def _list_spikes(program, state, layer, step, n_spikes):  # type: ignore[no-untyped-def]
    """Write the numbers of the spiking neurons into the slot of this step."""
    slot = step & (program.slots - 1)
    state.spike_count[layer + 1, slot] = n_spikes
    if n_spikes == 0:
        return
    at = program.source_at[layer + 1] + slot * program.source_n[layer + 1]
    first = program.layer_at[layer]
    flags = state.spiking[first : first + program.layer_padded[layer]]
    words = flags.view(np.uint64)
    for word in range(len(words)):
        if words[word]:
            for i in range(8 * word, 8 * word + 8):
                if flags[i]:
                    state.spike_list[at] = i
                    at += 1


@compiled
def advance(program, state, step, neurons, values, reset_interval, reset_offset):  # type: ignore[no-untyped-def]
    """One step of the whole network.

    Arguments:
        program, state: from `lower` and `new_state`.
        step: number of the step since the state was clear, from 0.
        neurons: int32, input events of this step; values: their payloads where the input is graded.
        reset_interval, reset_offset: as in `Reset`; interval 0: none.
    """
    slot = step & (program.slots - 1)
    at = program.source_at[0] + slot * program.source_n[0]
    state.spike_count[0, slot] = len(neurons)
    for index in range(len(neurons)):
        state.spike_list[at + index] = neurons[index]
        if program.graded_input:
            state.spike_value[at + index] = values[index]
    for layer in range(len(program.layer_n)):
        if reset_interval > 0 and (step + 1) % reset_interval == (reset_offset + 1 + layer) % reset_interval:
            first = program.layer_at[layer]
            state.current[first : first + program.layer_padded[layer]] = 0
            state.voltage[first : first + program.layer_padded[layer]] = 0
        _step_layer(program, state, layer, step)
