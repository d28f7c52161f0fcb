"""The inner loops of training, compiled by numba: over the events of a batch, over the steps of a layer, and back.

All compiled functions and their constants are in this one file, because numba's cache notices changes of the file of
the function that is called from outside, but not of others.

Arrays hold (samples, steps, neurons), so that the neurons of one step lie side by side. Arithmetic is that of SLAYER
(lava-dl 0.6.0, `neuron/dynamics/leaky_integrator.py`, `spike/spike.py`), in 32 bits: as long as no current and no
voltage reaches 2^24 units, nothing that SLAYER does in single precision or in 64 bits rounds differently. The limit
here is 2^23, as on Loihi, so that three bytes hold a state. The forward pass reports the magnitudes that it saw; beyond
the limit its results must be thrown away.
Arrays that do not apply have size 0.

On the way back a sample is run anew from the states kept at the borders of chunks of steps, if there are any, chunk by
chunk; nothing else depends on chunks, so that gradients are the same bit for bit.
"""

from typing import Any, NamedTuple

import numba
import numba.extending
import numpy as np
from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba.core import cgutils

# These functions allocate nothing, so numba may leave its runtime (and the counting of references) out.
compiled = numba.njit(nogil=True, cache=True, _nrt=False)  # type: ignore[call-overload]
spliced = numba.njit(nogil=True, cache=True, _nrt=False, forceinline=True)  # type: ignore[call-overload]

# numba has no word for the bits of flags: such steps are written as vector code of LLVM.
intrinsic: Any = numba.extending.intrinsic

MAGNITUDE_BITS = 23
"""Currents and voltages of so many bits and a sign are exact in single precision, and kept in three bytes."""

UNIT = 128
"""A quantised weight is a multiple of 2 / scale, that is 128 units of a current in fixed point (scale * 64)."""

NEVER = 2**31 - 1
"""Threshold of neurons that never spike."""

OVERFLOW = -1
"""More events than there is room for."""

_LN2 = np.float32(0.69314718)
_LARGEST_POWER = np.float32(126)
# Added to a smaller number, it leaves the number rounded in its last bits.
_ROUNDING = np.float32(3 << 22)

# So many quantised weights, of 8 bits, have a sum of 16 bits.
_ROWS_AT_ONCE = 255

# A tile of a product that fits the registers: samples, vectors, and numbers in a vector.
_WIDE = binding.get_host_cpu_features().get("avx512f", False)
TILE_ROWS, _TILE_VECTORS, LANES = (8, 3, 16) if _WIDE else (4, 3, 8)
_TILE_COLUMNS = _TILE_VECTORS * LANES


class Incoming(NamedTuple):
    """What arrives at a layer.

    Arguments:
        starts, sources, graded: events; weights: int8 (inputs, neurons) that they meet.
        real: what arrives as real numbers in SLAYER's unit, (samples, steps, neurons), from sample `real_first` on.
        feedback: weights of a recurrent synapse, int8 (neurons, neurons).
    """

    starts: Any
    sources: Any
    graded: Any
    weights: Any
    real: Any
    real_first: Any
    feedback: Any


class Cells(NamedTuple):
    """Constants of neurons.

    Arguments:
        scale: units of fixed point in SLAYER's unit, single precision.
        keep_current, keep_voltage: 4096 less the decay, uint32; threshold: in units, NEVER gives voltages as output.
        bias: added to the voltages in each step, in units, int32 (neurons).
        noise: factors of dropout, (samples, steps or 1, neurons).
        shifts: steps by which the output of each neuron is late; where empty, `uniform_shift` is that of all.
    """

    scale: Any
    keep_current: Any
    keep_voltage: Any
    threshold: Any
    bias: Any
    noise: Any
    shifts: Any
    uniform_shift: Any


class Kept(NamedTuple):
    """What the forward pass keeps.

    Arguments:
        currents, voltages: before the reset, (samples, steps, neurons), the upper 16 bits (int16).
        low_currents, low_voltages: their lower 8 bits (uint8).
        interval: steps of a chunk; 0: no borders.
        borders: current and voltage before the reset at the start of each chunk, int32 (samples, chunks, 2, neurons).
    """

    currents: Any
    low_currents: Any
    voltages: Any
    low_voltages: Any
    interval: Any
    borders: Any


class Slope(NamedTuple):
    """How gradients pass neurons.

    Arguments:
        unit: of voltages and currents; threshold, peak: of the surrogate, in SLAYER's unit; steepness: log2(e) / tau
            of the surrogate, 0: the output is the voltage.
        keep_current, keep_voltage: share of the state that a step keeps, single precision.
    """

    unit: Any
    threshold: Any
    steepness: Any
    peak: Any
    keep_current: Any
    keep_voltage: Any


class Sums(NamedTuple):
    """Gradients of what neurons have, (neurons), double precision; added to.

    Those of decays and delays are as SLAYER defines them.
    """

    current_decay: Any
    voltage_decay: Any
    bias: Any
    delay: Any


class Found(NamedTuple):
    """Gradients of what is in front of the neurons.

    Arguments:
        weights: (inputs, neurons), feedback: (neurons, neurons); both are added to.
        arriving: of what arrives, (samples, steps, neurons), from sample `first` on, as the gradients of the output.
    """

    weights: Any
    feedback: Any
    arriving: Any
    first: Any


class Room(NamedTuple):
    """Room to work in.

    Arguments:
        step: int32 (5, neurons); row: single precision (neurons).
        through: single precision (2, samples at once, neurons).
        arriving: single precision (samples at once, steps, neurons), where `Found` has none.
        steps, ends: for as many events as a sample has at most and a number for each input, int32; and the same for
            the recurrent synapse.
        currents, voltages: of a chunk, int32 (samples at once, steps, neurons).
        caused: single precision (TILE_ROWS, padded neurons); panels: single precision, of the packed weights.
        spiked: spikes of the samples at once as bits, uint64 (samples, steps, words).
    """

    step: Any
    row: Any
    through: Any
    arriving: Any
    steps: Any
    ends: Any
    feedback_steps: Any
    feedback_ends: Any
    currents: Any
    voltages: Any
    caused: Any
    panels: Any
    spiked: Any


# Events of a batch ---------------------------------------------------------------------------------------------------


@intrinsic
def _bits_that_differ(typing, values, at, value):
    """64 neighbouring numbers as bits: 1 where they are not `value`."""

    def generate(context, builder, signature, arguments):
        kind, number = signature.args[0], ir.VectorType(ir.FloatType(), 64)
        array = context.make_array(kind)(context, builder, arguments[0])
        place = builder.bitcast(builder.gep(array.data, [arguments[1]]), number.as_pointer())
        same = builder.insert_element(number(ir.Undefined), arguments[2], ir.IntType(32)(0))
        same = builder.shuffle_vector(same, number(ir.Undefined), ir.VectorType(ir.IntType(32), 64)(None))
        differs = builder.fcmp_unordered("!=", builder.load(place, align=4), same)
        return builder.bitcast(differs, ir.IntType(64))

    return numba.types.uint64(values, numba.types.int64, numba.types.float32), generate


@intrinsic
def _lowest_bit(typing, bits):
    """Number of the lowest bit set."""

    def generate(context, builder, signature, values):
        return builder.cttz(values[0], ir.IntType(1)(1))

    return numba.types.int64(numba.types.uint64), generate


@intrinsic
def _number_of_bits(typing, bits):
    """How many bits are set."""

    def generate(context, builder, signature, values):
        return builder.ctpop(values[0])

    return numba.types.int64(numba.types.uint64), generate


@spliced
def _list_nonzero(values, found):
    """Write the places of what is not 0 into `found`. Returns their number, and whether all values are 0 or 1."""
    total, at = 0, 0
    graded = np.uint64(0)
    while at + 64 <= len(values):
        bits = _bits_that_differ(values, at, np.float32(0))
        if bits:
            graded |= bits & _bits_that_differ(values, at, np.float32(1))
            while bits:
                found[total] = np.int32(at + _lowest_bit(bits))
                bits &= bits - np.uint64(1)
                total += 1
        at += 64
    while at < len(values):
        if values[at] != 0:
            graded |= np.uint64(values[at] != 1)
            found[total] = np.int32(at)
            total += 1
        at += 1
    return total, graded == 0


@compiled
def events_by_channel(values, n_steps, starts, sources, found, counts):
    """Find what is not 0 in (samples, channels * steps).

    Fills `starts` (samples * steps + 1) and `sources` (channels of the events of each sample and step); `found` has
    room for a sample, `counts` for a number for each step. Returns the number of events or OVERFLOW, and whether all
    values are 0 or 1.
    """
    binary = True
    starts[0] = 0
    for n in range(len(values)):
        number, of_sample = _list_nonzero(values[n], found)
        binary = binary and of_sample
        first = n * n_steps
        begin = starts[first]
        if begin + number > len(sources):
            return OVERFLOW, binary
        counts[:] = 0
        channel, row_begin = 0, 0
        for event in range(number):
            while found[event] >= row_begin + n_steps:
                row_begin += n_steps
            counts[found[event] - row_begin] += 1
        at = begin
        for t in range(n_steps):
            starts[first + t] = at
            at += counts[t]
            counts[t] = at - counts[t]
        starts[first + n_steps] = at
        row_begin = 0
        for event in range(number):
            while found[event] >= row_begin + n_steps:
                row_begin += n_steps
                channel += 1
            t = found[event] - row_begin
            sources[counts[t]] = np.int32(channel)
            counts[t] += 1
    return starts[len(values) * n_steps], binary


@compiled
def events_by_step(values, n_channels, starts, sources, found):
    """The same in (samples, steps * channels)."""
    n_steps = values.shape[1] // n_channels
    binary = True
    total = 0
    starts[0] = 0
    for n in range(len(values)):
        number, of_sample = _list_nonzero(values[n], found)
        binary = binary and of_sample
        if total + number > len(sources):
            return OVERFLOW, binary
        event = 0
        for t in range(n_steps):
            row_begin = t * n_channels
            while event < number and found[event] < row_begin + n_channels:
                sources[total + event] = np.int32(found[event] - row_begin)
                event += 1
            starts[n * n_steps + t + 1] = total + event
        total += number
    return total, binary


@compiled
def to_bits(starts, sources, bits):
    """Set the bits (rows, words) of the events of each row."""
    for row in range(len(bits)):
        for event in range(starts[row], starts[row + 1]):
            bits[row, sources[event] >> 6] |= np.uint64(1) << np.uint64(sources[event] & 63)


@compiled
def count_bits(bits, starts):
    """Find where the events of each row of bits (rows, words) start. Returns their number."""
    total = np.int64(0)
    starts[0] = 0
    for row in range(len(bits)):
        for word in range(bits.shape[1]):
            total += _number_of_bits(bits[row, word])
        starts[row + 1] = total
    return total


@compiled
def from_bits(bits, sources):
    """List the events of all rows."""
    total = np.int64(0)
    for row in range(len(bits)):
        for word in range(bits.shape[1]):
            left = bits[row, word]
            while left:
                sources[total] = np.int32(word * 64 + _lowest_bit(left))
                left &= left - np.uint64(1)
                total += 1


@compiled
def largest_sum(starts, graded):
    """The largest sum of magnitudes in one step, and whether all values are multiples of 1 / UNIT."""
    largest = np.float32(0)
    on_grid = True
    for row in range(len(starts) - 1):
        total = np.float32(0)
        for event in range(starts[row], starts[row + 1]):
            value = graded[event]
            total += abs(value)
            # Not with `not <`: a value that is no number is on no grid.
            on_grid = on_grid and abs(value) < 1024 and value * UNIT == np.rint(value * UNIT)
        largest = max(largest, total)
    return largest, on_grid


@spliced
def _copy(source, target):
    # An assignment of slices makes numba ask for its runtime, in case they overlap.
    for i in range(len(target)):
        target[i] = source[i]


# Synapses ------------------------------------------------------------------------------------------------------------


@intrinsic(prefer_literal=True)
def _add_block(typing, width, target, column, rows, chosen, first, last):
    """Add `width` columns of the rows `chosen[first:last]` to `target`; their sums stay in registers.

    Integers are summed in 16 bits; real numbers from 0 on, two rows at once, which is quicker and rounds less.
    """
    if not isinstance(width, numba.types.IntegerLiteral):
        return None

    def generate(context, builder, signature, values):
        _, target_type, _, rows_type, chosen_type, _, _ = signature.args
        number, int64 = width.literal_value, ir.IntType(64)
        real = isinstance(target_type.dtype, numba.types.Float)
        stored = ir.VectorType(context.get_data_type(rows_type.dtype), number)
        total = ir.VectorType(context.get_data_type(target_type.dtype), number)
        summed = total if real else ir.VectorType(ir.IntType(16), number)
        target, rows, chosen = (
            context.make_array(kind)(context, builder, value)
            for kind, value in ((target_type, values[1]), (rows_type, values[3]), (chosen_type, values[4]))
        )
        stride = builder.extract_value(rows.shape, 1)
        place = builder.bitcast(builder.gep(target.data, [values[2]]), total.as_pointer())

        def row(index: Any) -> Any:
            source = builder.sext(builder.load(builder.gep(chosen.data, [index])), int64)
            start = builder.gep(rows.data, [builder.add(builder.mul(source, stride), values[2])])
            added = builder.load(builder.bitcast(start, stored.as_pointer()), align=4 if real else 1)
            return added if real else builder.sext(added, summed)

        add = builder.fadd if real else builder.add
        before = builder.block
        odd, head, body, done = (builder.append_basic_block(name) for name in ("odd", "head", "body", "done"))
        rest = builder.and_(builder.sub(values[6], values[5]), int64(1))
        builder.cbranch(builder.icmp_signed("!=", rest, int64(0)), odd, head)
        builder.position_at_end(odd)
        single, second = row(values[5]), builder.add(values[5], int64(1))
        builder.branch(head)
        builder.position_at_end(head)
        index, sums = builder.phi(int64), builder.phi(summed)
        index.add_incoming(values[5], before)
        index.add_incoming(second, odd)
        sums.add_incoming(summed(None), before)
        sums.add_incoming(single, odd)
        builder.cbranch(builder.icmp_signed("<", index, values[6]), body, done)
        builder.position_at_end(body)
        pair = add(row(index), row(builder.add(index, int64(1))))
        sums.add_incoming(add(sums, pair), body)
        index.add_incoming(builder.add(index, int64(2)), body)
        builder.branch(head)
        builder.position_at_end(done)
        found = sums if real else builder.sext(sums, total)
        builder.store(add(builder.load(place, align=4), found), place, align=4)
        return context.get_dummy_value()

    return numba.types.void(width, target, column, rows, chosen, first, last), generate


@spliced
def _add_rows(target, rows, chosen, number):
    """Add the rows `chosen[:number]`, integers, to `target`."""
    first = np.int64(0)
    while first < number:
        last = min(number, first + _ROWS_AT_ONCE)
        column = 0
        while column + 64 <= len(target):
            _add_block(64, target, column, rows, chosen, first, last)
            column += 64
        while column + 16 <= len(target):
            _add_block(16, target, column, rows, chosen, first, last)
            column += 16
        while column + 4 <= len(target):
            _add_block(4, target, column, rows, chosen, first, last)
            column += 4
        while column < len(target):
            _add_block(1, target, column, rows, chosen, first, last)
            column += 1
        first = last


@spliced
def _add_ordered(ends, steps, gradients, weight_gradient):
    """Add the gradients (steps, neurons) of the steps of each input's events, which end at `ends`, to its weights'.

    Some columns of all inputs first, so that those of the gradients stay in the cache.
    """
    column = 0
    while column < weight_gradient.shape[1]:
        left = weight_gradient.shape[1] - column
        begin = np.int64(0)
        for source in range(len(ends)):
            end = np.int64(ends[source])
            if end > begin:
                row = weight_gradient[source]
                if left >= 64:
                    _add_block(64, row, column, gradients, steps, begin, end)
                elif left >= 16:
                    _add_block(16, row, column, gradients, steps, begin, end)
                elif left >= 4:
                    _add_block(4, row, column, gradients, steps, begin, end)
                else:
                    _add_block(1, row, column, gradients, steps, begin, end)
            begin = end
        column += 64 if left >= 64 else 16 if left >= 16 else 4 if left >= 4 else 1


@spliced
def _add_scaled(target, row, factor):
    for i in range(len(target)):
        target[i] = np.int32(target[i] + np.int32(np.int32(row[i]) * factor))


@spliced
def _gather(row, n_spiking, factors, incoming, spiking, sums):
    """Sum the weights of active inputs and of recurrent spikes (`factors` are those of dropout), in units."""
    sums[:] = 0
    begin, end = np.int64(0), np.int64(0)
    if len(incoming.starts):
        begin, end = incoming.starts[row], incoming.starts[row + 1]
        if not len(incoming.graded):
            _add_rows(sums, incoming.weights, incoming.sources[begin:end], end - begin)
    if n_spiking and not len(factors):
        _add_rows(sums, incoming.feedback, spiking, n_spiking)
    for i in range(len(sums)):
        sums[i] = np.int32(sums[i] * np.int32(UNIT))
    if len(incoming.graded):
        for event in range(begin, end):
            value = np.int32(incoming.graded[event] * np.float32(UNIT))
            _add_scaled(sums, incoming.weights[incoming.sources[event]], value)
    if len(factors):
        for event in range(n_spiking):
            source = spiking[event]
            _add_scaled(sums, incoming.feedback[source], np.int32(factors[source] * np.float32(UNIT)))


@spliced
def _place_in_order(ends):
    """From numbers of events to the places where those of each input start."""
    total = np.int32(0)
    for source in range(len(ends)):
        number = ends[source]
        ends[source] = total
        total = np.int32(total + number)


@compiled
def _scatter(n, starts, sources, graded, gradients, steps, ends, weight_gradient):
    """Add the gradients (steps, neurons) of sample n to those of the weights of the inputs that were active.

    Events are brought into the order of their inputs first, so that each row of weights is read and written once.
    """
    n_steps = len(gradients)
    first = n * n_steps
    if len(graded):
        for t in range(n_steps):
            for event in range(starts[first + t], starts[first + t + 1]):
                _add_times(weight_gradient[sources[event]], gradients[t], graded[event])
        return
    ends[:] = 0
    for event in range(starts[first], starts[first + n_steps]):
        ends[sources[event]] += 1
    _place_in_order(ends)
    for t in range(n_steps):
        for event in range(starts[first + t], starts[first + t + 1]):
            steps[ends[sources[event]]] = np.int32(t)
            ends[sources[event]] += 1
    _add_ordered(ends, steps, gradients, weight_gradient)


@compiled
def _scatter_spikes(spiked, factors, gradients, steps, ends, weight_gradient):
    """The same for the recurrent synapse, which sees the spikes (steps, words of bits) of the step before.

    `factors` are those of dropout, (steps or 1, neurons).
    """
    ends[:] = 0
    for t in range(len(gradients) - 1):
        for word in range(spiked.shape[1]):
            bits = spiked[t, word]
            while bits:
                source = word * 64 + _lowest_bit(bits)
                bits &= bits - np.uint64(1)
                if factors.size:
                    _add_times(weight_gradient[source], gradients[t + 1], factors[t % len(factors), source])
                else:
                    ends[source] += 1
    if factors.size:
        return
    _place_in_order(ends)
    for t in range(len(gradients) - 1):
        for word in range(spiked.shape[1]):
            bits = spiked[t, word]
            while bits:
                source = word * 64 + _lowest_bit(bits)
                bits &= bits - np.uint64(1)
                steps[ends[source]] = np.int32(t + 1)
                ends[source] += 1
    _add_ordered(ends, steps, gradients, weight_gradient)


@spliced
def _add_times(target, row, factor):
    for i in range(len(target)):
        target[i] += factor * row[i]


# A product of few rows with one matrix, again and again ---------------------------------------------------------------


@intrinsic(prefer_literal=True)
def _multiply_tile(typing, vectors, left, depth, panels, panel_at, out, column):
    """`out[:, column:...]` = `left[:, :depth]` times a panel of packed weights, for TILE_ROWS rows, in registers."""
    if not isinstance(vectors, numba.types.IntegerLiteral):
        return None

    def generate(context, builder, signature, values):
        _, left_type, _, panels_type, _, out_type, _ = signature.args
        number, int64, int32 = vectors.literal_value, ir.IntType(64), ir.IntType(32)
        vector = ir.VectorType(ir.FloatType(), LANES)
        same = ir.VectorType(int32, LANES)(None)
        left, panels, out = (
            context.make_array(kind)(context, builder, value)
            for kind, value in ((left_type, values[1]), (panels_type, values[3]), (out_type, values[5]))
        )
        left_stride, out_stride = builder.extract_value(left.shape, 1), builder.extract_value(out.shape, 1)
        lefts = [builder.gep(left.data, [builder.mul(int64(row), left_stride)]) for row in range(TILE_ROWS)]
        panel = builder.gep(panels.data, [values[4]])
        before = builder.block
        head, body, done = (builder.append_basic_block(name) for name in ("head", "body", "done"))
        builder.branch(head)
        builder.position_at_end(head)
        index = builder.phi(int64)
        index.add_incoming(int64(0), before)
        sums = [[builder.phi(vector) for _ in range(number)] for _ in range(TILE_ROWS)]
        builder.cbranch(builder.icmp_signed("<", index, values[2]), body, done)
        builder.position_at_end(body)
        start = builder.gep(panel, [builder.mul(index, int64(number * LANES))])
        columns = []
        for part in range(number):
            place = builder.bitcast(builder.gep(start, [int64(part * LANES)]), vector.as_pointer())
            columns.append(builder.load(place, align=4))
        kind = ir.FunctionType(vector, [vector] * 3)
        multiply = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fmuladd.v{LANES}f32")  # type: ignore[no-untyped-call]
        for row in range(TILE_ROWS):
            factor = builder.load(builder.gep(lefts[row], [index]))
            factors = builder.insert_element(vector(ir.Undefined), factor, int32(0))
            factors = builder.shuffle_vector(factors, vector(ir.Undefined), same)
            for part in range(number):
                more = builder.call(multiply, [factors, columns[part], sums[row][part]])
                sums[row][part].add_incoming(vector(None), before)
                sums[row][part].add_incoming(more, body)
        index.add_incoming(builder.add(index, int64(1)), body)
        builder.branch(head)
        builder.position_at_end(done)
        for row in range(TILE_ROWS):
            start = builder.gep(out.data, [builder.add(builder.mul(int64(row), out_stride), values[6])])
            for part in range(number):
                place = builder.bitcast(builder.gep(start, [int64(part * LANES)]), vector.as_pointer())
                builder.store(sums[row][part], place, align=4)
        return context.get_dummy_value()

    return numba.types.void(vectors, left, depth, panels, panel_at, out, column), generate


@compiled
def pack(matrix, panels):
    """Bring a matrix into the order in which `_multiply` reads it: panels of columns, padded with zeros."""
    depth, width = matrix.shape
    at, column = 0, 0
    while column < width:
        columns = _TILE_COLUMNS if width - column >= _TILE_COLUMNS else LANES
        for row in range(depth):
            for i in range(columns):
                panels[at] = matrix[row, column + i] if column + i < width else np.float32(0)
                at += 1
        column += columns


@spliced
def _multiply(left, width, panels, out):
    """`out` = `left` times the packed matrix of `width` columns, for TILE_ROWS rows."""
    depth = left.shape[1]
    column = np.int64(0)
    while column < width:
        if width - column >= _TILE_COLUMNS:
            _multiply_tile(_TILE_VECTORS, left, depth, panels, column * depth, out, column)
            column += _TILE_COLUMNS
        else:
            _multiply_tile(1, left, depth, panels, column * depth, out, column)
            column += LANES


# Dynamics ------------------------------------------------------------------------------------------------------------


@spliced
def _decayed(state, keep):
    magnitude = np.uint32(np.int32(-state) if state < 0 else state)
    high = np.uint32(np.uint32(magnitude >> np.uint32(12)) * keep)
    low = np.uint32(np.uint32(np.uint32(magnitude & np.uint32(4095)) * keep) >> np.uint32(12))
    kept = np.int32(np.uint32(high + low))
    return np.int32(-kept) if state < 0 else kept


@spliced
def _integrate(arriving, keep_current, keep_voltage, bias, threshold, current, voltage, before_reset):
    """One step of a sample's neurons. Returns the bits that any current or voltage had."""
    seen = np.int32(0)
    for i in range(len(current)):
        u = np.int32(_decayed(current[i], keep_current[i]) + arriving[i])
        shifted = np.int32(u + bias[i])
        v = np.int32(_decayed(voltage[i], keep_voltage[i]) + shifted)
        seen |= np.int32(u ^ np.int32(u >> np.int32(31)))
        seen |= np.int32(shifted ^ np.int32(shifted >> np.int32(31)))
        seen |= np.int32(v ^ np.int32(v >> np.int32(31)))
        current[i] = u
        before_reset[i] = v
        voltage[i] = np.int32(0) if v >= threshold else v
    return seen


@spliced
def _add_real(real, scale, arriving):
    """Add what arrives as real numbers. Returns whether all of it is within the limit."""
    outside = np.int32(0)
    for i in range(len(arriving)):
        total = np.float32(real[i] + np.float32(arriving[i]) / scale) * scale
        inside = abs(total) < np.float32(1 << MAGNITUDE_BITS)
        outside |= np.int32(not inside)
        arriving[i] = np.int32(total if inside else np.float32(0))
    return outside == 0


@spliced
def _step(n, t, n_spiking, incoming, cells, n_steps, u, v, arriving, before_reset, spiking):
    """One step of a sample. Returns the bits of states, or -1 where a real number is outside of the limit."""
    factors = cells.noise[n, (t - 1) % cells.noise.shape[1]] if cells.noise.size and n_spiking else incoming.graded[:0]
    _gather(n * n_steps + t, n_spiking, factors, incoming, spiking, arriving)
    if incoming.real.size and not _add_real(incoming.real[n - incoming.real_first, t], cells.scale, arriving):
        return np.int64(-1)
    return np.int64(
        _integrate(arriving, cells.keep_current, cells.keep_voltage, cells.bias, cells.threshold, u, v, before_reset)
    )


@intrinsic
def _spike_bits(typing, voltages, at, threshold):
    """64 neighbouring voltages as bits: 1 where they reach the threshold."""

    def generate(context, builder, signature, arguments):
        kind = signature.args[0]
        number = ir.VectorType(ir.IntType(32), 64)
        array = context.make_array(kind)(context, builder, arguments[0])
        place = builder.bitcast(builder.gep(array.data, [arguments[1]]), number.as_pointer())
        loaded = builder.load(place, align=4)
        same = builder.insert_element(number(ir.Undefined), arguments[2], ir.IntType(32)(0))
        same = builder.shuffle_vector(same, number(ir.Undefined), ir.VectorType(ir.IntType(32), 64)(None))
        return builder.bitcast(builder.icmp_signed(">=", loaded, same), ir.IntType(64))

    return numba.types.uint64(voltages, numba.types.int64, numba.types.int32), generate


@spliced
def _spikes_of(voltages, at, threshold):
    """Bits of the up to 64 neurons from `at` on that spike."""
    if at + 64 <= len(voltages):
        return _spike_bits(voltages, at, np.int32(threshold))
    bits = np.uint64(0)
    for i in range(at, len(voltages)):
        bits |= np.uint64(voltages[i] >= threshold) << np.uint64(i - at)
    return bits


@spliced
def _list_spikes(voltages, threshold, spiking):
    """Write the neurons that spike into `spiking`. Returns their number."""
    number, at = np.int64(0), np.int64(0)
    while at < len(voltages):
        bits = _spikes_of(voltages, at, threshold)
        while bits:
            spiking[number] = np.int32(at + _lowest_bit(bits))
            bits &= bits - np.uint64(1)
            number += 1
        at += 64
    return number


@spliced
def _send(n, t, cells, before_reset, out):
    """Write the spikes of a step, or the voltages of neurons that never spike, to when they are sent."""
    n_steps, noise = out.shape[1], cells.noise
    if cells.threshold == NEVER:
        for i in range(len(before_reset)):
            out[n, t, i] = np.float32(before_reset[i]) / cells.scale
    elif len(cells.shifts):
        for i in range(len(before_reset)):
            if before_reset[i] >= cells.threshold and t + cells.shifts[i] < n_steps:
                out[n, t + cells.shifts[i], i] = noise[n, t % noise.shape[1], i] if noise.size else np.float32(1)
    elif t + cells.uniform_shift < n_steps:
        late = out[n, t + cells.uniform_shift]
        for i in range(len(late)):
            late[i] = np.float32(1) if before_reset[i] >= cells.threshold else np.float32(0)
        if noise.size:
            factors = noise[n, t % noise.shape[1]]
            for i in range(len(late)):
                late[i] *= factors[i]


@spliced
def _keep(states, upper, lower):
    for i in range(len(states)):
        upper[i] = np.int16(states[i] >> np.int32(8))
        lower[i] = np.uint8(states[i] & np.int32(255))


@spliced
def _bring_back(upper, lower, states):
    for i in range(len(states)):
        states[i] = np.int32(np.int32(np.int32(upper[i]) << np.int32(8)) | np.int32(lower[i]))


@compiled
def forward(first, last, incoming, cells, current, voltage, kept, out, room):
    """All steps of samples `first` to `last`.

    Arguments:
        incoming: `Incoming`; cells: `Cells`; kept: `Kept`, filled.
        current, voltage: states (samples, neurons); overwritten by those after the last step.
        out: (samples, steps, neurons), zeros where there are `shifts`.
        room: for one step, int32 (5, neurons).

    Returns:
        All bits that magnitudes of states had; -1 where a real number is outside of the limit.
    """
    n_steps = out.shape[1]
    seen = np.int64(0)
    arriving, before_reset, spiking = room[0], room[1], room[2]
    for n in range(first, last):
        n_spiking = np.int64(0)
        u, v = current[n], voltage[n]
        if not len(cells.shifts):
            for t in range(min(cells.uniform_shift, n_steps)):
                out[n, t, :] = 0
        for t in range(n_steps):
            if kept.interval and t % kept.interval == 0:
                border = kept.borders[n, t // kept.interval]
                _copy(u, border[0])
                _copy(before_reset if t else v, border[1])
            bits = _step(n, t, n_spiking, incoming, cells, n_steps, u, v, arriving, before_reset, spiking)
            if bits < 0:
                return bits
            seen |= bits
            if kept.voltages.size:
                _keep(before_reset, kept.voltages[n, t], kept.low_voltages[n, t])
            if kept.currents.size:
                _keep(u, kept.currents[n, t], kept.low_currents[n, t])
            if len(incoming.feedback):
                n_spiking = _list_spikes(before_reset, cells.threshold, spiking)
            _send(n, t, cells, before_reset, out)
    return seen


@spliced
def _run_again(n, chunk, end, incoming, cells, n_steps, kept, room, currents, voltages):
    """Bring back the states (steps, neurons) of the steps of a chunk, which ends before step `end`."""
    arriving, before_reset, spiking, u, v = room[0], room[1], room[2], room[3], room[4]
    _copy(kept.borders[n, chunk, 0], u)
    _copy(kept.borders[n, chunk, 1], v)
    n_spiking = np.int64(0)
    if chunk:
        if len(incoming.feedback):
            n_spiking = _list_spikes(v, cells.threshold, spiking)
        for i in range(len(v)):
            v[i] = np.int32(0) if v[i] >= cells.threshold else v[i]
    begin = chunk * kept.interval
    for t in range(begin, end):
        _step(n, t, n_spiking, incoming, cells, n_steps, u, v, arriving, before_reset, spiking)
        _copy(before_reset, voltages[t - begin])
        if currents.size:
            _copy(u, currents[t - begin])
        if len(incoming.feedback):
            n_spiking = _list_spikes(before_reset, cells.threshold, spiking)


# Back ----------------------------------------------------------------------------------------------------------------


@spliced
def _late_gradient(t, out_gradient, cells, row):
    """The gradient of what each neuron of a sample sends in step t, which leaves its shift later."""
    n_steps = len(out_gradient)
    if len(cells.shifts):
        for i in range(len(row)):
            late = t + cells.shifts[i]
            row[i] = out_gradient[late, i] if late < n_steps else np.float32(0)
    elif t + cells.uniform_shift < n_steps:
        _copy(out_gradient[t + cells.uniform_shift], row)
    else:
        row[:] = 0


@spliced
def _delay_gradient(n, t, out_gradient, cells, voltages, found):
    """Add the gradients of axonal delays, as SLAYER defines them: the output's change times its gradient."""
    n_steps, noise = len(out_gradient), cells.noise
    for i in range(len(found)):
        late = t + cells.shifts[i]
        if voltages[i] < cells.threshold or late >= n_steps:
            continue
        sent = noise[n, t % noise.shape[1], i] if noise.size else np.float32(1)
        following = out_gradient[late + 1, i] if late + 1 < n_steps else np.float32(0)
        found[i] += np.float64(sent * (following - out_gradient[late, i]))


@compiled
def _surrogate(voltages, unit, threshold, steepness, peak, row):
    """Multiply by SLAYER's derivative of a spike with respect to the voltage, `peak * exp(-|v - threshold| / tau)`.

    The exponential is written out so that it is done for whole vectors, as 2^-x of x split into a whole number and a
    rest. `unit` is that of `voltages`, `steepness` log2(e) / tau.
    """
    for i in range(len(row)):
        x = abs(np.float32(voltages[i]) * unit - threshold) * steepness
        # Beyond that it is below the least normal number.
        x = x if x < _LARGEST_POWER else _LARGEST_POWER
        shifted = np.float32(x + _ROUNDING)
        r = np.float32(np.float32(shifted - _ROUNDING) - x) * _LN2
        y = np.float32(1.9875691500e-4) * r + np.float32(1.3981999507e-3)
        y = y * r + np.float32(8.3334519073e-3)
        y = y * r + np.float32(4.1665795894e-2)
        y = y * r + np.float32(1.6666665459e-1)
        y = y * r + np.float32(5.0000001201e-1)
        y = y * (r * r) + r + np.float32(1)
        exponent = np.uint32(np.uint32(127) - shifted.view(np.uint32))
        row[i] *= peak * (y * np.uint32(exponent << np.uint32(23)).view(np.float32))


@spliced
def _step_back(
    n, t, out_gradient, cells, slope, currents, voltages, caused, row, through_current, through_voltage, sums
):
    """From the gradient of what a sample's neurons send in step t to that of what arrives: `through_current`.

    `out_gradient` is that of the sample's output, (steps, neurons); `caused` that of what is sent, from what it causes
    in step t + 1; `currents` and `voltages` are those of step t.
    """
    _late_gradient(t, out_gradient, cells, row)
    if len(sums.delay):
        _delay_gradient(n, t, out_gradient, cells, voltages, sums.delay)
    if len(caused):
        for i in range(len(row)):
            row[i] += caused[i]
    if cells.noise.size:
        factors = cells.noise[n, t % cells.noise.shape[1]]
        for i in range(len(row)):
            row[i] *= factors[i]
    if slope.steepness > 0:
        _surrogate(voltages, slope.unit, slope.threshold, slope.steepness, slope.peak, row)
    if len(sums.current_decay):
        for i in range(len(row)):
            sums.current_decay[i] += np.float64(through_current[i] * (np.float32(currents[i]) * slope.unit))
            sums.voltage_decay[i] += np.float64(through_voltage[i] * (np.float32(voltages[i]) * slope.unit))
    for i in range(len(row)):
        through_voltage[i] = slope.keep_voltage[i] * through_voltage[i] + row[i]
        through_current[i] = slope.keep_current[i] * through_current[i] + through_voltage[i]
    if len(sums.bias):
        for i in range(len(row)):
            sums.bias[i] += np.float64(through_voltage[i])


@compiled
def backward(first, last, at_once, out_gradient, incoming, cells, slope, kept, room, sums, found):
    """All steps of samples `first` to `last`, `at_once` side by side, from the last step to the first.

    A recurrent layer takes TILE_ROWS samples at once, so that its weights are read once for all of them.

    Arguments:
        out_gradient: of the output, (samples, steps, neurons), from sample `found.first` on.
        incoming, cells, kept: as in `forward`.
        slope: `Slope`; room: `Room`; sums: `Sums`, found: `Found`, both filled.
    """
    n_steps, n_neurons = out_gradient.shape[1], out_gradient.shape[2]
    interval = kept.interval if kept.interval else max(1, n_steps)
    through_current, through_voltage = room.through[0], room.through[1]
    nothing = room.row[:0]
    for base in range(first, last, at_once):
        number = min(at_once, last - base)
        room.through[:] = 0
        room.caused[:] = 0
        end = n_steps
        while end > 0:
            chunk = (end - 1) // interval
            begin = chunk * interval
            if kept.interval:
                for s in range(number):
                    _run_again(
                        base + s, chunk, end, incoming, cells, n_steps, kept, room.step, room.currents[s],
                        room.voltages[s],
                    )  # fmt: skip
            for t in range(end - 1, begin - 1, -1):
                for s in range(number):
                    n = base + s
                    voltages, currents = room.step[1], room.step[3, : len(sums.current_decay)]
                    if kept.interval:
                        voltages = room.voltages[s, t - begin]
                    elif kept.voltages.size:
                        _bring_back(kept.voltages[n, t], kept.low_voltages[n, t], voltages)
                    if kept.interval and len(currents):
                        currents = room.currents[s, t - begin]
                    elif kept.currents.size:
                        _bring_back(kept.currents[n, t], kept.low_currents[n, t], currents)
                    caused = room.caused[s, :n_neurons] if room.caused.size else nothing
                    _step_back(
                        n, t, out_gradient[n - found.first], cells, slope, currents, voltages, caused, room.row,
                        through_current[s], through_voltage[s], sums,
                    )  # fmt: skip
                    if found.arriving.size:
                        _copy(through_current[s], found.arriving[n - found.first, t])
                    else:
                        _copy(through_current[s], room.arriving[s, t])
                    if found.feedback.size:
                        for word in range(room.spiked.shape[2]):
                            room.spiked[s, t, word] = _spikes_of(voltages, word * 64, cells.threshold)
                if room.caused.size:
                    _multiply(through_current, n_neurons, room.panels, room.caused)
            end = begin
        for s in range(number):
            n = base + s
            gradients = found.arriving[n - found.first] if found.arriving.size else room.arriving[s]
            if found.weights.size:
                _scatter(
                    n, incoming.starts, incoming.sources, incoming.graded, gradients, room.steps, room.ends,
                    found.weights,
                )  # fmt: skip
            if found.feedback.size:
                _scatter_spikes(
                    room.spiked[s], cells.noise[n], gradients, room.feedback_steps, room.feedback_ends, found.feedback
                )
