"""Attention without a softmax: a memory for each head, to which keys and values add and which queries read."""

import numpy as np

from lapilli.netx_exports.neurons.attention import COINCIDENCE
from lapilli.simulators.compiled import compiled, spliced

UNIT = np.int32(COINCIDENCE)


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
    first,
    last,
    query,
    key,
    value,
    write,
    look_ahead,
    keep,
    gradient,
    memory,
    slopes,
    turned,
    of_query,
    of_key,
    of_value,
):
    """Gradients of what was read, where rounding and limits of the memory have none.

    Both the memory and its gradient are also there the other way round, so that all sums run along rows.

    Arguments:
        first, last, query, key, value, write, look_ahead, keep, memory: as of `attend`; here memory is [value, key].
        gradient: of what was read, (samples, steps, heads * head).
        slopes, turned: (head, head), float32, room: the gradient of the memory, [key, value] and [value, key].
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
                    _write(value[n, s, start:end], key[n, s, start:end], memory)
                t = s - look_ahead
                if t >= 0:
                    _weighted_rows(gradient[n, t, start:end], memory, of_query[n, t, start:end])
            slopes[:] = 0
            turned[:] = 0
            for s in range(n_steps + look_ahead - 1, -1, -1):
                t = s - look_ahead
                if t >= 0:
                    _to_memory(query[n, t, start:end], gradient[n, t, start:end], slopes, turned)
                if s < n_steps:
                    _spiking_rows(value[n, s, start:end], write[n, s], turned, of_key[n, s, start:end])
                    _spiking_rows(key[n, s, start:end], write[n, s], slopes, of_value[n, s, start:end])
                if keep != 4096:
                    for i in range(head):
                        for j in range(head):
                            slopes[i, j] *= kept
                            turned[i, j] *= kept


@spliced
def _weighted_rows(weights, memory, found):
    found[:] = 0
    for j in range(len(weights)):
        row, weight = memory[j], weights[j]
        for i in range(len(found)):
            found[i] += np.float32(row[i]) * weight


@spliced
def _to_memory(query, gradient, slopes, turned):
    for i in range(len(query)):
        if query[i] > 0:
            row = slopes[i]
            for j in range(len(gradient)):
                row[j] += gradient[j]
    for j in range(len(gradient)):
        row, given = turned[j], gradient[j]
        for i in range(len(query)):
            row[i] += given * query[i]


@spliced
def _spiking_rows(spikes, write, slopes, found):
    """64 times the sum of the rows of neurons that spike, 0 where nothing is written."""
    found[:] = 0
    if write > 0:
        for i in range(len(spikes)):
            if spikes[i] > 0:
                row = slopes[i]
                for j in range(len(found)):
                    found[j] += row[j]
        for j in range(len(found)):
            found[j] *= np.float32(UNIT)


@compiled
def attend_decay(first, last, query, key, value, write, look_ahead, keep, gradient, memory, changes):
    """Gradient of the memory's decay, in 1/4096: how all that is read changes with it, times `gradient`.

    Arguments:
        first, last, query, key, value, write, look_ahead, keep, memory: as of `attend`.
        gradient: of what was read, (samples, steps, heads * head).
        changes: (head, head), float32, room: how the memory changes with the decay.
    """
    n_steps, width = query.shape[1:]
    head = memory.shape[0]
    kept, total = np.float32(keep) / np.float32(4096), np.float64(0)
    for n in range(first, last):
        for start in range(0, width, head):
            end = start + head
            memory[:] = 0
            changes[:] = 0
            for s in range(n_steps + look_ahead):
                for i in range(head):
                    for j in range(head):
                        changes[i, j] = kept * changes[i, j] - np.float32(memory[i, j]) / np.float32(4096)
                if keep != 4096:
                    _decay(memory, keep)
                if s < n_steps and write[n, s] > 0:
                    _write(key[n, s, start:end], value[n, s, start:end], memory)
                t = s - look_ahead
                if t >= 0:
                    given, asked = gradient[n, t, start:end], query[n, t, start:end]
                    for i in range(head):
                        if asked[i] > 0:
                            for j in range(head):
                                total += np.float64(changes[i, j]) * np.float64(given[j])
    return total
