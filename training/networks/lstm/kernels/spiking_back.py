"""One element of a spiking LSTM layer back: from gradients of what is sent to those of currents and parameters.

Everything is in real numbers: a current of 1 is 256 on integers, a membrane of 1 is 256 * 64. A spike's derivative is
a triangle, `peak * max(0, 1 - |u - theta| / V)` by u / V, where theta is V for a gate and V / 2, on both sides, for
tanh. So V has a gradient too. Resets have none by the spike, but one by V. Rounding and saturation are passed through.
"""

import numpy as np

from lapilli.simulators.compiled import compiled, spliced

_ONE, _ZERO, _HALF = np.float32(1), np.float32(0), np.float32(0.5)


@spliced
def triangle(x, peak):
    """Derivative of a spike, x thresholds away from where it fires."""
    return peak * max(_ZERO, _ONE - abs(x))


@spliced
def gate_back(spike, volts, earlier, later, threshold, kept, peak, back, dz, of_threshold, of_kept):
    """A gate's membrane in one SNN step.

    Arguments:
        spike: gradient of its spikes.
        volts: before the reset, in thresholds, times `threshold`; of this step, and of the one before (`earlier`).
        later: whether there is a step before.
        threshold: real.
        kept: share that the membrane keeps.
        back: gradient of the membrane behind the reset; becomes that of the step before.
        dz: gradient of the current; filled.
        of_threshold, of_kept: added to.
    """
    for i in range(len(back)):
        x = volts[i] / threshold
        slope = triangle(x - _ONE, peak) * spike[i] / threshold
        du = back[i] + slope
        of_threshold[i] -= slope * x + (back[i] if volts[i] >= threshold else _ZERO)
        if later:
            of_kept[i] += du * (earlier[i] - threshold if earlier[i] >= threshold else earlier[i])
        dz[i] = du
        back[i] = kept * du


@spliced
def sign_of(m, threshold):
    """The signed spike of a membrane of tanh."""
    up = _ONE if m + m >= threshold else _ZERO
    down = _ONE if m + m <= -threshold else _ZERO
    return up - down


@spliced
def tanh_back(dh, opened, m, earlier, later, threshold, kept, peak, back, dc, d_open, of_threshold, of_kept):
    """Output gate and tanh in one SNN step.

    Arguments:
        dh: gradient of what is sent; opened: spikes of the output gate.
        m: membranes before the reset; earlier: of the step before.
        back: gradient of the membrane behind the reset; becomes that of the step before.
        dc: gradient of the cell; added to.
        d_open: gradient of the output gate's spikes; filled.
        later, threshold, kept, peak, of_threshold, of_kept: as of `gate_back`.
    """
    for i in range(len(back)):
        x = m[i] / threshold
        sign = sign_of(m[i], threshold)
        slopes = triangle(x - _HALF, peak) + triangle(x + _HALF, peak)
        slope = slopes * dh[i] * opened[i] / threshold
        dm = back[i] + slope
        of_threshold[i] -= slope * x + sign * back[i]
        if later:
            of_kept[i] += dm * (earlier[i] - sign_of(earlier[i], threshold) * threshold)
        d_open[i] = dh[i] * sign
        dc[i] += dm
        back[i] = kept * dm


@spliced
def cell_back(zg, vi, vf, before, threshold_i, threshold_f, clamp, dc, d_in, d_keep, dg, of_clamp):
    """The cell: gradients of both gates' spikes, of the clamped current, and of the cell before (in `dc`)."""
    for i in range(len(dc)):
        inside = abs(zg[i]) <= clamp
        value = min(max(zg[i], -clamp), clamp)
        passed = dc[i] if vi[i] >= threshold_i else _ZERO
        d_in[i] = dc[i] * value
        d_keep[i] = dc[i] * before[i]
        dg[i] = passed if inside else _ZERO
        of_clamp[i] += _ZERO if inside else (passed if zg[i] > _ZERO else -passed)
        dc[i] = dc[i] if vf[i] >= threshold_f else _ZERO


@spliced
def scaled(values, factor, out):
    """A row times a number."""
    for i in range(len(out)):
        out[i] = values[i] * factor


@compiled
def backward(dh, dc, cells, peak, before, volts, cell_unit, volt_unit, tanh, dz, found, room):
    """One element back.

    Arguments:
        dh: gradient of what was sent, (copies, samples, units).
        dc: gradient of the cells behind this element; becomes that of the cells before, same shape.
        cells: thresholds and what is kept, (4) each, and the clamp, (1); real, float32.
        peak: of the surrogate.
        before, volts, tanh: of the way forward, integers in float32.
        cell_unit, volt_unit: one over what is 1 in cells and currents, and in membranes.
        dz: gradient of currents, (copies, samples, 4 units); filled.
        found: of thresholds (rows 0 to 3), kept (4 to 7), starts (8 to 10) and clamp (11), (12, units); added to.
        room: (17, units).
    """
    thresholds, kept, clamp = cells
    copies, n_samples, units = dh.shape
    back, earlier, now, spikes = room[0:4], room[4:8], room[8:13], room[13:17]
    for n in range(n_samples):
        back[:] = 0
        _read(volts[copies - 1, n], tanh[copies - 1, n], cell_unit, volt_unit, now)
        for copy in range(copies - 1, -1, -1):
            later = copy > 0
            if later:
                _read_membranes(volts[copy - 1, n], tanh[copy - 1, n], volt_unit, earlier)
            of_copy, out = dc[copy, n], dz[copy, n]
            d_in, d_keep, d_open, room_before = spikes[0], spikes[1], spikes[2], spikes[3]
            for i in range(units):
                room_before[i] = _ONE if now[2, i] >= thresholds[2] else _ZERO
            tanh_back(
                dh[copy, n],
                room_before,
                now[3],
                earlier[3],
                later,
                thresholds[3],
                kept[3],
                peak,
                back[3],
                of_copy,
                d_open,
                found[3],
                found[7],
            )
            scaled(before[copy, n], cell_unit, room_before)
            cell_back(
                now[4],
                now[0],
                now[1],
                room_before,
                thresholds[0],
                thresholds[1],
                clamp[0],
                of_copy,
                d_in,
                d_keep,
                out[2 * units : 3 * units],
                found[11],
            )
            for k in range(3):
                first = (k + (k == 2)) * units
                gate_back(
                    spikes[k],
                    now[k],
                    earlier[k],
                    later,
                    thresholds[k],
                    kept[k],
                    peak,
                    back[k],
                    out[first : first + units],
                    found[k],
                    found[4 + k],
                )
            if later:
                for k in range(4):
                    scaled(earlier[k], _ONE, now[k])
                scaled(volts[copy - 1, n, 2 * units : 3 * units], cell_unit, now[4])
            else:
                for k in range(3):
                    first = (k + (k == 2)) * units
                    for i in range(units):
                        found[8 + k, i] += out[first + i]


@spliced
def _read_membranes(volts, tanh, volt_unit, out):
    """Membranes of i, f, o and tanh in real numbers, (4, units)."""
    units = len(tanh)
    scaled(volts[0:units], volt_unit, out[0])
    scaled(volts[units : 2 * units], volt_unit, out[1])
    scaled(volts[3 * units : 4 * units], volt_unit, out[2])
    scaled(tanh, volt_unit, out[3])


@spliced
def _read(volts, tanh, cell_unit, volt_unit, out):
    """The same, and the current of the cell gate, (5, units)."""
    units = len(tanh)
    _read_membranes(volts, tanh, volt_unit, out)
    scaled(volts[2 * units : 3 * units], cell_unit, out[4])
