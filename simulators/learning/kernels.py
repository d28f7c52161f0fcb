"""The inner loops of online learning, compiled by numba: a sample after the other, in Lava's integers.

One step, in the order of Lava's Processes (`docs/learning.md`):

1. Neurons integrate what left their sources a step ago, and spike. The readout compares itself with the label.
2. Synapses add up the weights that the spikes meet, with the weights as they were learnt until the step before.
3. The spikes of the step before enter the traces, and the weights learn.
"""

import numpy as np

from lapilli.simulators.compiled import compiled, spliced

# Rows of `counts`.
VISITS, CAUSAL, NON_CAUSAL, CHANGES, SATURATED = range(5)

_STATE_LIMIT = 8388608
_ACCUMULATOR_LOW, _ACCUMULATOR_HIGH = -32769, 32767
_SHARE_BITS, _EXPONENTIAL_BITS, _FINE, _UNIT_EXP, _ERROR_BITS = 30, 31, 64, 12, 6


@compiled
def run_samples(program, tables, streams, state, events, labels, learns, decides, scores, counts):
    """Decide and learn samples, one after the other.

    Arguments:
        program: `program.Program`; tables, streams: of `streams.py`.
        state: `program.State`, changed in place.
        events: (step, neuron, offsets) of the samples.
        labels: of each sample.
        learns, decides: whether to learn from each sample, and to decide its class before.
        scores: int64, (samples, classes), filled where a class is decided.
        counts: int64, (samples, 5), added to.
    """
    step, neuron, offsets = events
    for sample in range(len(labels)):
        first, last = offsets[sample], offsets[sample + 1]
        if decides:
            _run_sample(program, tables, streams, state, step[first:last], neuron[first:last], labels[sample],
                        -1, scores[sample], counts[sample])  # fmt: skip
        if learns:
            _run_sample(program, tables, streams, state, step[first:last], neuron[first:last], labels[sample],
                        sample * program.period, scores[sample], counts[sample])  # fmt: skip


@compiled
def _run_sample(program, tables, streams, state, step, neuron, label, origin, scores, counts):
    """Run one sample; `origin` is the number of its first step in `streams`, negative: do not learn, but score."""
    learns = origin >= 0
    _clear(state)
    event = 0
    n_layers = len(program.layer_at)
    readout = program.layer_at[n_layers - 1]
    for now in range(program.period):
        state.sent[:] = 0
        while event < len(step) and step[event] == now:
            state.sent[neuron[event]] = 1
            event += 1
        for layer in range(n_layers):
            at, n = program.layer_at[layer], program.layer_n[layer]
            _integrate(program, state, at, n)
            if layer < n_layers - 1:
                _spike(program, state, layer, at, n, learns, counts)
        voltage = state.voltage[readout : readout + program.layer_n[n_layers - 1]]
        if learns:
            active = now >= program.period - program.window
            _read_error(program, state, voltage, label, active, readout)
        else:
            _score(program, state, voltage, scores)
        _deliver(program, state)
        if learns:
            for synapse in range(len(program.target)):
                _learn(program, tables, streams, state, synapse, origin + now, counts)
            _feed_back(program, state)
            _copy(state.sent, state.arrived)
        if state.records:
            _record(state, now, origin)


@compiled
def _clear(state):
    state.current[:] = 0
    state.voltage[:] = 0
    state.post[:] = 0
    state.arriving[:] = 0
    state.arrived[:] = 0
    state.pre[:] = 0
    state.signal[:] = 0
    state.error[:] = 0


@compiled
def _integrate(program, state, at, n):
    """Current and voltage of a layer's neurons, as of Lava's fixed-point LIF; what arrives is used up."""
    for i in range(at, at + n):
        current = np.int64(np.int32(_kept(state.current[i], program.keep_current[i]) + (state.arriving[i] << 6)))
        state.arriving[i] = 0
        if current > _STATE_LIMIT:
            current -= 2 * _STATE_LIMIT
        elif current <= -_STATE_LIMIT:
            current += 2 * _STATE_LIMIT
        state.current[i] = current
        voltage = np.int64(np.int32(_kept(state.voltage[i], program.keep_voltage[i]) + current + program.bias[i]))
        state.voltage[i] = min(max(voltage, -_STATE_LIMIT + 1), _STATE_LIMIT - 1)


@spliced
def _kept(value, keep):
    kept = (abs(value) * keep) >> 12
    return kept if value >= 0 else -kept


@compiled
def _spike(program, state, layer, at, n, learns, counts):
    """Spikes, reset and, where the network learns, what the neurons tell their synapses."""
    for i in range(at, at + n):
        voltage, threshold = state.voltage[i], program.threshold[i]
        spikes = voltage > threshold
        state.sent[program.n_inputs + i] = spikes
        if learns:
            signal = min(max(state.signal[i], -64), 63)
            counts[SATURATED] += signal != state.signal[i]
            psi = max(program.psi_peak[layer] - (abs(voltage - threshold) >> program.psi_shift[layer]), 0)
            read = min(state.post[i] >> (6 + program.post_shift[layer]), 127)
            state.y1[i] = psi if signal != 0 else 0
            state.y2[i] = read if signal != 0 else 0
            state.y3[i] = 64 + signal
            state.post[i] = min(((state.post[i] * program.post_decay[layer]) >> 12) + (psi << 6), _STATE_LIMIT - 1)
        if state.records:
            # As the neuron's probe in Lava sees it: before the reset.
            state.recorded_voltage[i] = voltage
        if spikes:
            state.voltage[i] = 0


@spliced
def _exponentials(program, state, voltage, exponent):
    """Exponentials of voltages / 2^exponent less the largest one, in `state.powers`; their sum."""
    largest = voltage[0]
    for k in range(len(voltage)):
        largest = max(largest, voltage[k])
    total = np.int64(0)
    for k in range(len(voltage)):
        below = _scaled(largest, exponent) - _scaled(voltage[k], exponent)
        whole, rest = below // _FINE, below % _FINE
        power = np.int64(0)
        if whole < len(program.coarse):
            power = (program.coarse[whole] * program.fine[rest]) >> _EXPONENTIAL_BITS
        state.powers[k] = power
        total += power
    return total


@spliced
def _scaled(voltage, exponent):
    return voltage << (_UNIT_EXP - exponent) if exponent <= _UNIT_EXP else voltage >> (exponent - _UNIT_EXP)


@compiled
def _read_error(program, state, voltage, label, active, readout):
    """Error of the readout, and what it tells its synapses."""
    shift = _SHARE_BITS - _ERROR_BITS
    total = _exponentials(program, state, voltage, program.voltage_exp) if active else np.int64(1)
    for k in range(len(voltage)):
        error = np.int64(0)
        if active:
            error = (state.powers[k] << _SHARE_BITS) // total
            if k == label:
                error -= np.int64(1) << _SHARE_BITS
            error = min(max((error + (np.int64(1) << (shift - 1))) >> shift, np.int64(-64)), np.int64(63))
        state.error[k] = error
        state.y1[readout + k] = 127 if error != 0 else 0
        state.y2[readout + k] = 0
        state.y3[readout + k] = 64 + error
        if state.records:
            state.recorded_voltage[readout + k] = voltage[k]


@compiled
def _score(program, state, voltage, scores):
    if not program.softmax:
        for k in range(len(voltage)):
            scores[k] += voltage[k]
        return
    total = _exponentials(program, state, voltage, _UNIT_EXP)
    for k in range(len(voltage)):
        scores[k] += (state.powers[k] << _SHARE_BITS) // total


@compiled
def _deliver(program, state):
    """Sums of weights that this step's spikes meet, for the next step."""
    for synapse in range(len(program.target)):
        source, n_pre = program.source_at[synapse], program.n_pre[synapse]
        at, n = program.layer_at[program.target[synapse]], program.layer_n[program.target[synapse]]
        weights = state.weights[program.weight_at[synapse] :]
        sums = state.sums[:n]
        sums[:] = 0
        for j in range(n_pre):
            if state.sent[source + j]:
                for i in range(n):
                    sums[i] += weights[i * n_pre + j]
        exponent = program.weight_exp[synapse]
        for i in range(n):
            total = sums[i] << exponent if exponent > 0 else sums[i] >> -exponent
            state.arriving[at + i] = np.int64(np.int32(state.arriving[at + i] + total))


@compiled
def _learn(program, tables, streams, state, synapse, number, counts):
    """Decay and feed the traces of a synapse, then change its weights; step `number` of `streams`."""
    source, n_pre, pre_at = program.source_at[synapse], program.n_pre[synapse], program.pre_at[synapse]
    at, n = program.layer_at[program.target[synapse]], program.layer_n[program.target[synapse]]
    trace, arrived = state.pre[pre_at : pre_at + n_pre], state.arrived[source : source + n_pre]
    random, impulse = streams.x_decay[synapse, number], streams.impulse[synapse, number]
    n_traces, n_arrived = 0, 0
    for j in range(n_pre):
        value = trace[j]
        decayed = tables.x_whole[synapse, value] + (random < tables.x_fraction[synapse, value])
        if arrived[j]:
            decayed = min(max(decayed + impulse, 0), 127)
            state.listed[n_arrived] = j
            n_arrived += 1
        trace[j] = decayed
        n_traces += decayed != 0
    random, carry = streams.y_decay[synapse, number], streams.carry[number]
    causal, shift = program.causal[synapse], program.causal_shift[synapse]
    counts[VISITS] += n * n_pre
    for i in range(n):
        if state.y1[at + i] == 0 and state.y2[at + i] == 0:
            continue
        signal = _decayed_y(tables, random, state.y3[at + i]) - 64
        factor = _decayed_y(tables, random, state.y1[at + i]) * signal * causal
        product = _decayed_y(tables, random, state.y2[at + i]) * signal * program.non_causal[synapse]
        constant = (product >> 3) << program.non_causal_shift[synapse]
        constant = min(max(constant, _ACCUMULATOR_LOW), _ACCUMULATOR_HIGH)
        counts[CAUSAL] += n_traces * (factor != 0)
        counts[NON_CAUSAL] += n_arrived * (product != 0)
        row = program.weight_at[synapse] + i * n_pre
        weights = state.weights[row : row + n_pre]
        low, high = program.low[synapse], program.high[synapse]
        changed = 0
        meeting = n_arrived if constant != 0 else 0
        for k in range(meeting):
            state.kept[k] = weights[state.listed[k]]
        if factor != 0:
            bounded = ((127 * abs(factor) >> 10) + 1) << shift <= _ACCUMULATOR_HIGH
            learn_row = (weights, trace, np.int32(factor), np.int32(shift), np.int32(carry), low, high)
            changed += _learn_row_bounded(*learn_row) if bounded else _learn_row(*learn_row)
        for k in range(meeting):
            # Both products, and the limit of the accumulator between them.
            j = state.listed[k]
            changed -= weights[j] != state.kept[k]
            total = _limited((np.int64(state.kept[k]) << 7) + _limited((trace[j] * factor >> 10) << shift))
            weights[j] = min(max((_limited(total + constant) + carry) >> 7, np.int64(low)), np.int64(high))
            changed += weights[j] != state.kept[k]
        counts[CHANGES] += changed


@spliced
def _limited(value):
    return min(max(value, np.int64(_ACCUMULATOR_LOW)), np.int64(_ACCUMULATOR_HIGH))


@spliced
def _decayed_y(tables, random, value):
    return tables.y_whole[value] + (random < tables.y_fraction[value])


@compiled
def _learn_row(weights, trace, factor, shift, carry, low, high):
    """Change the weights of one neuron by the causal product; how many changed. In 32 bits, for vector registers.

    The accumulator's own limit lies beyond those of the weights and shows only where another product follows.
    """
    shift = np.int32(shift & 31)
    changed = np.int32(0)
    for j in range(len(weights)):
        weight = np.int32(weights[j])
        product = np.int32(np.int32(np.int32(np.int32(trace[j] * factor) >> np.int32(10))) << shift)
        product = min(max(product, np.int32(_ACCUMULATOR_LOW)), np.int32(_ACCUMULATOR_HIGH))
        rounded = np.int32(np.int32(np.int32(np.int32(weight << np.int32(7)) + product) + carry) >> np.int32(7))
        rounded = min(max(rounded, low), high)
        changed = np.int32(changed + np.int32(rounded != weight))
        weights[j] = rounded
    return changed


@compiled
def _learn_row_bounded(weights, trace, factor, shift, carry, low, high):
    """The same, where no product reaches the accumulator's limit."""
    shift = np.int32(shift & 31)
    changed = np.int32(0)
    for j in range(len(weights)):
        weight = np.int32(weights[j])
        product = np.int32(np.int32(np.int32(np.int32(trace[j] * factor) >> np.int32(10))) << shift)
        rounded = np.int32(np.int32(np.int32(np.int32(weight << np.int32(7)) + product) + carry) >> np.int32(7))
        rounded = min(max(rounded, low), high)
        changed = np.int32(changed + np.int32(rounded != weight))
        weights[j] = rounded
    return changed


@compiled
def _feed_back(program, state):
    """Learning signals of the next step from the errors of this one."""
    n_classes = program.n_classes
    for i in range(len(state.signal)):
        total = np.int64(0)
        for k in range(n_classes):
            total += program.feedback[i, k] * state.error[k]
        state.signal[i] = total >> program.feedback_shift


@compiled
def _record(state, now, origin):
    """Keep what happens in a step; of a sample that is only decided, nothing."""
    if origin < 0:
        return
    number = origin + now
    _copy(state.sent, state.record_sent[number])
    _copy(state.recorded_voltage, state.record_voltage[number])
    _copy(state.y1, state.record_y[number, 0])
    _copy(state.y2, state.record_y[number, 1])
    _copy(state.y3, state.record_y[number, 2])
    _copy(state.pre, state.record_pre[number])


@compiled
def _copy(source, target):
    """Without the temporary array of an assignment, which only numba's runtime could allocate."""
    for i in range(len(source)):
        target[i] = source[i]
