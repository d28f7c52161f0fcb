"""Neurons that see the windows of a map one after the other: forward on integers, backward by a surrogate.

Arrays are float32, (windows, places), real numbers that are whole in units of 2^-unit, which float32 holds exactly.
"""

import numpy as np

from lapilli.simulators.compiled import compiled, spliced

NONE, GROUP, LAYER, SUM, TABLE, OMEGA, CODE = range(7)
"""With which potentials a window begins."""

_LARGEST = np.int32((1 << 23) - 1)
_QUARTER = np.int32(64)
_QUARTER_TURN, _HALF_TURN = np.float32(0.25), np.float32(0.5)
_RADIANS = np.float32(2 * np.pi)


@spliced
def _kept(value, keep):
    """`(value * keep) >> 12` within 32 bits."""
    high = np.int32(np.int32(value >> np.int32(12)) * keep)
    low = np.int32(np.int32(np.int32(value & np.int32(4095)) * keep) >> np.int32(12))
    return np.int32(high + low)


@spliced
def _steps(drive, scale):
    """What arrives, in the neurons' own steps of 2^6 units, as an integer of 24 bits or less."""
    return np.int32(np.floor(drive * scale + np.float32(0.5)))


@spliced
def _fire(start, drive, scale, back, threshold, m, s):
    """Potentials, real, and spikes of a row that begins with `start`, integers, which may lie in `s`."""
    for i in range(len(m)):
        now = np.int32(start[i] + np.int32(_steps(drive[i], scale) << np.int32(6)))
        now = np.int32(min(max(now, -_LARGEST), _LARGEST))
        m[i] = np.float32(now) * back
        s[i] = np.float32(1) if now > threshold else np.float32(0)


@spliced
def _place(both, index_shift):
    """Index of a sum of potentials in a table, counted from -128."""
    held = np.int32(min(max(np.int32(both >> index_shift), np.int32(-128)), np.int32(127)))
    return np.uint32(np.int32(held + np.int32(128)))


@spliced
def _angle(potential, index_shift, quarter):
    """Index of a potential in the sine's table; of its cosine with a quarter of 64."""
    return np.uint32(np.int32(np.int32(potential >> index_shift) + quarter) & np.int32(255))


@spliced
def _sine(turns):
    """The sine of an angle in turns, to 4e-6: its series, over a quarter."""
    r = turns - np.floor(turns + _HALF_TURN)
    x = _RADIANS * np.copysign(_QUARTER_TURN - np.abs(np.abs(r) - _QUARTER_TURN), r)
    y = x * x
    higher = np.float32(1 / 120) + y * (np.float32(-1 / 5040) + y * np.float32(1 / 362880))
    return x * (np.float32(1) + y * (np.float32(-1 / 6) + y * higher))


@compiled
def scan(
    first,
    last,
    current,
    below,
    carry,
    unit,
    keep,
    index_shift,
    table_shift,
    turn,
    gain,
    sine,
    table,
    potential,
    spikes,
    start,
):
    """Run all windows.

    Arguments:
        first, last: places to run.
        current: what arrives in each window, (windows, places).
        below: potentials of the layer below in the same windows; not read where the carry needs none.
        carry: of the constants above.
        unit: 1.0 is 2^unit.
        keep: share that is carried, in 1/4096.
        index_shift: right shift of potentials to the index of a table.
        table_shift: left shift of what `table` gives.
        turn, gain: of CODE, as of `scan_back`.
        sine: 256 integers; table: 256 integers, the index counted from -128; int32.
        potential, spikes: as `current`; filled.
        start: (places), int32, room.
    """
    whole, back = np.float32(1 << unit), np.float32(1 / (1 << unit))
    scale = np.float32(1 << (unit - 6))
    threshold, keep = np.int32(1 << (unit - 1)), np.int32(keep)
    shift, left = np.int32(index_shift), np.int32(table_shift)
    up, down = np.int32(max(unit - 14, 0)), np.int32(max(14 - unit, 0))
    room, largest = start[first:last], gain / (_RADIANS * turn)
    for p in range(len(current)):
        drive, m, s = current[p, first:last], potential[p, first:last], spikes[p, first:last]
        if p == 0 or carry == NONE:
            for i in range(len(m)):
                room[i] = 0
        else:
            a, b = potential[p - 1, first:last], below[p, first:last]
            if carry == GROUP:
                for i in range(len(m)):
                    room[i] = _kept(np.int32(a[i] * whole), keep)
            elif carry == LAYER:
                for i in range(len(m)):
                    room[i] = _kept(np.int32(b[i] * whole), keep)
            elif carry == SUM:
                for i in range(len(m)):
                    room[i] = _kept(np.int32((a[i] + b[i]) * whole), keep)
            elif carry == TABLE:
                for i in range(len(m)):
                    both = np.int32((a[i] + b[i]) * whole)
                    room[i] = np.int32(table[_place(both, shift)] << left)
            elif carry == CODE:
                for i in range(len(m)):
                    angle = turn * a[i] * _sine(turn * b[i] + _QUARTER_TURN)
                    room[i] = np.int32(np.floor(largest * _sine(angle) * whole + _HALF_TURN))
            else:
                for i in range(len(m)):
                    sin = sine[_angle(np.int32(a[i] * whole), shift, np.int32(0))]
                    cos = sine[_angle(np.int32(b[i] * whole), shift, _QUARTER)]
                    room[i] = np.int32(np.int32(np.int32(sin * cos) << up) >> down)
        _fire(room, drive, scale, back, threshold, m, s)


@spliced
def _wave(turns):
    """The sine of an angle in turns, to 0.001: a parabola, and one more of it."""
    r = turns - np.floor(turns + np.float32(0.5))
    y = r * (np.float32(8) - np.float32(16) * np.abs(r))
    return y * (np.float32(0.775) + np.float32(0.225) * np.abs(y))


@compiled
def scan_back(
    first,
    last,
    of_spikes,
    of_potential,
    potential,
    below,
    carry,
    unit,
    width,
    index_shift,
    turn,
    gain,
    slope,
    found,
    of_below,
):
    """From the gradients of spikes and potentials to those of what arrives and of the potentials below.

    Arguments:
        first, last: places to run.
        of_spikes, of_potential: gradients, (windows, places).
        potential, below: of the way forward.
        carry, unit, index_shift: as of `scan`.
        width: distance from the threshold 0.5 up to which a spike's derivative is 1.
        turn: of OMEGA and CODE: 1.0 as a share of the period; gain: the slope at 0, float32.
        slope: of TABLE: derivative of the start by the sum, float32, (256); else its first entry is the kept share.
        found: gradient of `current`; of_below: that of `below`, where the carry reads it; filled.
    """
    whole, shift, share = np.float32(1 << unit), np.int32(index_shift), slope[0]
    for p in range(len(potential) - 1, -1, -1):
        m, row = potential[p, first:last], found[p, first:last]
        g, more = of_spikes[p, first:last], of_potential[p, first:last]
        for i in range(len(m)):
            near = np.abs(m[i] - np.float32(0.5)) < width
            row[i] = more[i] + (g[i] if near else np.float32(0))
        if p + 1 < len(potential):
            after, b = found[p + 1, first:last], below[p + 1, first:last]
            if carry in (GROUP, SUM):
                for i in range(len(m)):
                    row[i] += share * after[i]
            elif carry == TABLE:
                for i in range(len(m)):
                    row[i] += slope[_place(np.int32((m[i] + b[i]) * whole), shift)] * after[i]
            elif carry == OMEGA:
                for i in range(len(m)):
                    cosines = _wave(m[i] * turn + _QUARTER_TURN) * _wave(b[i] * turn + _QUARTER_TURN)
                    row[i] += gain * cosines * after[i]
            elif carry == CODE:
                for i in range(len(m)):
                    cosine = _sine(b[i] * turn + _QUARTER_TURN)
                    row[i] += gain * _sine(turn * m[i] * cosine + _QUARTER_TURN) * cosine * after[i]
        if carry in (NONE, GROUP):
            continue
        # What this window's start owes to the layer below.
        sunk, a, b = of_below[p, first:last], potential[max(p - 1, 0), first:last], below[p, first:last]
        if p == 0:
            for i in range(len(m)):
                sunk[i] = np.float32(0)
        elif carry in (LAYER, SUM):
            for i in range(len(m)):
                sunk[i] = share * row[i]
        elif carry == TABLE:
            for i in range(len(m)):
                sunk[i] = slope[_place(np.int32((a[i] + b[i]) * whole), shift)] * row[i]
        elif carry == CODE:
            for i in range(len(m)):
                angle = turn * a[i] * _sine(b[i] * turn + _QUARTER_TURN)
                by_angle = gain * _sine(angle + _QUARTER_TURN) * row[i]
                sunk[i] = -by_angle * _RADIANS * turn * a[i] * _sine(b[i] * turn)
        else:
            for i in range(len(m)):
                sunk[i] = -gain * _wave(a[i] * turn) * _wave(b[i] * turn) * row[i]
