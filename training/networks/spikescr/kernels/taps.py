"""Taps in time: each channel by itself, with a weight for each distance."""

from lapilli.simulators.compiled import compiled


@compiled
def tap(first, last, values, weights, back, out):
    """`out[t] = sum over k of weights[k] * values[t - k + back]`, zeros outside.

    Arguments:
        first, last: samples.
        values, out: (samples, steps, channels).
        weights: (taps, channels).
        back: steps by which the first tap looks ahead.
    """
    n_steps, width = values.shape[1:]
    for n in range(first, last):
        for t in range(n_steps):
            row = out[n, t]
            row[:] = 0
            for k in range(max(0, t + back - n_steps + 1), min(len(weights), t + back + 1)):
                weight, value = weights[k], values[n, t + back - k]
                for i in range(width):
                    row[i] += weight[i] * value[i]


@compiled
def tap_back(first, last, gradient, weights, back, out):
    """The gradient of the values of `tap`, from that of what it gives; arguments as there."""
    n_steps, width = gradient.shape[1:]
    for n in range(first, last):
        for t in range(n_steps):
            row = out[n, t]
            row[:] = 0
            for k in range(max(0, back - t), min(len(weights), n_steps - t + back)):
                weight, given = weights[k], gradient[n, t - back + k]
                for i in range(width):
                    row[i] += weight[i] * given[i]


@compiled
def tap_weights(first, last, gradient, values, back, found):
    """Add the gradient of the weights of `tap` to `found`, (taps, channels); arguments as there."""
    n_steps, width = values.shape[1:]
    for n in range(first, last):
        for t in range(n_steps):
            given = gradient[n, t]
            for k in range(max(0, t + back - n_steps + 1), min(len(found), t + back + 1)):
                row, value = found[k], values[n, t + back - k]
                for i in range(width):
                    row[i] += given[i] * value[i]
