"""Leaky neurons with tau 2 that are reset to 0, in floating point behind a batch norm, or on integers."""

import numpy as np

from lapilli.simulators.compiled import compiled
from lapilli.training.networks.spikescr.kernels.rows import drop, halved, limited, slope, whole, wrapped


@compiled
def statistics(first, last, values, totals, squares):
    """Add up values and their squares, float64, over samples `first` to `last` and all steps."""
    for n in range(first, last):
        for t in range(values.shape[1]):
            row = values[n, t]
            for i in range(len(row)):
                value = np.float64(row[i])
                totals[i] += value
                squares[i] += value * value


@compiled
def float_lif(first, last, values, scale, shift, gate, gated, seed, cut, factor, volts, out, state):
    """Neurons of threshold 1 that read `values * scale + shift`.

    Arguments:
        first, last: samples to run.
        values: (samples, steps, channels); scale, shift: (channels).
        gate: as `values`; where `gated` and it is 0, the neuron reads nothing.
        seed, cut, factor: of dropout, as of `rows.drop`; a cut of 0 drops nothing.
        volts, out: voltages before the reset, and what is sent; filled.
        state: (channels), room.
    """
    n_steps, width = values.shape[1:]
    for n in range(first, last):
        state[:] = 0
        for t in range(n_steps):
            row, v, sent = values[n, t], volts[n, t], out[n, t]
            for i in range(width):
                v[i] = row[i] * scale[i] + shift[i]
            if gated:
                opened = gate[n, t]
                for i in range(width):
                    v[i] = v[i] if opened[i] > 0 else np.float32(0)
            for i in range(width):
                now = np.float32(0.5) * state[i] + v[i]
                v[i] = now
                fires = now > np.float32(1)
                state[i] = np.float32(0) if fires else now
                sent[i] = np.float32(1) if fires else np.float32(0)
            if cut:
                drop(sent, seed, np.uint32((n * n_steps + t) * width), cut, factor)


@compiled
def integer_lif(
    first, last, values, bias, threshold, unit, exponent, at_once, gate, gated, seed, cut, factor, volts, out, state
):
    """Neurons on integers, as `CubaLif` of current decay 4096 and voltage decay 2048.

    Arguments:
        values: as of `float_lif`, integers; what dropout left fractions in is rounded.
        bias: integers, (channels), in the unit of `values`.
        threshold: integers, (channels), in the unit of `values` times 2^exponent / 64.
        unit: of voltages in thresholds, `1 / (64 * threshold)`, (channels).
        exponent: a current is `(values + bias) << exponent`.
        at_once: 1 where a neuron fires at its threshold, 0 where it fires above it.
        volts: voltages before the reset in thresholds, exact where thresholds are powers of two.
        state: (channels), int32, room.
        first, last, gate, gated, seed, cut, factor, out: as of `float_lif`.
    """
    n_steps, width = values.shape[1:]
    for n in range(first, last):
        state[:] = 0
        for t in range(n_steps):
            row, v, sent = values[n, t], volts[n, t], out[n, t]
            for i in range(width):
                v[i] = whole(row[i]) + bias[i]
            if gated:
                opened = gate[n, t]
                for i in range(width):
                    v[i] = v[i] if opened[i] > 0 else np.float32(0)
            for i in range(width):
                current = wrapped(np.int32(np.int32(v[i]) << exponent))
                now = limited(np.int32(halved(state[i]) + current))
                level = np.int32(np.int32(threshold[i]) << np.int32(6))
                v[i] = np.float32(now) * unit[i]
                fires = now > np.int32(level - at_once)
                state[i] = np.int32(0) if fires else now
                sent[i] = np.float32(1) if fires else np.float32(0)
            if cut:
                drop(sent, seed, np.uint32((n * n_steps + t) * width), cut, factor)


@compiled
def lif_back(first, last, gradient, volts, edge, exponential, steepness, peak, seed, cut, factor, found, state):
    """From the gradient of what is sent to that of what drives the neurons, in thresholds; resets have none.

    Arguments:
        gradient: (samples, steps, channels).
        volts: of the way forward.
        edge: a neuron fired where its voltage is above that.
        exponential, steepness, peak: of the surrogate, as of `rows.slope`.
        found: as `gradient`; filled.
        state: (channels), room.
        first, last, seed, cut, factor: as of `float_lif`.
    """
    n_steps, width = gradient.shape[1:]
    for n in range(first, last):
        state[:] = 0
        for t in range(n_steps - 1, -1, -1):
            row, v, given = found[n, t], volts[n, t], gradient[n, t]
            for i in range(width):
                row[i] = given[i]
            if cut:
                drop(row, seed, np.uint32((n * n_steps + t) * width), cut, factor)
            slope(v, exponential, steepness, peak, row)
            for i in range(width):
                row[i] += np.float32(0) if v[i] > edge else np.float32(0.5) * state[i]
                state[i] = row[i]


@compiled
def gate_back(first, last, values, scale, shift, gate, found, of_gate):
    """Divide the gradient of what drives gated neurons, `found`, among drive and gate; whole values stay whole.

    Arguments:
        first, last: samples.
        values, gate, found: (samples, steps, channels); `found` becomes the gradient of `values * scale + shift`.
        scale, shift: (channels).
        of_gate: as `found`; filled.
    """
    for n in range(first, last):
        for t in range(values.shape[1]):
            row, opened, back, wide = values[n, t], gate[n, t], found[n, t], of_gate[n, t]
            for i in range(len(row)):
                wide[i] = back[i] * (row[i] * scale[i] + shift[i])
                back[i] = back[i] if opened[i] > 0 else np.float32(0)


@compiled
def norm_sums(first, last, values, mean, found, totals, products):
    """Add up the gradient `found` of normalised values, and its products with `values - mean`, float64, (channels)."""
    for n in range(first, last):
        for t in range(values.shape[1]):
            row, back = values[n, t], found[n, t]
            for i in range(len(row)):
                gradient = np.float64(back[i])
                totals[i] += gradient
                products[i] += gradient * (np.float64(row[i]) - mean[i])


@compiled
def norm_back(first, last, values, mean, scale, level, tilt, found):
    """Make the gradient of normalised values one of the values: `scale * (found - level - (values - mean) * tilt)`."""
    for n in range(first, last):
        for t in range(values.shape[1]):
            row, back = values[n, t], found[n, t]
            for i in range(len(row)):
                back[i] = scale[i] * (back[i] - level[i] - (row[i] - mean[i]) * tilt[i])
