"""Attention without a softmax: a memory for each head, to which keys and values add and which queries read."""

import numpy as np

from lapilli.simulators.compiled import compiled, spliced

UNIT = np.int32(64)
"""What one meeting of a key and a value adds to an entry of the memory: 1 with 6 fraction bits."""


@spliced
def _decay(memory, keep):
    """Let all entries of a memory, int32, decay to `keep` / 4096, rounded towards zero; none is below 0."""
    for i in range(memory.shape[0]):
        for j in range(memory.shape[1]):
            memory[i, j] = np.int32(np.int64(memory[i, j]) * keep >> np.int64(12))


@compiled
def attend(first, last, query, key, value, write, look_ahead, keep, memory, out):
    """What queries read in each step, in 64ths: `sum over i of query[i] * S[i, j]`.

    Arguments:
        first, last: samples.
        query, key, value: spikes, (samples, steps, heads * head).
        write: (samples, steps); where it is 0, nothing is written.
        look_ahead: steps by which a query is later than keys: 0 is causal, the number of steps is everything.
        keep: share of the memory, of 4096, that is left after a step.
        memory: (head, head), int32, room.
        out: as `query`; filled.
    """
    n_steps, width = query.shape[1:]
    head = memory.shape[0]
    for n in range(first, last):
        for start in range(0, width, head):
            memory[:] = 0
            for s in range(n_steps + look_ahead):
                if keep != 4096:
                    _decay(memory, keep)
                if s < n_steps and write[n, s] > 0:
                    _write(key[n, s, start : start + head], value[n, s, start : start + head], memory)
                t = s - look_ahead
                if t >= 0:
                    _read(query[n, t, start : start + head], memory, out[n, t, start : start + head])


@spliced
def _write(key, value, memory):
    for i in range(len(key)):
        if key[i] > 0:
            row = memory[i]
            for j in range(len(value)):
                row[j] += UNIT if value[j] > 0 else np.int32(0)


@spliced
def _read(query, memory, out):
    out[:] = 0
    for i in range(len(query)):
        if query[i] > 0:
            row = memory[i]
            for j in range(len(out)):
                out[j] += np.float32(row[j])


@compiled
def attend_back(
    first, last, query, key, value, write, look_ahead, keep, gradient, memory, slopes, of_query, of_key, of_value
):
    """Gradients of what was read, where rounding and limits of the memory have none.

    Arguments:
        first, last, query, key, value, write, look_ahead, keep, memory: as of `attend`.
        gradient: of what was read, (samples, steps, heads * head).
        slopes: (head, head), float32, room.
        of_query, of_key, of_value: filled.
    """
    n_steps, width = query.shape[1:]
    head = memory.shape[0]
    kept = np.float32(keep) / np.float32(4096)
    for n in range(first, last):
        for start in range(0, width, head):
            end = start + head
            memory[:] = 0
            for s in range(n_steps + look_ahead):
                if keep != 4096:
                    _decay(memory, keep)
                if s < n_steps and write[n, s] > 0:
                    _write(key[n, s, start:end], value[n, s, start:end], memory)
                t = s - look_ahead
                if t >= 0:
                    _of_query(memory, gradient[n, t, start:end], of_query[n, t, start:end])
            slopes[:] = 0
            for s in range(n_steps + look_ahead - 1, -1, -1):
                t = s - look_ahead
                if t >= 0:
                    _to_memory(query[n, t, start:end], gradient[n, t, start:end], slopes)
                if s < n_steps:
                    if write[n, s] > 0:
                        _of_write(
                            key[n, s, start:end],
                            value[n, s, start:end],
                            slopes,
                            of_key[n, s, start:end],
                            of_value[n, s, start:end],
                        )
                    else:
                        of_key[n, s, start:end] = 0
                        of_value[n, s, start:end] = 0
                if keep != 4096:
                    for i in range(head):
                        for j in range(head):
                            slopes[i, j] *= kept


@spliced
def _of_query(memory, gradient, found):
    for i in range(len(found)):
        row, total = memory[i], np.float32(0)
        for j in range(len(gradient)):
            total += np.float32(row[j]) * gradient[j]
        found[i] = total


@spliced
def _to_memory(query, gradient, slopes):
    for i in range(len(query)):
        if query[i] > 0:
            row = slopes[i]
            for j in range(len(gradient)):
                row[j] += gradient[j]


@spliced
def _of_write(key, value, slopes, of_key, of_value):
    of_value[:] = 0
    for i in range(len(key)):
        row, total = slopes[i], np.float32(0)
        for j in range(len(value)):
            total += row[j] if value[j] > 0 else np.float32(0)
        of_key[i] = total * np.float32(UNIT)
        if key[i] > 0:
            for j in range(len(value)):
                of_value[j] += row[j] * np.float32(UNIT)
