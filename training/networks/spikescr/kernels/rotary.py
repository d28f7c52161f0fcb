"""Rotary positions on integers: each pair of channels turns with its step."""

import numpy as np

from lapilli.simulators.compiled import compiled


@compiled
def turn(first, last, values, table, out):
    """Turn the pairs (2q, 2q + 1) of each head by the angle of the step.

    Arguments:
        first, last: samples.
        values, out: (samples, steps, channels).
        table: (steps, pairs of a head, 2): cosine and sine.
    """
    pairs = table.shape[1]
    heads = values.shape[2] // (2 * pairs)
    for n in range(first, last):
        for t in range(values.shape[1]):
            row, turned = values[n, t], out[n, t]
            for head in range(heads):
                for q in range(pairs):
                    cosine, sine = table[t, q, 0], table[t, q, 1]
                    at = 2 * (head * pairs + q)
                    x, y = row[at], row[at + 1]
                    turned[at] = np.float32(cosine * x - sine * y)
                    turned[at + 1] = np.float32(sine * x + cosine * y)
