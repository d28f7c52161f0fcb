"""A layer's way back: gradients of what arrives, of what neurons have, and of the weights in front of them.

Where states were kept at the borders of chunks of steps only, each chunk runs again first. Nothing else depends on
chunks, so that gradients are the same bit for bit.
"""

import numpy as np

from lapilli.simulators.compiled import compiled, spliced
from lapilli.training.fused.kernels.forward import run_again
from lapilli.training.fused.kernels.neurons import bring_back, spikes_of
from lapilli.training.fused.kernels.product import multiply
from lapilli.training.fused.kernels.rows import copy
from lapilli.training.fused.kernels.surrogate import through_spikes
from lapilli.training.fused.kernels.weight_gradients import scatter_dropped_spikes, scatter_events, scatter_spikes


@spliced
def _late_gradient(t, out_gradient, modes, cells, row):
    """The gradient of what each neuron of a sample sends in step t, which leaves its shift later."""
    n_steps = len(out_gradient)
    if modes.own_delays:
        for i in range(len(row)):
            late = t + cells.shifts[i]
            row[i] = out_gradient[late, i] if late < n_steps else np.float32(0)
    elif t + cells.uniform_shift < n_steps:
        copy(out_gradient[t + cells.uniform_shift], row)
    else:
        row[:] = 0


@spliced
def _delay_gradient(n, t, out_gradient, modes, cells, voltages, found):
    """Add the gradients of axonal delays, as SLAYER defines them: the output's change times its gradient."""
    n_steps, noise = len(out_gradient), cells.noise
    for i in range(len(found)):
        late = t + cells.shifts[i]
        if voltages[i] < cells.threshold or late >= n_steps:
            continue
        sent = noise[n, t % noise.shape[1], i] if modes.dropout else np.float32(1)
        following = out_gradient[late + 1, i] if late + 1 < n_steps else np.float32(0)
        found[i] += np.float64(sent * (following - out_gradient[late, i]))


@spliced
def _sent_gradient(n, t, out_gradient, modes, cells, slope, voltages, caused, row):
    """Write the gradient of a sample's voltages in step t, from what is sent in that step alone, into `row`."""
    _late_gradient(t, out_gradient, modes, cells, row)
    if modes.recurrent:
        for i in range(len(row)):
            row[i] += caused[i]
    if modes.dropout:
        factors = cells.noise[n, t % cells.noise.shape[1]]
        for i in range(len(row)):
            row[i] *= factors[i]
    if modes.spiking:
        through_spikes(voltages, slope.unit, slope.threshold, slope.steepness, slope.peak, row)


@spliced
def _decay_gradients(slope, currents, voltages, through_current, through_voltage, sums):
    """Add those of one step; `through_current` and `through_voltage` still are those of the step after."""
    for i in range(len(currents)):
        sums.current_decay[i] += np.float64(through_current[i] * (np.float32(currents[i]) * slope.unit))
        sums.voltage_decay[i] += np.float64(through_voltage[i] * (np.float32(voltages[i]) * slope.unit))


@spliced
def _step_back(
    n, t, out_gradient, modes, wanted, cells, slope, currents, voltages, caused, row, through_current, through_voltage,
    sums,
):  # fmt: skip
    """From the gradient of what a sample's neurons send in step t to that of what arrives: `through_current`.

    `out_gradient` is that of the sample's output, (steps, neurons); `caused` that of what is sent, from what it causes
    in step t + 1; `currents` and `voltages` are those of step t.
    """
    if wanted.delays:
        _delay_gradient(n, t, out_gradient, modes, cells, voltages, sums.delay)
    _sent_gradient(n, t, out_gradient, modes, cells, slope, voltages, caused, row)
    if wanted.decays:
        _decay_gradients(slope, currents, voltages, through_current, through_voltage, sums)
    for i in range(len(row)):
        through_voltage[i] = slope.keep_voltage[i] * through_voltage[i] + row[i]
        through_current[i] = slope.keep_current[i] * through_current[i] + through_voltage[i]
    if wanted.bias:
        for i in range(len(row)):
            sums.bias[i] += np.float64(through_voltage[i])


@spliced
def _sample_back(s, n, t, begin, out_gradient, modes, wanted, cells, slope, kept, room, sums, found):
    """Step t of sample n, the s-th at once, whose chunk began at step `begin`."""
    currents, voltages = room.step.current, room.step.before_reset
    if modes.chunks:
        voltages = room.voltages[s, t - begin]
        if wanted.decays:
            currents = room.currents[s, t - begin]
    if modes.keeps_voltages:
        bring_back(kept.voltages[n, t], kept.low_voltages[n, t], voltages)
    if modes.keeps_currents:
        bring_back(kept.currents[n, t], kept.low_currents[n, t], currents)
    _step_back(
        n, t, out_gradient[n - found.first], modes, wanted, cells, slope, currents, voltages,
        room.caused[s, : len(voltages)] if modes.recurrent else room.row[:0], room.row,
        room.through_current[s], room.through_voltage[s], sums,
    )  # fmt: skip
    if wanted.arriving:
        copy(room.through_current[s], found.arriving[n - found.first, t])
    else:
        copy(room.through_current[s], room.arriving[s, t])
    if wanted.feedback:
        for word in range(room.spiked.shape[2]):
            room.spiked[s, t, word] = spikes_of(voltages, word * 64, cells.threshold)


@spliced
def _weight_gradients(s, n, modes, wanted, incoming, cells, room, found):
    """Add the gradients of the weights in front of sample n, the s-th at once, all of whose steps went back."""
    gradients = found.arriving[n - found.first] if wanted.arriving else room.arriving[s]
    if wanted.weights:
        scatter_events(n, incoming.events, gradients, room.inputs, found.weights)
    if wanted.feedback and modes.dropout:
        scatter_dropped_spikes(room.spiked[s], cells.noise[n], gradients, found.feedback)
    elif wanted.feedback:
        scatter_spikes(room.spiked[s], gradients, room.feedback, found.feedback)


@compiled
def backward(first, last, at_once, modes, wanted, out_gradient, incoming, cells, slope, kept, room, sums, found):
    """All steps of samples `first` to `last`, `at_once` side by side, from the last step to the first.

    A recurrent layer takes TILE_ROWS samples at once, so that its weights are read once for all of them.

    Arguments:
        out_gradient: of the output, (samples, steps, neurons), from sample `found.first` on.
        modes, incoming, cells, kept: as in `forward`.
        wanted: `Wanted`; slope: `Slope`; room: `BackRoom`; sums: `Sums`, found: `Found`, both filled.
    """
    n_steps, n_neurons = out_gradient.shape[1], out_gradient.shape[2]
    interval = kept.interval if modes.chunks else max(1, n_steps)
    for base in range(first, last, at_once):
        number = min(at_once, last - base)
        room.through_current[:] = 0
        room.through_voltage[:] = 0
        room.caused[:] = 0
        end = n_steps
        while end > 0:
            chunk = (end - 1) // interval
            begin = chunk * interval
            if modes.chunks:
                for s in range(number):
                    run_again(
                        base + s, chunk, end, n_steps, modes, wanted, incoming, cells, kept, room.step,
                        room.currents[s], room.voltages[s],
                    )  # fmt: skip
            for t in range(end - 1, begin - 1, -1):
                for s in range(number):
                    _sample_back(
                        s, base + s, t, begin, out_gradient, modes, wanted, cells, slope, kept, room, sums, found
                    )
                if modes.recurrent:
                    multiply(room.through_current, n_neurons, room.panels, room.caused)
            end = begin
        for s in range(number):
            _weight_gradients(s, base + s, modes, wanted, incoming, cells, room, found)
