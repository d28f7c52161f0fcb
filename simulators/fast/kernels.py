"""The inner loops, compiled by numba: one step of every layer, without allocation, without the interpreter's lock.

All compiled functions and their constants are in this one file, because numba's cache notices changes of the file of
the function that is called from outside, but not of others.

Arithmetic is that of `lapilli.simulators.reference`, of LIF neurons in 32 bits so that 16 fit a vector register:
`state * keep >> 12` splits the magnitude into 12-bit halves, which is exact modulo 2^32 as numpy's int32 is in Lava.
"""

from typing import Any

import numba
import numba.extending
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]

# Operations: what happens to the events of a source on their way to an accumulator.
DENSE, CONV, IDENTITY, DIRECT, DENSE_BY_CONNECTION = range(5)

# Final step of an accumulator.
SHIFT_LEFT, SHIFT_RIGHT, WRAP_24 = range(3)

# Neuron models.
CUBA, ALIF, RF_PHASE, RF_IZHIKEVICH, DELTA, SDNN, SIGMA = range(7)

# Counting references to arrays costs more than the arithmetic of a step; these functions allocate nothing, so numba may
# leave its runtime (and with it the counting) out: 0.7 instead of 2.4 µs for an idle step of 700-256r-20.
compiled = numba.njit(nogil=True, cache=True, _nrt=False)  # type: ignore[call-overload]
spliced = numba.njit(nogil=True, cache=True, _nrt=False, forceinline=True)  # type: ignore[call-overload]
# numba has no word for "keep these sums in registers", nor for bits of flags: such steps are written as vector code of
# LLVM, which fits it to whatever vectors the machine has. (numba's types miss the argument that it adds.)
intrinsic: Any = numba.extending.intrinsic

_SLOT_MASK = 63


@compiled
def clear(program, state):
    """Back to the state in which every sample starts."""
    for layer in range(len(program.layers)):
        _rest(program, state, layer)
    state.sums[:] = 0
    state.lines[:] = 0
    state.rings[:] = 0
    state.spares[:] = 0
    state.spike_count[:] = 0


@compiled
def _rest(program, state, layer):
    """Bring the neurons of a layer to rest."""
    first, last = program.layers[layer].at, program.layers[layer].at + program.layers[layer].padded
    for row in range(len(state.neurons)):
        state.neurons[row][first:last] = 0
    if program.layers[layer].model == ALIF:
        state.neurons[2][first:last] = np.int32(program.layers[layer].vth)


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
    """One step of CUBA LIF neurons: flags those that spike."""
    # Shifted by less than 32, as the compiler must know to stay in 32 bits.
    shift = np.int32(shift & 31)
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
        voltage[i] = np.int32(0) if spikes else v


@compiled
def _step_neurons(program, state, layer, total):
    """One step of neurons other than CUBA LIF: `spiking` flags those that send, `outgoing` holds what they send."""
    record = program.layers[layer]
    first, last = record.at, record.at + record.padded
    spiking, outgoing = state.spiking[first:last], state.outgoing[first:last]
    one, two = state.neurons[0][first:last], state.neurons[1][first:last]
    if record.model == ALIF:
        kept, bias = program.keep_current[first:last], program.bias[first:last]
        rows = (one, two, state.neurons[2][first:last], state.neurons[3][first:last])
        _adapt(record, rows, total, kept, program.keep_voltage[first:last], bias, spiking)
    elif record.model == RF_PHASE or record.model == RF_IZHIKEVICH:
        _resonate(record, one, two, total, state.sums[record.imag_at : record.imag_at + record.padded], spiking)
    elif record.model == SIGMA:
        for i in range(record.padded):
            one[i] += total[i]
            outgoing[i] = one[i]
            spiking[i] = one[i] != 0
    elif record.model == DELTA:
        for i in range(record.padded):
            outgoing[i] = _change(record, one, two, i, np.int32(np.int64(total[i]) << record.exponent))
            spiking[i] = outgoing[i] != 0
    else:
        three, bias = state.neurons[2][first:last], program.bias[first:last]
        for i in range(record.padded):
            one[i] += total[i]
            activation = np.int32(one[i] + bias[i])
            if record.rectifies:
                activation = max(activation, np.int32(0))
            outgoing[i] = _change(record, two, three, i, activation)
            spiking[i] = outgoing[i] != 0
    # What pads a layer to whole vectors never sends.
    spiking[record.n :] = 0


@spliced
def _change(record, activations, residues, i, activation):
    """What a delta encoder sends when its activation becomes this."""
    change = np.int32(np.int32(activation - activations[i]) + residues[i])
    magnitude = change if change >= 0 else np.int32(-change)
    activations[i] = activation
    if magnitude < record.vth:
        residues[i] = change
        return np.int32(0)
    residues[i] = 0
    return np.int32(change >> 6)


@spliced
def _adapt(record, states, arriving, keep_current, keep_voltage, bias, spiking):
    """One step of adaptive LIF neurons."""
    current, voltage, threshold, refractory = states
    rest, growth = np.int32(record.vth), np.int32(record.growth)
    for i in range(len(current)):
        u = np.int32(_decayed(current[i], keep_current[i]) + np.int32(arriving[i] << 6))
        if u > 8388608:
            u = np.int32(u - 16777216)
        elif u <= -8388608:
            u = np.int32(u + 16777216)
        current[i] = u
        v = np.int32(np.int32(_decayed(voltage[i], keep_voltage[i]) + u) + bias[i])
        voltage[i] = min(max(v, np.int32(-8388607)), np.int32(8388607))
        above = np.int32(threshold[i] - rest)
        limit = np.int32(_decayed(above, record.keep_threshold) + rest)
        recovering = _decayed(refractory[i], record.keep_refractory)
        spikes = np.int32(voltage[i] - recovering) >= limit
        spiking[i] = spikes
        refractory[i] = np.int32(recovering + 2 * np.int64(limit)) if spikes else recovering
        threshold[i] = np.int32(limit + growth) if spikes else limit


@spliced
def _resonate(record, real, imag, real_input, imag_input, spiking):
    """One step of resonate-and-fire neurons of either kind."""
    for i in range(len(real)):
        x, y = np.int64(real[i]), np.int64(imag[i])
        turned = _scaled(record.cos_decay * x) - _scaled(record.sin_decay * y)
        new_real = turned + np.int64(np.int32(np.int64(real_input[i]) << 6))
        turned = _scaled(record.sin_decay * x) + _scaled(record.cos_decay * y)
        new_imag = turned + np.int64(np.int32(np.int64(imag_input[i]) << 6))
        new_real = min(max(new_real, -8388607), 8388607)
        new_imag = min(max(new_imag, -8388607), 8388607)
        if record.model == RF_PHASE:
            spiking[i] = new_real >= record.vth and new_imag >= 0 and y < 0
        else:
            spikes = new_imag >= record.vth
            spiking[i] = spikes
            new_real = 0 if spikes else new_real
            new_imag = record.vth - 1 if spikes else new_imag
        real[i], imag[i] = new_real, new_imag


@spliced
def _scaled(product):
    """`product / 4096`, rounded towards zero."""
    return product >> 12 if product >= 0 else -(-product >> 12)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Address of an element of an array."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index])


@intrinsic(prefer_literal=True)
def _add_block(typing, width, total, total_at, weights, weight_at, row, sources, first, last):
    """Add `width` columns of the rows of the sources `first`…`last - 1` to `total`, held in registers as int16."""
    if not isinstance(width, numba.types.IntegerLiteral):
        return None

    def generate(context, builder, signature, values):
        array_types = signature.args
        n = width.literal_value
        stored = context.get_data_type(array_types[3].dtype)
        stored_row = ir.VectorType(stored, n)
        word, sums, int64 = ir.VectorType(ir.IntType(32), n), ir.VectorType(ir.IntType(16), n), ir.IntType(64)
        to = _pointer(context, builder, array_types[1], values[1], values[2])
        weights_from = _pointer(context, builder, array_types[3], values[3], values[4])
        listed = _pointer(context, builder, array_types[6], values[6], int64(0))
        before = builder.block
        head, body, done = (builder.append_basic_block(name) for name in ("head", "body", "done"))
        builder.branch(head)
        builder.position_at_end(head)
        index, total_so_far = builder.phi(int64), builder.phi(sums)
        index.add_incoming(values[7], before)
        total_so_far.add_incoming(sums(None), before)
        builder.cbranch(builder.icmp_signed("<", index, values[8]), body, done)
        builder.position_at_end(body)
        source = builder.sext(builder.load(builder.gep(listed, [index])), int64)
        place = builder.gep(weights_from, [builder.mul(source, values[5])])
        added = builder.load(builder.bitcast(place, stored_row.as_pointer()), align=1)
        if stored.width < 16:
            added = builder.sext(added, sums)
        total_so_far.add_incoming(builder.add(total_so_far, added), body)
        index.add_incoming(builder.add(index, int64(1)), body)
        builder.branch(head)
        builder.position_at_end(done)
        to = builder.bitcast(to, word.as_pointer())
        builder.store(builder.add(builder.load(to, align=4), builder.sext(total_so_far, word)), to, align=4)
        return context.get_dummy_value()

    arguments = (width, total, total_at, weights, weight_at, row, sources, first, last)
    return numba.types.void(*arguments), generate


@spliced
def _add_rows(total, weights, weight_at, row, sources, rows_at_once):
    """Add one row of weights for each source; no more than `rows_at_once`, which fit int16, before widening."""
    n, first = np.int64(len(sources)), np.int64(0)
    while first < n:
        last = min(n, first + rows_at_once)
        at = np.int64(0)
        while at + 256 <= row:
            _add_block(256, total, at, weights, weight_at + at, row, sources, first, last)
            at += 256
        while at + 64 <= row:
            _add_block(64, total, at, weights, weight_at + at, row, sources, first, last)
            at += 64
        if at < row:
            _add_block(32, total, at, weights, weight_at + at, row, sources, first, last)
        first = last


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
    # Slices and unsigned places, because numba would otherwise test every index for being negative.
    places, row = tables[table_at : table_at + size], weights[weight_at : weight_at + size]
    steps = pool[base : base + 64 * size]
    if value == 1:
        for i in range(size):
            steps[np.uint64(places[i])] += row[i]
    else:
        for i in range(size):
            place = np.uint64(places[i])
            steps[place] = np.int32(steps[place] + np.int32(np.int64(row[i]) * value))


@intrinsic
def _add_eight(typing, total, total_at, weights, weight_at):
    """Add eight neighbouring weights to eight neighbouring sums."""

    def generate(context, builder, signature, values):
        stored = ir.VectorType(context.get_data_type(signature.args[2].dtype), 8)
        word = ir.VectorType(ir.IntType(32), 8)
        to = _pointer(context, builder, signature.args[0], values[0], values[1])
        to = builder.bitcast(to, word.as_pointer())
        place = _pointer(context, builder, signature.args[2], values[2], values[3])
        added = builder.load(builder.bitcast(place, stored.as_pointer()), align=1)
        builder.store(builder.add(builder.load(to, align=4), builder.sext(added, word)), to, align=4)
        return context.get_dummy_value()

    return numba.types.void(total, total_at, weights, weight_at), generate


@spliced
def _add_taps(total, weights, tables, op, place, value):
    """Scatter one event through a convolution kernel into channel-last accumulators."""
    # The table spares dividing by strides: each division would cost as much as the adding does.
    weight_at, first = op.weight_at + tables[place], np.int64(tables[place + 1])
    rows = tables[op.rows_at + tables[place + 2] : op.rows_at + tables[place + 2] + op.kernel_y]
    columns = tables[op.columns_at + tables[place + 3] : op.columns_at + tables[place + 3] + op.kernel_x]
    for ky in range(op.kernel_y):
        if rows[ky] < 0:
            continue
        for kx in range(op.kernel_x):
            if columns[kx] < 0:
                continue
            target = first + rows[ky] + columns[kx]
            at = weight_at + (ky * op.kernel_x + kx) * op.run
            if value != 1:
                _add_run(total[target : target + op.run], weights, at, op.run, value)
                continue
            lane = np.int64(0)
            while lane + 8 <= op.run:
                _add_eight(total, target + lane, weights, at + lane)
                lane += 8
            while lane < op.run:
                total[np.uint64(target + lane)] += weights[np.uint64(at + lane)]
                lane += 1


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
    graded = program.sources[source].graded
    weight_at, table_at = program.ops[op].weight_at, program.ops[op].table_at
    if kind == DENSE and not graded:
        _add_rows(total, weights, weight_at, padded, events, program.ops[op].rows_at_once)
        if source > len(program.layers):
            # Postponed spikes have this one reader; their slot is to be filled anew.
            state.spike_count[source, slot] = 0
        return
    if kind == DIRECT:
        targets, values = program.tables[table_at : table_at + program.sources[source].n], state.spike_value[at:]
        for index in range(n_events):
            total[np.uint64(targets[np.uint64(events[index])])] += values[index]
        return
    for index in range(n_events):
        event = np.int64(events[index])
        value = np.int64(state.spike_value[at + index]) if graded else 1
        if kind == DENSE:
            _add_run(total, weights, weight_at + event * padded, padded, value)
        elif kind == CONV:
            _add_taps(total, weights, program.tables, program.ops[op], table_at + 4 * event, value)
        elif kind == IDENTITY:
            target = program.tables[table_at + event]
            total[target] = np.int32(total[target] + np.int32(np.int64(weights[weight_at]) * value))
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
            at = ring_at + ((step + delay) & _SLOT_MASK) * padded
            row, aside = state.rings[at : at + padded], state.spares[spare_at + delay * padded :]
            for i in range(padded):
                row[i] += aside[i] >> shift
        state.spares[spare_at : spare_at + 64 * padded] = 0
    # Slices, because numba would test every index into the whole for being negative, and not vectorise.
    at = ring_at + (step & _SLOT_MASK) * padded
    row, again = state.rings[at : at + padded], state.rings[at + 64 * padded : at + 65 * padded]
    total = state.sums[program.sums[number].at : program.sums[number].at + padded]
    for i in range(padded):
        total[i] = row[i] + again[i]
        row[i] = 0
        again[i] = 0


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
        slots = state.lines[line : line + 64 * padded]
        now = (step & _SLOT_MASK) * padded
        row = slots[now : now + padded]
        for i in range(padded):
            row[i] = total[i]
        for i in range(padded):
            total[i] = slots[np.uint64(((step - delays[i]) & _SLOT_MASK) * padded + i)]


@spliced
def _step_layer(program, state, layer, step):
    """Accumulate, integrate and list the spikes of one layer."""
    padded = program.layers[layer].padded
    first, count = program.layers[layer].first_sum, program.layers[layer].n_sums
    for op in range(program.layers[layer].first_op, program.layers[layer].first_op + program.layers[layer].n_ops):
        if program.ops[op].wide:
            _accumulate(program, state, op, step, program.weights16)
        else:
            _accumulate(program, state, op, step, program.weights8)
    at = program.layers[layer].real_at
    total = state.sums[at : at + padded]
    # The usual layer has one plain sum, whose shift the neurons' own shift takes in.
    plain = (
        count == 1
        and program.sums[first].final == SHIFT_LEFT
        and program.sums[first].ring_at < 0
        and program.sums[first].line_at < 0
        and program.layers[layer].model == CUBA
    )
    shift = np.int32(6)
    if plain:
        shift = np.int32(6 + program.sums[first].shift)
    else:
        for number in range(first, first + count):
            _finish_sum(program, state, number, step, padded)
            # The first sum of each part takes up the others.
            base = program.layers[layer].imag_at if program.sums[number].part else program.layers[layer].real_at
            if program.sums[number].at != base:
                of_part = state.sums[base : base + padded]
                other = state.sums[program.sums[number].at : program.sums[number].at + padded]
                for i in range(padded):
                    of_part[i] += other[i]
                other[:] = 0
    at = program.layers[layer].at
    end = at + padded
    if program.layers[layer].model != CUBA:
        _step_neurons(program, state, layer, total)
        total[:] = 0
        if program.layers[layer].imag_at >= 0:
            state.sums[program.layers[layer].imag_at : program.layers[layer].imag_at + padded] = 0
        _list_spikes(program, state, layer, step)
        _list_values(program, state, layer, step)
        _postpone(program, state, layer + 1, step)
        return
    _integrate(
        state.neurons[0][at:end],
        state.neurons[1][at:end],
        total,
        program.keep_current[at:end],
        program.keep_voltage[at:end],
        program.threshold[at:end],
        program.bias[at:end],
        shift,
        state.spiking[at:end],
    )
    total[:] = 0
    _list_spikes(program, state, layer, step)
    _postpone(program, state, layer + 1, step)


@intrinsic
def _flags_as_bits(typing, flags, at):
    """32 flags from `at` on as the bits of a number."""

    def generate(context, builder, signature, values):
        vector = ir.VectorType(ir.IntType(8), 32)
        place = _pointer(context, builder, signature.args[0], values[0], values[1])
        loaded = builder.load(builder.bitcast(place, vector.as_pointer()), align=1)
        bits = builder.bitcast(builder.icmp_unsigned("!=", loaded, vector(None)), ir.IntType(32))
        return builder.zext(bits, ir.IntType(64))

    return numba.types.uint64(flags, at), generate


@intrinsic
def _lowest_bit(typing, bits):
    """Number of the lowest bit set; 64 where there is none."""

    def generate(context, builder, signature, values):
        return builder.cttz(values[0], ir.IntType(1)(0))

    return numba.types.int64(numba.types.uint64), generate


@intrinsic
def _n_bits(typing, bits):
    """How many bits are set."""

    def generate(context, builder, signature, values):
        return builder.ctpop(values[0])

    return numba.types.int64(numba.types.uint64), generate


@spliced
def _list_spikes(program, state, layer, step):
    """Write the numbers of the spiking neurons into the slot of this step."""
    slot = step & (program.slots - 1)
    first = program.layers[layer].at
    room = program.sources[layer + 1].n
    begin = program.sources[layer + 1].at + slot * room
    listed = state.spike_list[begin : begin + room]
    n_spikes = np.int64(0)
    for at in range(0, program.layers[layer].padded, 32):
        bits = _flags_as_bits(state.spiking, first + at)
        if bits == 0:
            continue
        there, n_spikes = n_spikes, n_spikes + _n_bits(bits)
        if there + 4 <= room:
            # Four are written whether they are there or not: a branch for each would be mispredicted for each. What
            # is too much is overwritten by the next, and is a neuron's number even where it stays (bit 64 as 0).
            for index in range(4):
                listed[np.uint64(there + index)] = np.int32(at + (_lowest_bit(bits) & 63))
                bits &= bits - np.uint64(1)
            there += 4
        while bits:
            listed[np.uint64(there)] = np.int32(at + _lowest_bit(bits))
            bits &= bits - np.uint64(1)
            there += 1
    state.spike_count[layer + 1, slot] = n_spikes


@compiled
def _list_values(program, state, layer, step):
    """Write what the listed neurons sent beside their numbers, where spikes of the layer are graded."""
    if not program.sources[layer + 1].graded:
        return
    slot = step & (program.slots - 1)
    at = program.sources[layer + 1].at + slot * program.sources[layer + 1].n
    for index in range(at, at + state.spike_count[layer + 1, slot]):
        state.spike_value[index] = state.outgoing[program.layers[layer].at + state.spike_list[index]]


@spliced
def _postpone(program, state, source, step):
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
    at, n_events = program.sources[0].at + slot * program.sources[0].n, last - first
    state.spike_count[0, slot] = n_events
    listed, events = state.spike_list[at : at + n_events], neuron[first:last]
    for index in range(n_events):
        listed[index] = events[index]
    if program.sources[0].graded:
        for index in range(n_events):
            state.spike_value[at + index] = value[first + index]
    _postpone(program, state, 0, step)
    for layer in range(len(program.layers)):
        if reset_interval > 0 and (step + 1) % reset_interval == (reset_offset + 1 + layer) % reset_interval:
            _rest(program, state, layer)
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
            clear(program, state)
            event = offsets[sample]
        while now < n_steps and len(kept.step) - n_kept >= room:
            last = event
            while last < offsets[sample + 1] and step[last] == now:
                last += 1
            advance(program, state, now, neuron, value, event, last, interval, offset)
            event = last
            if len(kept.tally):
                _tally(program, state, now, kept.tally, kept.payload_bits, sample)
            n_kept = _keep(program, state, now, sample, keeps_spikes, state_at, kept, n_kept)
            now += 1
        if now < n_steps:
            break
        # Here and not at the sample's first step, which is come to twice where the buffer was full before it.
        if len(kept.tally):
            _count_input(program, neuron, value, offsets[sample], offsets[sample + 1], kept, sample)
            _count_layers(program, kept, sample)
        sample, now = sample + 1, 0
        kept.offsets[sample] = n_kept
    cursor[0], cursor[1], cursor[2], cursor[3] = sample, now, event, n_kept


@compiled
def _count_input(program, neuron, value, first, last, kept, sample):
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
def _width(value):
    """Bits of the shortest two's complement that holds a value."""
    rest, bits = np.int64(value) ^ (np.int64(value) >> 63), 1
    while rest:
        rest, bits = rest >> 1, bits + 1
    return bits


@spliced
def _tally(program, state, step, tally, payload_bits, sample):
    """Note which neurons spiked in this step; multiplying by connections once for each sample is enough."""
    slot = step & (program.slots - 1)
    for layer in range(len(program.layers)):
        first, n = program.layers[layer].at, program.layers[layer].n
        of_layer = tally[first : first + n]
        at = program.sources[layer + 1].at + slot * n
        listed = state.spike_list[at : at + n]
        for index in range(state.spike_count[layer + 1, slot]):
            of_layer[np.uint64(listed[index])] += 1
        if program.sources[layer + 1].graded:
            for index in range(state.spike_count[layer + 1, slot]):
                payload_bits[sample, layer + 1] += _width(state.spike_value[at + index])


@compiled
def _count_layers(program, kept, sample):
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
def _count(program, state, step, totals):
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
def _keep(program, state, step, sample, keeps_spikes, state_at, kept, n_kept):
    """Keep this step's spikes and states of the layers asked for; returns how many spikes are kept by now."""
    slot = step & (program.slots - 1)
    for layer in range(len(program.layers)):
        if keeps_spikes[layer]:
            at = program.sources[layer + 1].at + slot * program.sources[layer + 1].n
            n_spikes = state.spike_count[layer + 1, slot]
            for index in range(n_spikes):
                kept.layer[n_kept + index], kept.step[n_kept + index] = layer, step
                kept.neuron[n_kept + index] = state.spike_list[at + index]
            if program.sources[layer + 1].graded:
                for index in range(n_spikes):
                    kept.value[n_kept + index] = state.spike_value[at + index]
            n_kept += n_spikes
    if kept.states.shape[2]:
        _keep_states(program, state, step, sample, state_at, kept)
    return n_kept


@compiled
def _keep_states(program, state, step, sample, state_at, kept):
    """Keep the states asked for."""
    for layer in range(len(program.layers)):
        for row in range(len(state.neurons)):
            place, first = state_at[layer, row], program.layers[layer].at
            if place >= 0:
                for i in range(program.layers[layer].n):
                    kept.states[sample, step, place + i] = state.neurons[row, first + i]


@compiled
def advance_and_count(program, state, step, neuron, value, totals):
    """One step of a stream: `advance` on all of `neuron`, then counting into `totals`."""
    advance(program, state, step, neuron, value, 0, len(neuron), 0, 0)
    _count(program, state, step, totals)
