"""The inner loops of training, compiled by numba: over the events of a batch, over the steps of a layer, and back.

All compiled functions and their constants are in this one file, because numba's cache notices changes of the file of
the function that is called from outside, but not of others.

Arrays hold (samples, steps, neurons), so that the neurons of one step lie side by side. Arithmetic is that of SLAYER
(lava-dl 0.6.0, `neuron/dynamics/leaky_integrator.py`, `spike/spike.py`), in 32 bits: as long as no current and no
voltage reaches 2^24 units, nothing that SLAYER does in single precision or in 64 bits rounds differently. The forward
pass reports the magnitudes that it saw; beyond that limit its results are not SLAYER's and must be thrown away.
Arrays that do not apply have size 0.
"""

from typing import Any

import numba
import numba.extending
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]

# These functions allocate nothing, so numba may leave its runtime (and the counting of references) out.
compiled = numba.njit(nogil=True, cache=True, _nrt=False)  # type: ignore[call-overload]
spliced = numba.njit(nogil=True, cache=True, _nrt=False, forceinline=True)  # type: ignore[call-overload]

# numba has no word for the bits of flags: such steps are written as vector code of LLVM.
intrinsic: Any = numba.extending.intrinsic

MAGNITUDE_BITS = 24
"""Currents and voltages of fewer bits are exact in single precision."""

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
def densify(starts, sources, graded, n_steps, first, dense):
    """Write the events of samples from `first` on into (samples, steps, channels) of zeros."""
    for n in range(len(dense)):
        for t in range(n_steps):
            row = (first + n) * n_steps + t
            for event in range(starts[row], starts[row + 1]):
                dense[n, t, sources[event]] = graded[event] if len(graded) else np.float32(1)


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
    """Add `width` columns of the rows `chosen[first:last]` to `target`; the sums stay in registers."""
    if not isinstance(width, numba.types.IntegerLiteral):
        return None

    def generate(context, builder, signature, values):
        _, target_type, _, rows_type, chosen_type, _, _ = signature.args
        number, int64 = width.literal_value, ir.IntType(64)
        stored = ir.VectorType(context.get_data_type(rows_type.dtype), number)
        summed = ir.VectorType(context.get_data_type(target_type.dtype), number)
        real = isinstance(target_type.dtype, numba.types.Float)
        target, rows, chosen = (
            context.make_array(kind)(context, builder, value)
            for kind, value in ((target_type, values[1]), (rows_type, values[3]), (chosen_type, values[4]))
        )
        stride = builder.extract_value(rows.shape, 1)
        place = builder.bitcast(builder.gep(target.data, [values[2]]), summed.as_pointer())
        before = builder.block
        head, body, done = (builder.append_basic_block(name) for name in ("head", "body", "done"))
        sums_before = builder.load(place, align=4)
        builder.branch(head)
        builder.position_at_end(head)
        index, sums = builder.phi(int64), builder.phi(summed)
        index.add_incoming(values[5], before)
        sums.add_incoming(sums_before, before)
        builder.cbranch(builder.icmp_signed("<", index, values[6]), body, done)
        builder.position_at_end(body)
        row = builder.sext(builder.load(builder.gep(chosen.data, [index])), int64)
        start = builder.gep(rows.data, [builder.add(builder.mul(row, stride), values[2])])
        added = builder.load(builder.bitcast(start, stored.as_pointer()), align=1 if not real else 4)
        more = builder.fadd(sums, added) if real else builder.add(sums, builder.sext(added, summed))
        sums.add_incoming(more, body)
        index.add_incoming(builder.add(index, int64(1)), body)
        builder.branch(head)
        builder.position_at_end(done)
        builder.store(sums, place, align=4)
        return context.get_dummy_value()

    return numba.types.void(width, target, column, rows, chosen, first, last), generate


@spliced
def _add_rows(target, rows, chosen, first, last):
    """Add the rows `chosen[first:last]` to `target`."""
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


@spliced
def _add_scaled(target, row, factor):
    for i in range(len(target)):
        target[i] = np.int32(target[i] + np.int32(np.int32(row[i]) * factor))


@spliced
def _gather(begin, end, sources, graded, weights, sums):
    """Sum the weights of active inputs, in units of a current."""
    sums[:] = 0
    if len(graded):
        for event in range(begin, end):
            _add_scaled(sums, weights[sources[event]], np.int32(graded[event] * np.float32(UNIT)))
        return
    _add_rows(sums, weights, sources, begin, end)
    for i in range(len(sums)):
        sums[i] = np.int32(sums[i] * np.int32(UNIT))


@spliced
def _feed_back(number, spiking, factors, weights, sums, spare):
    """Add the weights of recurrent spikes, `factors` those of dropout."""
    if len(factors):
        for event in range(number):
            source = spiking[event]
            _add_scaled(sums, weights[source], np.int32(factors[source] * np.float32(UNIT)))
        return
    spare[:] = 0
    _add_rows(spare, weights, spiking, 0, number)
    for i in range(len(sums)):
        sums[i] = np.int32(sums[i] + np.int32(spare[i] * np.int32(UNIT)))


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
                row = weight_gradient[sources[event]]
                for i in range(len(row)):
                    row[i] += graded[event] * gradients[t, i]
        return
    ends[:] = 0
    for event in range(starts[first], starts[first + n_steps]):
        ends[sources[event]] += 1
    total = np.int32(0)
    for source in range(len(ends)):
        number = ends[source]
        ends[source] = total
        total = np.int32(total + number)
    for t in range(n_steps):
        for event in range(starts[first + t], starts[first + t + 1]):
            steps[ends[sources[event]]] = np.int32(t)
            ends[sources[event]] += 1
    begin = np.int64(0)
    for source in range(len(ends)):
        end = np.int64(ends[source])
        if end > begin:
            _add_rows(weight_gradient[source], gradients, steps, begin, end)
        begin = end


@compiled
def scatter(first, last, starts, sources, graded, gradients, steps, ends, weight_gradient):
    """Add the gradients (samples, steps, neurons) of samples `first` to `last` to those of the weights.

    Arguments:
        starts, sources, graded: events.
        gradients: of what arrives.
        steps: room for as many events as a sample has at most, int32; ends: for a number for each input, int32.
        weight_gradient: (inputs, neurons).
    """
    for n in range(first, last):
        _scatter(n, starts, sources, graded, gradients[n], steps, ends, weight_gradient)


@compiled
def feedback_events(voltages, threshold, noise, starts, sources, graded):
    """Events of the recurrent synapse: the spikes of the step before. Returns their number, or OVERFLOW."""
    n_samples, n_steps, n_neurons = voltages.shape
    total = np.int64(0)
    starts[0] = 0
    for n in range(n_samples):
        starts[n * n_steps + 1] = total
        for t in range(n_steps - 1):
            if total + n_neurons > len(sources):
                return OVERFLOW
            row = voltages[n, t]
            for i in range(n_neurons):
                sources[total] = np.int32(i)
                if noise.size:
                    graded[total] = noise[n, t % noise.shape[1], i]
                total += np.int64(row[i] >= threshold)
            starts[n * n_steps + t + 2] = total
    return total


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


@compiled
def forward(
    first, last, starts, sources, graded, weights, real, scale, feedback,
    keep_current, keep_voltage, bias, threshold, current, voltage, noise, shifts, uniform_shift,
    currents, voltages, out, arriving, spare, spiking,
):  # fmt: skip
    """All steps of samples `first` to `last`.

    Arguments:
        starts, sources, graded, weights: events that arrive and the weights (inputs, neurons) that they meet.
        real: what arrives as real numbers in SLAYER's unit, (samples, steps, neurons).
        scale: units of fixed point in SLAYER's unit, single precision.
        feedback: weights (neurons, neurons) of a recurrent synapse.
        keep_current, keep_voltage: 4096 less the decay, uint32; threshold: in units, NEVER gives voltages as output.
        bias: added to the voltages in each step, in units, int32 (neurons).
        current, voltage: states (samples, neurons); overwritten by those after the last step.
        noise: factors of dropout, (samples, steps or 1, neurons).
        shifts: steps by which the output of each neuron is late; where empty, `uniform_shift` is that of all.
        currents, voltages: kept for the way back, (samples, steps, neurons), before the reset.
        out: (samples, steps, neurons), zeros where there are `shifts`.
        arriving, spare, spiking: room for one step, int32 (neurons).

    Returns:
        All bits that magnitudes of states had; -1 where a real number is outside of the limit.
    """
    n_steps, n_neurons = out.shape[1], out.shape[2]
    seen = np.int64(0)
    for n in range(first, last):
        n_spiking = np.int64(0)
        u, v = current[n], voltage[n]
        if not len(shifts):
            for t in range(min(uniform_shift, n_steps)):
                out[n, t, :] = 0
        for t in range(n_steps):
            if len(starts):
                row = n * n_steps + t
                _gather(starts[row], starts[row + 1], sources, graded, weights, arriving)
            else:
                arriving[:] = 0
            if len(feedback) and n_spiking:
                factors = noise[n, (t - 1) % noise.shape[1]] if noise.size else graded[:0]
                _feed_back(n_spiking, spiking, factors, feedback, arriving, spare)
            if real.size and not _add_real(real[n, t], scale, arriving):
                return np.int64(-1)
            before_reset = voltages[n, t] if voltages.size else spare
            seen |= np.int64(_integrate(arriving, keep_current, keep_voltage, bias, threshold, u, v, before_reset))
            if currents.size:
                _copy(u, currents[n, t])
            if threshold == NEVER:
                for i in range(n_neurons):
                    out[n, t, i] = np.float32(before_reset[i]) / scale
                continue
            n_spiking = np.int64(0)
            if len(feedback):
                for i in range(n_neurons):
                    spiking[n_spiking] = i
                    n_spiking += np.int64(before_reset[i] >= threshold)
            if len(shifts):
                for i in range(n_neurons):
                    if before_reset[i] >= threshold and t + shifts[i] < n_steps:
                        out[n, t + shifts[i], i] = noise[n, t % noise.shape[1], i] if noise.size else np.float32(1)
            elif t + uniform_shift < n_steps:
                late = out[n, t + uniform_shift]
                for i in range(n_neurons):
                    late[i] = np.float32(1) if before_reset[i] >= threshold else np.float32(0)
                if noise.size:
                    factors = noise[n, t % noise.shape[1]]
                    for i in range(n_neurons):
                        late[i] *= factors[i]
    return seen


# Back ----------------------------------------------------------------------------------------------------------------


@spliced
def _late_gradient(n, t, out_gradient, shifts, uniform_shift, row):
    """The gradient of what each neuron sends in step t, which leaves its shift later."""
    n_steps = out_gradient.shape[1]
    if len(shifts):
        for i in range(len(row)):
            late = t + shifts[i]
            row[i] = out_gradient[n, late, i] if late < n_steps else np.float32(0)
    elif t + uniform_shift < n_steps:
        _copy(out_gradient[n, t + uniform_shift], row)
    else:
        row[:] = 0


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
    n, t, out_gradient, shifts, uniform_shift, noise, voltages, unit, threshold, steepness, peak,
    keep_current, keep_voltage, currents, feedback_gradient, row, through_current, through_voltage,
    current_decay_gradient, voltage_decay_gradient, bias_gradient,
):  # fmt: skip
    """From the gradient of what a sample's neurons send in step t to that of what arrives: `through_current`."""
    _late_gradient(n, t, out_gradient, shifts, uniform_shift, row)
    if feedback_gradient.size:
        for i in range(len(row)):
            row[i] += feedback_gradient[n, i]
    if noise.size:
        factors = noise[n, t % noise.shape[1]]
        for i in range(len(row)):
            row[i] *= factors[i]
    if steepness > 0:
        _surrogate(voltages[n, t], unit, threshold, steepness, peak, row)
    if currents.size:
        for i in range(len(row)):
            current_decay_gradient[i] += np.float64(through_current[i] * (np.float32(currents[n, t, i]) * unit))
            voltage_decay_gradient[i] += np.float64(through_voltage[i] * (np.float32(voltages[n, t, i]) * unit))
    for i in range(len(row)):
        through_voltage[i] = keep_voltage[i] * through_voltage[i] + row[i]
        through_current[i] = keep_current[i] * through_current[i] + through_voltage[i]
    if bias_gradient.size:
        for i in range(len(row)):
            bias_gradient[i] += np.float64(through_voltage[i])


@compiled
def backward(
    first, last, out_gradient, shifts, uniform_shift, noise, voltages, unit, threshold, steepness, peak,
    keep_current, keep_voltage, currents, nothing, starts, sources, graded, row, through_current, through_voltage,
    steps, ends, spare, weight_gradient, gradients, current_decay_gradient, voltage_decay_gradient, bias_gradient,
):  # fmt: skip
    """All steps of samples `first` to `last`, from the last to the first.

    Arguments:
        out_gradient: of the output, (samples, steps, neurons).
        shifts, uniform_shift, noise, voltages, currents, starts, sources, graded: as in `forward`.
        unit: of voltages and currents; threshold, peak: of the surrogate, in SLAYER's unit; steepness: log2(e) / tau
            of the surrogate, 0: the output is the voltage.
        keep_current, keep_voltage: share of the state that a step keeps, single precision.
        row, through_current, through_voltage: room for one step, single precision (neurons).
        nothing: size 0, two dimensions.
        steps, ends: as in `scatter`; spare: room for a sample, single precision (steps, neurons).
        weight_gradient: (inputs, neurons); the gradients are added to what is there.
        gradients: of what arrives, (samples, steps, neurons).
        current_decay_gradient, voltage_decay_gradient: of the decays, (neurons), as SLAYER defines them; added to.
        bias_gradient: of the bias, (neurons); added to.
    """
    for n in range(first, last):
        of_sample = gradients[n] if gradients.size else spare
        through_current[:] = 0
        through_voltage[:] = 0
        for t in range(out_gradient.shape[1] - 1, -1, -1):
            _step_back(
                n, t, out_gradient, shifts, uniform_shift, noise, voltages, unit, threshold, steepness, peak,
                keep_current, keep_voltage, currents, nothing, row, through_current, through_voltage,
                current_decay_gradient, voltage_decay_gradient, bias_gradient,
            )  # fmt: skip
            _copy(through_current, of_sample[t])
        if weight_gradient.size:
            _scatter(n, starts, sources, graded, of_sample, steps, ends, weight_gradient)


@compiled
def backward_step(
    t, out_gradient, shifts, uniform_shift, noise, voltages, unit, threshold, steepness, peak,
    keep_current, keep_voltage, currents, feedback_gradient, row, through_current, through_voltage,
    gradients, current_decay_gradient, voltage_decay_gradient, bias_gradient,
):  # fmt: skip
    """Step t of all samples of a recurrent layer.

    Arguments, where not as in `backward`:
        feedback_gradient: of what neurons send, from what they cause in step t + 1, (samples, neurons).
        through_current, through_voltage: (samples, neurons), carried from step to step.
    """
    for n in range(len(out_gradient)):
        _step_back(
            n, t, out_gradient, shifts, uniform_shift, noise, voltages, unit, threshold, steepness, peak,
            keep_current, keep_voltage, currents, feedback_gradient, row, through_current[n], through_voltage[n],
            current_decay_gradient, voltage_decay_gradient, bias_gradient,
        )  # fmt: skip
        _copy(through_current[n], gradients[n, t])


@compiled
def delay_gradients(voltages, threshold, noise, shifts, out_gradient, delay_gradient):
    """Gradients of axonal delays, (neurons), as SLAYER defines them: the output's change times its gradient."""
    n_samples, n_steps, n_neurons = voltages.shape
    for n in range(n_samples):
        for t in range(n_steps):
            for i in range(n_neurons):
                late = t + shifts[i]
                if voltages[n, t, i] < threshold or late >= n_steps:
                    continue
                sent = noise[n, t % noise.shape[1], i] if noise.size else np.float32(1)
                following = out_gradient[n, late + 1, i] if late + 1 < n_steps else np.float32(0)
                delay_gradient[i] += np.float64(sent * (following - out_gradient[n, late, i]))
