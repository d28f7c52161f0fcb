"""The inner loops of online learning, compiled by numba: a sample after the other, in Lava's integers.

One step, in the order of Lava's Processes (`docs/how-to/learning.md`):

1. Neurons integrate what left their sources a step ago, and spike. The readout compares itself with the label.
2. Synapses add up the weights that the spikes meet, with the weights as they were learnt until the step before.
3. The spikes of the step before enter the traces, and the weights learn.
"""

import numpy as np

from lapilli.simulators.by_reference import by_reference
from lapilli.simulators.compiled import compiled, spliced

# Rows of `counts`.
VISITS, CAUSAL, NON_CAUSAL, CHANGES, SATURATED = range(5)

_STATE_LIMIT = 8388608
_ACCUMULATOR_LOW, _ACCUMULATOR_HIGH = -32769, 32767
_SHARE_BITS, _EXPONENTIAL_BITS, _FINE, _UNIT_EXP, _ERROR_BITS = 30, 31, 64, 12, 6


@compiled
def run_samples(fixed, tables, streams, state, events, labels, learns, decides, scores, counts):
    """Decide and learn samples, one after the other.

    Arguments:
        fixed: `arrays.Fixed`; tables, streams: of `streams.py`.
        state: `arrays.TwinState`, changed in place.
        events: (step, neuron, offsets) of the samples.
        labels: of each sample.
        learns, decides: whether to learn from each sample, and to decide its class before.
        scores: int64, (samples, classes), filled where a class is decided.
        counts: int64, (samples, 5), added to.
    """
    fixed, tables = by_reference(fixed), by_reference(tables)
    streams, state = by_reference(streams), by_reference(state)
    step, neuron, offsets = events
    for sample in range(len(labels)):
        first, last = offsets[sample], offsets[sample + 1]
        if decides:
            _run_sample(fixed, tables, streams, state, step[first:last], neuron[first:last], labels[sample],
                        np.int64(-1), scores[sample], counts[sample])  # fmt: skip
        if learns:
            _run_sample(fixed, tables, streams, state, step[first:last], neuron[first:last], labels[sample],
                        sample * fixed.period, scores[sample], counts[sample])  # fmt: skip


@compiled
def _run_sample(fixed, tables, streams, state, step, neuron, label, origin, scores, counts):
    """Run one sample; `origin` is the number of its first step in `streams`, negative: do not learn, but score."""
    learns = origin >= 0
    _clear(state)
    event = 0
    n_layers = len(fixed.layers.at)
    readout = fixed.layers.at[n_layers - 1]
    for now in range(fixed.period):
        state.sent[:] = 0
        while event < len(step) and step[event] == now:
            state.sent[neuron[event]] = 1
            event += 1
        for layer in range(n_layers):
            at, n = fixed.layers.at[layer], fixed.layers.n[layer]
            _integrate(fixed, state, at, n)
            if layer < n_layers - 1:
                _spike(fixed, state, layer, at, n, learns, counts)
        voltage = state.neurons.voltage[readout : readout + fixed.layers.n[n_layers - 1]]
        if learns:
            active = now >= fixed.period - fixed.window
            _read_error(fixed, state, voltage, label, active, readout)
        else:
            _score(fixed, state, voltage, scores)
        _deliver(fixed, state)
        if learns:
            for synapse in range(len(fixed.synapses.target)):
                _learn(fixed, tables, streams, state, synapse, origin + now, counts)
            _feed_back(fixed, state)
            _copy(state.sent, state.arrived)
        if state.record.wanted:
            _record(state, now, origin)


@compiled
def _clear(state):
    state.neurons.current[:] = 0
    state.neurons.voltage[:] = 0
    state.neurons.post[:] = 0
    state.neurons.arriving[:] = 0
    state.arrived[:] = 0
    state.pre[:] = 0
    state.signal[:] = 0
    state.error[:] = 0


@compiled
def _integrate(fixed, state, at, n):
    """Current and voltage of a layer's neurons, as of Lava's fixed-point LIF; what arrives is used up."""
    neurons, own = state.neurons, fixed.neurons
    for i in range(at, at + n):
        current = np.int64(np.int32(_kept(neurons.current[i], own.keep_current[i]) + (neurons.arriving[i] << 6)))
        neurons.arriving[i] = 0
        if current > _STATE_LIMIT:
            current -= 2 * _STATE_LIMIT
        elif current <= -_STATE_LIMIT:
            current += 2 * _STATE_LIMIT
        neurons.current[i] = current
        voltage = np.int64(np.int32(_kept(neurons.voltage[i], own.keep_voltage[i]) + current + own.bias[i]))
        neurons.voltage[i] = min(max(voltage, -_STATE_LIMIT + 1), _STATE_LIMIT - 1)


@spliced
def _kept(value, keep):
    kept = (abs(value) * keep) >> 12
    return kept if value >= 0 else -kept


@compiled
def _spike(fixed, state, layer, at, n, learns, counts):
    """Spikes, reset and, where the network learns, what the neurons tell their synapses."""
    neurons, rule = state.neurons, fixed.layers
    for i in range(at, at + n):
        voltage, threshold = neurons.voltage[i], fixed.neurons.threshold[i]
        spikes = voltage > threshold
        state.sent[fixed.n_inputs + i] = spikes
        if learns:
            signal = min(max(state.signal[i], -64), 63)
            counts[SATURATED] += signal != state.signal[i]
            psi = max(rule.psi_peak[layer] - (abs(voltage - threshold) >> rule.psi_shift[layer]), 0)
            read = min(neurons.post[i] >> (6 + rule.post_shift[layer]), 127)
            neurons.y1[i] = psi if signal != 0 else 0
            neurons.y2[i] = read if signal != 0 else 0
            neurons.y3[i] = 64 + signal
            neurons.post[i] = min(((neurons.post[i] * rule.post_decay[layer]) >> 12) + (psi << 6), _STATE_LIMIT - 1)
        if state.record.wanted:
            # As the neuron's probe in Lava sees it: before the reset.
            state.record.voltage_now[i] = voltage
        if spikes:
            neurons.voltage[i] = 0


@spliced
def _exponentials(fixed, state, voltage, exponent):
    """Exponentials of voltages / 2^exponent less the largest one, in `state.scratch.powers`; their sum."""
    largest = voltage[0]
    for k in range(len(voltage)):
        largest = max(largest, voltage[k])
    total = np.int64(0)
    for k in range(len(voltage)):
        below = _scaled(largest, exponent) - _scaled(voltage[k], exponent)
        whole, rest = below // _FINE, below % _FINE
        power = np.int64(0)
        if whole < len(fixed.coarse):
            power = (fixed.coarse[whole] * fixed.fine[rest]) >> _EXPONENTIAL_BITS
        state.scratch.powers[k] = power
        total += power
    return total


@spliced
def _scaled(voltage, exponent):
    return voltage << (_UNIT_EXP - exponent) if exponent <= _UNIT_EXP else voltage >> (exponent - _UNIT_EXP)


@compiled
def _read_error(fixed, state, voltage, label, active, readout):
    """Error of the readout, and what it tells its synapses."""
    neurons = state.neurons
    shift = _SHARE_BITS - _ERROR_BITS
    total = _exponentials(fixed, state, voltage, fixed.voltage_exp) if active else np.int64(1)
    for k in range(len(voltage)):
        error = np.int64(0)
        if active:
            error = (state.scratch.powers[k] << _SHARE_BITS) // total
            if k == label:
                error -= np.int64(1) << _SHARE_BITS
            error = min(max((error + (np.int64(1) << (shift - 1))) >> shift, np.int64(-64)), np.int64(63))
        state.error[k] = error
        neurons.y1[readout + k] = 127 if error != 0 else 0
        neurons.y2[readout + k] = 0
        neurons.y3[readout + k] = 64 + error
        if state.record.wanted:
            state.record.voltage_now[readout + k] = voltage[k]


@compiled
def _score(fixed, state, voltage, scores):
    if not fixed.softmax:
        for k in range(len(voltage)):
            scores[k] += voltage[k]
        return
    total = _exponentials(fixed, state, voltage, _UNIT_EXP)
    for k in range(len(voltage)):
        scores[k] += (state.scratch.powers[k] << _SHARE_BITS) // total


@compiled
def _deliver(fixed, state):
    """Sums of weights that this step's spikes meet, for the next step."""
    synapses, neurons = fixed.synapses, state.neurons
    for synapse in range(len(synapses.target)):
        source, n_pre = synapses.source_at[synapse], synapses.n_pre[synapse]
        layer = synapses.target[synapse]
        at, n = fixed.layers.at[layer], fixed.layers.n[layer]
        weights = state.weights[synapses.weight_at[synapse] :]
        sums = state.scratch.sums[:n]
        sums[:] = 0
        for j in range(n_pre):
            if state.sent[source + j]:
                for i in range(n):
                    sums[i] += weights[i * n_pre + j]
        exponent = synapses.weight_exp[synapse]
        for i in range(n):
            total = sums[i] << exponent if exponent > 0 else sums[i] >> -exponent
            neurons.arriving[at + i] = np.int64(np.int32(neurons.arriving[at + i] + total))


@compiled
def _learn(fixed, tables, streams, state, synapse, number, counts):
    """Decay and feed the traces of a synapse, then change its weights; step `number` of `streams`."""
    synapses, neurons, scratch = fixed.synapses, state.neurons, state.scratch
    source, n_pre, pre_at = synapses.source_at[synapse], synapses.n_pre[synapse], synapses.pre_at[synapse]
    layer = synapses.target[synapse]
    at, n = fixed.layers.at[layer], fixed.layers.n[layer]
    trace, arrived = state.pre[pre_at : pre_at + n_pre], state.arrived[source : source + n_pre]
    random, impulse = streams.x_decay[synapse, number], streams.impulse[synapse, number]
    n_traces, n_arrived = 0, 0
    for j in range(n_pre):
        value = trace[j]
        decayed = tables.x_whole[synapse, value] + (random < tables.x_fraction[synapse, value])
        if arrived[j]:
            decayed = min(max(decayed + impulse, 0), 127)
            scratch.listed[n_arrived] = j
            n_arrived += 1
        trace[j] = decayed
        n_traces += decayed != 0
    random, carry = streams.y_decay[synapse, number], streams.carry[number]
    causal, shift = synapses.causal[synapse], synapses.causal_shift[synapse]
    counts[VISITS] += n * n_pre
    for i in range(n):
        if neurons.y1[at + i] == 0 and neurons.y2[at + i] == 0:
            continue
        signal = _decayed_y(tables, random, neurons.y3[at + i]) - 64
        factor = _decayed_y(tables, random, neurons.y1[at + i]) * signal * causal
        product = _decayed_y(tables, random, neurons.y2[at + i]) * signal * synapses.non_causal[synapse]
        constant = (product >> 3) << synapses.non_causal_shift[synapse]
        constant = min(max(constant, _ACCUMULATOR_LOW), _ACCUMULATOR_HIGH)
        counts[CAUSAL] += n_traces * (factor != 0)
        counts[NON_CAUSAL] += n_arrived * (product != 0)
        row = synapses.weight_at[synapse] + i * n_pre
        weights = state.weights[row : row + n_pre]
        low, high = synapses.low[synapse], synapses.high[synapse]
        changed = 0
        meeting = n_arrived if constant != 0 else 0
        for k in range(meeting):
            scratch.kept[k] = weights[scratch.listed[k]]
        if factor != 0:
            bounded = ((127 * abs(factor) >> 10) + 1) << shift <= _ACCUMULATOR_HIGH
            learn_row = (weights, trace, np.int32(factor), np.int32(shift), np.int32(carry), low, high)
            changed += _learn_row_bounded(*learn_row) if bounded else _learn_row(*learn_row)
        for k in range(meeting):
            # Both products, and the limit of the accumulator between them.
            j = scratch.listed[k]
            changed -= weights[j] != scratch.kept[k]
            total = _limited((np.int64(scratch.kept[k]) << 7) + _limited((trace[j] * factor >> 10) << shift))
            weights[j] = min(max((_limited(total + constant) + carry) >> 7, np.int64(low)), np.int64(high))
            changed += weights[j] != scratch.kept[k]
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
def _feed_back(fixed, state):
    """Learning signals of the next step from the errors of this one."""
    n_classes = fixed.n_classes
    for i in range(len(state.signal)):
        total = np.int64(0)
        for k in range(n_classes):
            total += fixed.neurons.feedback[i, k] * state.error[k]
        state.signal[i] = total >> fixed.feedback_shift


@compiled
def _record(state, now, origin):
    """Keep what happens in a step; of a sample that is only decided, nothing."""
    if origin < 0:
        return
    number, record = origin + now, state.record
    _copy(state.sent, record.sent[number])
    _copy(record.voltage_now, record.voltage[number])
    _copy(state.neurons.y1, record.y[number, 0])
    _copy(state.neurons.y2, record.y[number, 1])
    _copy(state.neurons.y3, record.y[number, 2])
    _copy(state.pre, record.pre[number])


@compiled
def _copy(source, target):
    """Without the temporary array of an assignment, which only numba's runtime could allocate."""
    for i in range(len(source)):
        target[i] = source[i]
