"""The inner loops, compiled by numba: one step of every layer, without allocation, without the interpreter's lock.

All compiled functions and their constants are in this one file, because numba's cache notices changes of the file of
the function that is called from outside, but not of others.

Arithmetic is that of `simulators.reference`, in 32 bits throughout so that 16 neurons fit a vector register:
`state * keep >> 12` splits the magnitude into 12-bit halves, which is exact modulo 2^32 as numpy's int32 is in Lava.
"""

import numba
import numpy as np

# Operations: what happens to the events of a source on their way to an accumulator.
DENSE, CONV, IDENTITY, DIRECT, DENSE_BY_SOURCE, DENSE_BY_CONNECTION = range(6)

# Final step of an accumulator.
SHIFT_LEFT, SHIFT_RIGHT, WRAP_24 = range(3)

# Counting references to arrays costs more than the arithmetic of a step; these functions allocate nothing, so numba may
# leave its runtime (and with it the counting) out: 0.7 instead of 2.4 µs for an idle step of 700-256r-20.
compiled = numba.njit(nogil=True, cache=True, _nrt=False)  # type: ignore[call-overload]
spliced = numba.njit(nogil=True, cache=True, _nrt=False, forceinline=True)  # type: ignore[call-overload]

_SLOT_MASK = 63


@compiled
def clear(state):
    """Back to the state in which every sample starts."""
    state.current[:] = 0
    state.voltage[:] = 0
    state.sums[:] = 0
    state.lines[:] = 0
    state.rings[:] = 0
    state.spares[:] = 0
    state.spike_count[:] = 0


@spliced
def _decayed(state, keep):
    magnitude = np.uint32(abs(np.int64(state)))
    keep = np.uint32(keep)
    high = np.uint32(np.uint32(magnitude >> np.uint32(12)) * keep)
    low = np.uint32(np.uint32(magnitude & np.uint32(4095)) * keep)
    kept = np.int32(np.uint32(high + np.uint32(low >> np.uint32(12))))
    return kept if state >= 0 else np.int32(-kept)


@spliced
def _integrate(current, voltage, arriving, keep_current, keep_voltage, threshold, bias, shift, spiking):
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


@spliced
def _add_rows(total, weights, weight_at, row, sources):
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
def _add_run(total, weights, weight_at, size, value):
    """Add one contiguous run of weights times an event's value."""
    run = weights[weight_at : weight_at + size]
    if value == 1:
        for i in range(size):
            total[i] += run[i]
    else:
        for i in range(size):
            total[i] = np.int32(total[i] + np.int32(np.int64(run[i]) * value))


@compiled
def _add_scattered(pool, weights, weight_at, tables, table_at, size, base, value):
    """Add a row of weights to places all over the ring of steps to come, which starts at `base` of `pool`."""
    # Unsigned, because numba would otherwise test every index for being negative.
    if value == 1:
        for i in range(size):
            place = np.uint64(base + tables[np.uint64(table_at + i)])
            pool[place] += weights[np.uint64(weight_at + i)]
    else:
        for i in range(size):
            place = np.uint64(base + tables[np.uint64(table_at + i)])
            pool[place] = np.int32(pool[place] + np.int32(np.int64(weights[np.uint64(weight_at + i)]) * value))


@compiled
def _add_taps(total, weights, op, channel, y, x, value):
    """Scatter one event through a convolution kernel into channel-last accumulators."""
    first = (channel // op.channels_in_group) * op.run
    for ky in range(op.kernel_y):
        up = y + op.padding_y - ky * op.dilation_y
        if up < 0 or up % op.stride_y or up // op.stride_y >= op.height:
            continue
        for kx in range(op.kernel_x):
            left = x + op.padding_x - kx * op.dilation_x
            if left < 0 or left % op.stride_x or left // op.stride_x >= op.width:
                continue
            target = ((up // op.stride_y) * op.width + left // op.stride_x) * op.channels + first
            at = op.weight_at + ((channel * op.kernel_y + ky) * op.kernel_x + kx) * op.run
            _add_run(total[target : target + op.run], weights, at, op.run, value)


@spliced
def _accumulate(program, state, op, step, weights):
    """Add what one synapse's events of `step - 1 - delay` (direct: `step`) bring to its accumulator."""
    kind, source, number = program.ops[op].kind, program.ops[op].source, program.ops[op].sum
    sent = step if kind == DIRECT else step - 1 - program.ops[op].delay
    slot = sent & (program.slots - 1)
    n_events = state.spike_count[source, slot]
    if sent < 0 or n_events == 0:
        return
    at = program.sources[source].at + slot * program.sources[source].n
    events = state.spike_list[at : at + n_events]
    padded = program.layers[program.ops[op].layer].padded
    total = state.sums[program.sums[number].at : program.sums[number].at + padded]
    graded = program.graded_input and source == 0
    weight_at, table_at = program.ops[op].weight_at, program.ops[op].table_at
    if kind == DENSE and not graded:
        _add_rows(total, weights, weight_at, padded, events)
        return
    for index in range(n_events):
        event = np.int64(events[index])
        value = np.int64(state.spike_value[at + index]) if graded else 1
        if kind == DENSE:
            _add_run(total, weights, weight_at + event * padded, padded, value)
        elif kind == CONV:
            place = table_at + 3 * event
            channel, y, x = program.tables[place], program.tables[place + 1], program.tables[place + 2]
            _add_taps(total, weights, program.ops[op], channel, y, x, value)
        elif kind == IDENTITY:
            target = program.tables[table_at + event]
            total[target] = np.int32(total[target] + np.int32(np.int64(weights[weight_at]) * value))
        elif kind == DIRECT:
            target = program.tables[table_at + event]
            total[target] = np.int32(total[target] + np.int32(value))
        else:
            _delay_row(program, state, op, step, weights, event, value)


@compiled
def _delay_row(program, state, op, step, weights, event, value):
    """Put one event's row into the ring of steps to come, or, where sums are rounded, aside by delay."""
    number = program.ops[op].sum
    padded = program.layers[program.ops[op].layer].padded
    aside = program.sums[number].spare_at >= 0
    pool = state.spares if aside else state.rings
    at = program.sums[number].spare_at if aside else program.sums[number].ring_at
    first = 0 if aside else step
    weight_at = program.ops[op].weight_at + event * padded
    if program.ops[op].kind == DENSE_BY_SOURCE:
        row = at + ((first + program.tables[program.ops[op].table_at + event]) & _SLOT_MASK) * padded
        _add_run(pool[row : row + padded], weights, weight_at, padded, value)
    else:
        table_at = program.ops[op].table_at + event * padded
        base = at + (first & _SLOT_MASK) * padded
        _add_scattered(pool, weights, weight_at, program.tables, table_at, padded, base, value)


@compiled
def _collect_ring(program, state, number, step, padded):
    """Move this step's entries of a ring into its accumulator, after rounding what was put aside."""
    ring_at, spare_at = program.sums[number].ring_at, program.sums[number].spare_at
    if spare_at >= 0:
        shift = program.sums[number].shift
        for delay in range(64):
            row = ring_at + ((step + delay) & _SLOT_MASK) * padded
            for i in range(padded):
                state.rings[row + i] += state.spares[spare_at + delay * padded + i] >> shift
        state.spares[spare_at : spare_at + 64 * padded] = 0
    row = ring_at + (step & _SLOT_MASK) * padded
    again = row + 64 * padded
    total = program.sums[number].at
    for i in range(padded):
        state.sums[total + i] = state.rings[row + i] + state.rings[again + i]
        state.rings[row + i] = 0
        state.rings[again + i] = 0


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
    if program.sums[number].line_at >= 0:
        line = program.sums[number].line_at
        delays = program.tables[program.sums[number].line_delay_at : program.sums[number].line_delay_at + padded]
        now = line + (step & _SLOT_MASK) * padded
        for i in range(padded):
            state.lines[now + i] = total[i]
        for i in range(padded):
            total[i] = state.lines[line + ((step - delays[i]) & _SLOT_MASK) * padded + i]


@spliced
def _step_layer(program, state, layer, step):
    """Accumulate, integrate and list the spikes of one layer; returns how many."""
    padded = program.layers[layer].padded
    first, count = program.layers[layer].first_sum, program.layers[layer].n_sums
    for op in range(program.layers[layer].first_op, program.layers[layer].first_op + program.layers[layer].n_ops):
        if program.ops[op].wide:
            _accumulate(program, state, op, step, program.weights16)
        else:
            _accumulate(program, state, op, step, program.weights8)
    at = program.sums[first].at
    total = state.sums[at : at + padded]
    # The usual layer has one plain sum, whose shift the neurons' own shift takes in.
    plain = (
        count == 1
        and program.sums[first].final == SHIFT_LEFT
        and program.sums[first].ring_at < 0
        and program.sums[first].line_at < 0
    )
    shift = np.int32(6)
    if plain:
        shift = np.int32(6 + program.sums[first].shift)
    else:
        for number in range(first, first + count):
            _finish_sum(program, state, number, step, padded)
            if number > first:
                other = state.sums[program.sums[number].at : program.sums[number].at + padded]
                for i in range(padded):
                    total[i] += other[i]
                other[:] = 0
    at = program.layers[layer].at
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


@spliced
def _list_spikes(program, state, layer, step, n_spikes):
    """Write the numbers of the spiking neurons into the slot of this step."""
    slot = step & (program.slots - 1)
    state.spike_count[layer + 1, slot] = n_spikes
    if n_spikes == 0:
        return
    at = program.sources[layer + 1].at + slot * program.sources[layer + 1].n
    first = program.layers[layer].at
    flags = state.spiking[first : first + program.layers[layer].padded]
    words = flags.view(np.uint64)
    for word in range(len(words)):
        if words[word]:
            for i in range(8 * word, 8 * word + 8):
                if flags[i]:
                    state.spike_list[at] = i
                    at += 1


@spliced
def advance(program, state, step, neuron, value, first, last, reset_interval, reset_offset):
    """One step of the whole network.

    Arguments:
        program, state: from `lower` and `new_state`.
        step: number of the step since the state was clear, from 0.
        neuron, value: int32, input events and, where the input is graded, their payloads.
        first, last: the events `first`…`last - 1` are those of this step.
        reset_interval, reset_offset: as in `Reset`; interval 0: none.
    """
    slot = step & (program.slots - 1)
    at = program.sources[0].at + slot * program.sources[0].n
    state.spike_count[0, slot] = last - first
    for index in range(first, last):
        state.spike_list[at + index - first] = neuron[index]
        if program.graded_input:
            state.spike_value[at + index - first] = value[index]
    for layer in range(len(program.layers)):
        if reset_interval > 0 and (step + 1) % reset_interval == (reset_offset + 1 + layer) % reset_interval:
            begin = program.layers[layer].at
            state.current[begin : begin + program.layers[layer].padded] = 0
            state.voltage[begin : begin + program.layers[layer].padded] = 0
        _step_layer(program, state, layer, step)


@compiled
def run_until_full(
    program,
    state,
    cursor,
    step,
    neuron,
    value,
    offsets,
    n_steps,
    interval,
    offset,
    keeps_spikes,
    room,
    state_at,
    kept,
):
    """Run on from `cursor` (sample, step, input event, spikes kept) to the end or until spikes may not fit any more."""
    sample, now, event, n_kept = cursor[0], cursor[1], cursor[2], cursor[3]
    while sample < len(offsets) - 1:
        if now == 0:
            clear(state)
            event = offsets[sample]
        while now < n_steps and len(kept.step) - n_kept >= room:
            last = event
            while last < offsets[sample + 1] and step[last] == now:
                last += 1
            advance(program, state, now, neuron, value, event, last, interval, offset)
            event = last
            _count(program, state, now, kept.syn_ops, kept.sent, sample)
            n_kept = _keep(program, state, now, sample, keeps_spikes, state_at, kept, n_kept)
            now += 1
        if now < n_steps:
            break
        sample, now = sample + 1, 0
        kept.offsets[sample] = n_kept
    cursor[0], cursor[1], cursor[2], cursor[3] = sample, now, event, n_kept


@spliced
def _count(program, state, step, syn_ops, sent, sample):
    """Add this step's activity: every event of every source times the connections that it meets."""
    slot = step & (program.slots - 1)
    for source in range(len(program.sources)):
        n_events = state.spike_count[source, slot]
        if n_events == 0:
            continue
        sent[sample, source] += n_events
        at = program.sources[source].at + slot * program.sources[source].n
        first = program.sources[source].first_reader
        for reader in range(first, first + program.sources[source].n_readers):
            op = program.readers[reader]
            fan_at = program.ops[op].fan_at
            total = 0
            for index in range(at, at + n_events):
                total += program.fan_out[fan_at + state.spike_list[index]]
            syn_ops[sample, program.ops[op].layer] += total


@spliced
def _keep(program, state, step, sample, keeps_spikes, state_at, kept, n_kept):
    """Keep this step's spikes and states of the layers asked for; returns how many spikes are kept by now."""
    slot = step & (program.slots - 1)
    for layer in range(len(program.layers)):
        if keeps_spikes[layer]:
            at = program.sources[layer + 1].at + slot * program.sources[layer + 1].n
            for index in range(at, at + state.spike_count[layer + 1, slot]):
                kept.layer[n_kept], kept.step[n_kept] = layer, step
                kept.neuron[n_kept] = state.spike_list[index]
                n_kept += 1
        if state_at[layer] >= 0:
            place, first = state_at[layer], program.layers[layer].at
            for i in range(program.layers[layer].n):
                kept.current[sample, step, place + i] = state.current[first + i]
                kept.voltage[sample, step, place + i] = state.voltage[first + i]
    return n_kept


@compiled
def advance_and_count(program, state, step, neuron, value, syn_ops, sent):
    """One step of a stream: `advance` on all of `neuron`, then counting into row 0 of `syn_ops` and `sent`."""
    advance(program, state, step, neuron, value, 0, len(neuron), 0, 0)
    _count(program, state, step, syn_ops, sent, 0)
