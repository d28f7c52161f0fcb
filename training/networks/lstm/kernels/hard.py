"""One element of an LSTM with clipped activations, forward and back.

A gate is `clip(z / (2 a) + 1/2, 0, 1)`, the cell gate `clip(z, -a, a)`, tanh of the cell `clip(c / a, -1, 1)`, with an
a of its own in each of them: 2, 2, 1, 2 and 1 are the slopes of sigmoid and tanh at 0.
"""

import numpy as np

from lapilli.simulators.compiled import compiled, spliced

_ONE, _ZERO, _HALF, _TWO = np.float32(1), np.float32(0), np.float32(0.5), np.float32(2)


@spliced
def clipped(value, limit):
    """What a limit on both sides leaves of a value."""
    return min(max(value, -limit), limit)


@spliced
def opened(z, clip):
    """How far a gate is open, 0…1."""
    return min(max(z / (_TWO * clip) + _HALF, _ZERO), _ONE)


@compiled
def forward(x, r, bias, clips, before, z, cell, h):
    """One element.

    Arguments:
        x, r: what arrives from below and from the layer itself, (samples, 4 units).
        bias: (4 units); clips: of i, f, g, o and tanh.
        before: cells after the element before, (samples, units).
        z: currents, as `x`; cell, h: as `before`; filled.
    """
    n_samples, units = h.shape
    for n in range(n_samples):
        row, above, around = z[n], x[n], r[n]
        for i in range(4 * units):
            row[i] = above[i] + around[i] + bias[i]
        zi, zf, zg, zo = row[0:units], row[units : 2 * units], row[2 * units : 3 * units], row[3 * units : 4 * units]
        earlier, now, sent = before[n], cell[n], h[n]
        for i in range(units):
            c = opened(zf[i], clips[1]) * earlier[i] + opened(zi[i], clips[0]) * clipped(zg[i], clips[2])
            now[i] = c
            sent[i] = opened(zo[i], clips[3]) * (clipped(c, clips[4]) / clips[4])


@compiled
def backward(dh, dc, clips, before, z, cell, dz, found):
    """One element back.

    Arguments:
        dh: gradient of what was sent; dc: of the cells, becomes that of the cells before; (samples, units).
        clips, before, z, cell: of the way forward.
        dz: gradient of currents, as `z`; filled.
        found: of the clips, (5, units); added to.
    """
    n_samples, units = dh.shape
    for n in range(n_samples):
        row, out = z[n], dz[n]
        zi, zf, zg, zo = row[0:units], row[units : 2 * units], row[2 * units : 3 * units], row[3 * units : 4 * units]
        di, df, dg, do = out[0:units], out[units : 2 * units], out[2 * units : 3 * units], out[3 * units : 4 * units]
        earlier, now, of_cell, of_sent = before[n], cell[n], dc[n], dh[n]
        for i in range(units):
            c, t = now[i], clipped(now[i], clips[4]) / clips[4]
            do[i] = of_sent[i] * t
            dt = of_sent[i] * opened(zo[i], clips[3])
            slope = dt / clips[4] if abs(c) <= clips[4] else _ZERO
            found[4, i] -= slope * t
            of_cell[i] += slope
        for i in range(units):
            total, g = of_cell[i], clipped(zg[i], clips[2])
            passed = total * opened(zi[i], clips[0])
            inside = abs(zg[i]) <= clips[2]
            dg[i] = passed if inside else _ZERO
            found[2, i] += _ZERO if inside else (passed if zg[i] > _ZERO else -passed)
            di[i] = total * g
            df[i] = total * earlier[i]
            of_cell[i] = total * opened(zf[i], clips[1])
        _gate(zi, clips[0], di, found[0])
        _gate(zf, clips[1], df, found[1])
        _gate(zo, clips[3], do, found[3])


@spliced
def _gate(z, clip, dz, of_clip):
    """From the gradient of a gate, in `dz`, to that of its current, and of its clip."""
    for i in range(len(z)):
        slope = dz[i] / (_TWO * clip) if abs(z[i]) <= clip else _ZERO
        of_clip[i] -= slope * z[i] / clip
        dz[i] = slope
