"""Neurons that see the windows of a map one after the other: forward on integers, backward by a surrogate.

Arrays are float32, (windows, places), real numbers that are whole in units of 2^-unit, which float32 holds exactly.
"""

import numpy as np

from lapilli.simulators.compiled import compiled, spliced

NONE, GROUP, LAYER, SUM, TABLE, OMEGA = range(6)
"""With which potentials a window begins."""

_LARGEST = (1 << 23) - 1


@spliced
def _kept(value, keep):
    """`(value * keep) >> 12` within 32 bits."""
    return np.int32((value >> 12) * keep + (((value & np.int32(4095)) * keep) >> 12))


@spliced
def _fired(start, drive, scale, back, threshold, i, potential, spikes):
    """Potential and spike of a neuron; what arrives is rounded to a multiple of 2^6 units, its own resolution."""
    now = np.int32(start + (np.int32(np.floor(drive * scale + np.float32(0.5))) << 6))
    now = min(max(now, np.int32(-_LARGEST)), np.int32(_LARGEST))
    potential[i] = np.float32(now) * back
    spikes[i] = np.float32(1) if now > threshold else np.float32(0)


@compiled
def scan(first, last, current, below, carry, unit, keep, index_shift, table_shift, sine, table, potential, spikes):
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
        sine: 256 integers; table: 256 integers, the index counted from -128.
        potential, spikes: as `current`; filled.
    """
    whole, back = np.float32(1 << unit), np.float32(1 / (1 << unit))
    scale = np.float32(1 << (unit - 6))
    threshold = np.int32(1 << (unit - 1))
    keep = np.int32(keep)
    up, down = max(unit - 14, 0), max(14 - unit, 0)
    for p in range(len(current)):
        drive, m, s = current[p], potential[p], spikes[p]
        if p == 0 or carry == NONE:
            for i in range(first, last):
                _fired(np.int32(0), drive[i], scale, back, threshold, i, m, s)
            continue
        a, b = potential[p - 1], below[p]
        if carry == GROUP:
            for i in range(first, last):
                _fired(_kept(np.int32(a[i] * whole), keep), drive[i], scale, back, threshold, i, m, s)
        elif carry == LAYER:
            for i in range(first, last):
                _fired(_kept(np.int32(b[i] * whole), keep), drive[i], scale, back, threshold, i, m, s)
        elif carry == SUM:
            for i in range(first, last):
                both = np.int32(np.int32(a[i] * whole) + np.int32(b[i] * whole))
                _fired(_kept(both, keep), drive[i], scale, back, threshold, i, m, s)
        elif carry == TABLE:
            for i in range(first, last):
                both = np.int32(np.int32(a[i] * whole) + np.int32(b[i] * whole)) >> index_shift
                start = table[min(max(both, -128), 127) + 128] << table_shift
                _fired(np.int32(start), drive[i], scale, back, threshold, i, m, s)
        else:
            for i in range(first, last):
                sin = sine[(np.int32(a[i] * whole) >> index_shift) & 255]
                cos = sine[((np.int32(b[i] * whole) >> index_shift) + 64) & 255]
                start = ((sin * cos) << up) >> down
                _fired(np.int32(start), drive[i], scale, back, threshold, i, m, s)


@compiled
def scan_back(
    first, last, of_spikes, of_potential, potential, below, carry, unit, width, index_shift, sine, slope, found, of_below
):
    """From the gradients of spikes and potentials to those of what arrives and of the potentials below.

    Arguments:
        of_spikes, of_potential: gradients, (windows, places).
        potential, below: of the way forward.
        width: distance from the threshold 0.5 up to which a spike's derivative is 1.
        sine: as of `scan`, as float32, times the root of the factor by which a product becomes a slope.
        slope: of TABLE: derivative of the start by the sum, float32, (256); else its first entry is the kept share.
        found: gradient of `current`; of_below: that of `below`; filled.
        first, last, carry, unit, index_shift: as of `scan`.
    """
    whole = np.float32(1 << unit)
    for p in range(len(potential) - 1, -1, -1):
        m, g, row, sunk = potential[p], of_spikes[p], found[p], of_below[p]
        more = of_potential[p]
        for i in range(first, last):
            near = np.abs(m[i] - np.float32(0.5)) < width
            row[i] = more[i] + (g[i] if near else np.float32(0))
        if p + 1 < len(potential) and carry != NONE and carry != LAYER:
            after, b = found[p + 1], below[p + 1]
            if carry == GROUP or carry == SUM:
                for i in range(first, last):
                    row[i] += slope[0] * after[i]
            elif carry == TABLE:
                for i in range(first, last):
                    both = np.int32(np.int32(m[i] * whole) + np.int32(b[i] * whole)) >> index_shift
                    row[i] += slope[min(max(both, -128), 127) + 128] * after[i]
            else:
                for i in range(first, last):
                    one = sine[((np.int32(m[i] * whole) >> index_shift) + 64) & 255]
                    other = sine[((np.int32(b[i] * whole) >> index_shift) + 64) & 255]
                    row[i] += one * other * after[i]
        if p == 0 or carry == NONE or carry == GROUP:
            for i in range(first, last):
                sunk[i] = np.float32(0)
            continue
        # What this window's start owes to the layer below.
        a, b = potential[p - 1], below[p]
        if carry == LAYER or carry == SUM:
            for i in range(first, last):
                sunk[i] = slope[0] * row[i]
        elif carry == TABLE:
            for i in range(first, last):
                both = np.int32(np.int32(a[i] * whole) + np.int32(b[i] * whole)) >> index_shift
                sunk[i] = slope[min(max(both, -128), 127) + 128] * row[i]
        else:
            for i in range(first, last):
                one = sine[(np.int32(a[i] * whole) >> index_shift) & 255]
                other = sine[(np.int32(b[i] * whole) >> index_shift) & 255]
                sunk[i] = -one * other * row[i]
