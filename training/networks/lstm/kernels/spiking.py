"""One element of a spiking LSTM layer on integers: all SNN steps of all samples, as the exported layer computes it.

Rows of four gates are in torch's order i, f, g, o; lists of four membranes in the order i, f, o, t.
"""

import numpy as np

from lapilli.simulators.compiled import compiled, spliced

_TOP_CURRENT = np.int32((1 << 17) - 1)
_TOP_STATE = np.int32((1 << 23) - 1)
_BITS = np.int32(6)
_TWELVE = np.int32(12)
_LOW = np.int32(4095)


@spliced
def current(value):
    """What 17 bits and a sign hold of it."""
    return np.int32(min(max(value, -_TOP_CURRENT), _TOP_CURRENT))


@spliced
def state(value):
    """What 23 bits and a sign hold of it."""
    return np.int32(min(max(value, -_TOP_STATE), _TOP_STATE))


@spliced
def leaked(value, kept):
    """`value * kept / 4096`, rounded towards zero; below 2^23 in magnitude, so that both halves fit into 32 bits."""
    size = np.int32(abs(value))
    high = np.int32(np.int32(size >> _TWELVE) * kept)
    low = np.int32(np.int32(np.int32(size & _LOW) * kept) >> _TWELVE)
    left = np.int32(high + low)
    return left if value >= np.int32(0) else np.int32(-left)


@spliced
def arriving(x, x_factor, r, r_factor, bias):
    """A gate's current: both sums shifted, rounding down, and the bias, clipped once."""
    above = np.int32(np.floor(np.float32(x * x_factor)))
    around = np.int32(np.floor(np.float32(r * r_factor)))
    return current(np.int32(np.int32(above + around) + bias))


@spliced
def spiking_gate(x, x_factor, r, r_factor, bias, start, kept, threshold, membrane, volts, fired):
    """Membranes of a gate: `volts` before the reset, in float32, `membrane` behind it, `fired` 0 or 1."""
    level = np.int32(threshold << _BITS)
    for i in range(len(membrane)):
        z = arriving(x[i], x_factor, r[i], r_factor, bias[i])
        u = state(np.int32(leaked(membrane[i], kept) + np.int32(np.int32(start + z) << _BITS)))
        fires = u >= level
        volts[i] = np.float32(u)
        membrane[i] = np.int32(u - level) if fires else u
        fired[i] = np.int32(1) if fires else np.int32(0)


@spliced
def clamped_gate(x, x_factor, r, r_factor, bias, clamp, volts, value):
    """The cell gate: `volts` has its current, `value` what the clamp leaves of it."""
    for i in range(len(value)):
        z = arriving(x[i], x_factor, r[i], r_factor, bias[i])
        volts[i] = np.float32(z)
        value[i] = np.int32(min(max(z, -clamp), clamp))


@spliced
def signed_spikes(before, fired, g, kept, threshold, membrane, cell, volts, h):
    """The cell, tanh of it as a signed spike, and what the output gate lets through.

    Arguments:
        before: the cell after the element before; cell: now; both float32.
        fired: of i, f, o, (3, units); g: of the cell gate.
        membrane: of tanh; volts: the same before the reset, float32.
        h: -1, 0 or 1, float32.
    """
    level = np.int32(threshold << _BITS)
    opens, keeps, lets = fired[0], fired[1], fired[2]
    for i in range(len(membrane)):
        c = state(np.int32(np.int32(np.int32(before[i]) * keeps[i]) + np.int32(g[i] * opens[i])))
        m = state(np.int32(leaked(membrane[i], kept) + np.int32(current(c) << _BITS)))
        twice = np.int32(m + m)
        up = np.int32(1) if twice >= level else np.int32(0)
        down = np.int32(1) if twice <= -level else np.int32(0)
        sign = np.int32(up - down)
        cell[i] = np.float32(c)
        volts[i] = np.float32(m)
        membrane[i] = np.int32(m - np.int32(sign * level))
        h[i] = np.float32(np.int32(sign * lets[i]))


@compiled
def forward(x, x_factor, r, r_factor, bias, cells, before, volts, cell, tanh, h, membrane, fired, g):
    """One element.

    Arguments:
        x: input sums, (1 or copies, samples, 4 units); r: recurrent sums, (copies, samples, 4 units).
        x_factor, r_factor: 2^exponent of both.
        bias: (4 units), int32.
        cells: thresholds and what is kept, (4) each, starts, (3), clamp, (1); int32.
        before: cells after the element before, (copies, samples, units), float32.
        volts: gates' membranes before resets, and the current of g, (copies, samples, 4 units); filled.
        cell, tanh, h: cells, membranes of tanh before resets, and what is sent, (copies, samples, units); filled.
        membrane: room, (4, units), int32; fired: room, (3, units), int32; g: room, (units), int32.
    """
    thresholds, kept, starts, clamp = cells
    copies, n_samples, units = h.shape
    for n in range(n_samples):
        membrane[:] = 0
        for copy in range(copies):
            above, around, out = x[min(copy, len(x) - 1), n], r[copy, n], volts[copy, n]
            for k in range(3):
                # The cell gate stands third among four gates, but has no membrane.
                first = (k + (k == 2)) * units
                part = slice(first, first + units)
                start = starts[k] if copy == 0 else np.int32(0)
                spiking_gate(
                    above[part],
                    x_factor,
                    around[part],
                    r_factor,
                    bias[part],
                    start,
                    kept[k],
                    thresholds[k],
                    membrane[k],
                    out[part],
                    fired[k],
                )
            part = slice(2 * units, 3 * units)
            clamped_gate(above[part], x_factor, around[part], r_factor, bias[part], clamp[0], out[part], g)
            signed_spikes(
                before[copy, n],
                fired,
                g,
                kept[3],
                thresholds[3],
                membrane[3],
                cell[copy, n],
                tanh[copy, n],
                h[copy, n],
            )
