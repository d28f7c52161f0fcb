"""Inner loops of the rendering, compiled by numba. They allocate nothing; what they fill has room for all."""

import numpy as np

from lapilli.simulators.compiled import compiled


@compiled
def mirrored(place, length):
    """Index within 0…length - 1 of a place beyond the ends, where the image goes on as its mirror image."""
    place = place % (2 * length)
    return place if place < length else 2 * length - 1 - place


@compiled
def weight(distance):
    """Weight of a pixel at this distance in bicubic interpolation (Catmull-Rom)."""
    d = abs(distance)
    if d < 1:
        return (1.5 * d - 2.5) * d * d + 1
    if d < 2:
        return ((-0.5 * d + 2.5) * d - 4) * d + 2
    return 0.0


@compiled
def interpolate(texture, x, y, out):
    """Values of a texture between its pixels.

    Arguments:
        texture: float64, (rows, columns).
        x, y: float64, columns and rows, flat.
        out: float64, filled, one value for each place.
    """
    rows, columns = texture.shape
    for number in range(len(x)):
        left = int(np.floor(x[number]))
        top = int(np.floor(y[number]))
        total = 0.0
        for row in range(top - 1, top + 3):
            line = 0.0
            for column in range(left - 1, left + 3):
                line += weight(x[number] - column) * texture[mirrored(row, rows), mirrored(column, columns)]
            total += weight(y[number] - row) * line
        out[number] = total


@compiled
def fire(before, after, start_us, end_us, on, off, refractory_us, reference, last_us, time_us, pixel, polarity):
    """Events of pixels while their signals move along straight lines; returns how many there are.

    A pixel has an event each time that its signal is a threshold away from the reference, which then is the signal. One
    that comes too soon after the last event of its pixel is lost, and moves the reference all the same.

    Arguments:
        before, after: float64, signal of each pixel at the start and at the end.
        start_us, end_us: these times.
        on, off: float64, thresholds of each pixel.
        refractory_us: least time between two events of a pixel.
        reference, last_us: float64, of each pixel; changed.
        time_us, pixel, polarity: filled, with room for as many as there can be.
    """
    found = 0
    for place in range(len(before)):
        while True:
            if after[place] - reference[place] >= on[place]:
                level = reference[place] + on[place]
                rises = 1
            elif reference[place] - after[place] >= off[place]:
                level = reference[place] - off[place]
                rises = 0
            else:
                break
            share = (level - before[place]) / (after[place] - before[place])
            now = start_us + share * (end_us - start_us)
            reference[place] = level
            if now - last_us[place] >= refractory_us:
                last_us[place] = now
                time_us[found] = now
                pixel[found] = place
                polarity[found] = rises
                found += 1
    return found
