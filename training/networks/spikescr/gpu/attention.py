"""Attention without a softmax, in Triton: as `kernels/attention.py`.

A program has the memory of one head of one sample, (key, value), in registers, `size` by `size`, a power of two.
"""

import triton
import triton.language as tl


@triton.jit
def _spikes(values, row, width, place, there):
    return tl.load(values + row * width + place, mask=there, other=0.0)


@triton.jit
def _written(memory, key, value, write, row, width, place, inside, here, keep, unit, decays: tl.constexpr):
    """The memory after a step: it decays, and takes up the keys and values where `here` is."""
    if decays:
        memory = ((memory.to(tl.int64) * keep) >> 12).to(tl.int32)
    written = tl.where(tl.load(write + row, mask=here, other=0.0) > 0, unit, 0)
    keys = tl.where(_spikes(key, row, width, place, inside & here) > 0, written, 0)
    values = tl.where(_spikes(value, row, width, place, inside & here) > 0, 1, 0)
    return memory + tl.expand_dims(keys, 1) * tl.expand_dims(values, 0)


@triton.jit
def attend(
    query, key, value, write, out, n_steps, width, head, look_ahead, keep, unit,
    decays: tl.constexpr, size: tl.constexpr,
):  # fmt: skip
    """What queries read in each step; arguments as of `kernels.attention.attend`."""
    sample, channel = tl.program_id(0).to(tl.int64), tl.arange(0, size)
    inside, place = channel < head, tl.program_id(1) * head + channel
    memory = tl.full([size, size], 0, tl.int32)
    for s in range(0, n_steps + look_ahead):
        row, here = sample * n_steps + s, s < n_steps
        memory = _written(memory, key, value, write, row, width, place, inside, here, keep, unit, decays)
        t = s - look_ahead
        reads = inside & (t >= 0)
        asked = _spikes(query, sample * n_steps + t, width, place, reads)
        read = tl.sum(tl.where(tl.expand_dims(asked, 1) > 0, memory, 0), axis=0)
        tl.store(out + (sample * n_steps + t) * width + place, read.to(tl.float32), mask=reads)


@triton.jit
def attend_back(
    query, key, value, write, gradient, of_query, of_key, of_value, n_steps, width, head, look_ahead, keep, unit,
    decays: tl.constexpr, size: tl.constexpr,
):  # fmt: skip
    """Gradients of what was read; arguments as of `kernels.attention.attend_back`."""
    sample, channel = tl.program_id(0).to(tl.int64), tl.arange(0, size)
    inside, place = channel < head, tl.program_id(1) * head + channel
    memory = tl.full([size, size], 0, tl.int32)
    for s in range(0, n_steps + look_ahead):
        row, here = sample * n_steps + s, s < n_steps
        memory = _written(memory, key, value, write, row, width, place, inside, here, keep, unit, decays)
        t = s - look_ahead
        reads = inside & (t >= 0)
        given = _spikes(gradient, sample * n_steps + t, width, place, reads)
        found = tl.sum(memory.to(tl.float32) * tl.expand_dims(given, 0), axis=1)
        tl.store(of_query + (sample * n_steps + t) * width + place, found, mask=reads)
    slopes = tl.full([size, size], 0, tl.float32)
    for step in range(0, n_steps + look_ahead):
        s = n_steps + look_ahead - 1 - step
        t = s - look_ahead
        reads = inside & (t >= 0)
        asked = _spikes(query, sample * n_steps + t, width, place, reads)
        given = _spikes(gradient, sample * n_steps + t, width, place, reads)
        slopes = slopes + tl.where(tl.expand_dims(asked, 1) > 0, 1.0, 0.0) * tl.expand_dims(given, 0)
        row, here = sample * n_steps + s, s < n_steps
        keys = _spikes(key, row, width, place, inside & here)
        values = _spikes(value, row, width, place, inside & here)
        times = tl.where(tl.load(write + row, mask=here, other=0.0) > 0, unit, 0).to(tl.float32)
        by_key = tl.sum(tl.where(tl.expand_dims(values, 0) > 0, slopes, 0.0), axis=1) * times
        by_value = tl.sum(tl.where(tl.expand_dims(keys, 1) > 0, slopes, 0.0), axis=0) * times
        tl.store(of_key + row * width + place, by_key, mask=inside & here)
        tl.store(of_value + row * width + place, by_value, mask=inside & here)
        if decays:
            slopes = slopes * (keep / 4096.0)


@triton.jit
def attend_decay(
    query, key, value, write, gradient, totals, n_steps, width, head, look_ahead, keep, unit, size: tl.constexpr,
):  # fmt: skip
    """The share of each sample and key's channel in the gradient of the memory's decay: (samples, channels).

    Arguments are as of `kernels.attention.attend_decay`.
    """
    sample, channel = tl.program_id(0).to(tl.int64), tl.arange(0, size)
    inside, place = channel < head, tl.program_id(1) * head + channel
    memory = tl.full([size, size], 0, tl.int32)
    changes = tl.full([size, size], 0, tl.float32)
    total = tl.full([size], 0, tl.float64)
    for s in range(0, n_steps + look_ahead):
        changes = changes * (keep / 4096.0) - memory.to(tl.float32) / 4096.0
        row, here = sample * n_steps + s, s < n_steps
        memory = _written(memory, key, value, write, row, width, place, inside, here, keep, unit, True)
        t = s - look_ahead
        reads = inside & (t >= 0)
        asked = _spikes(query, sample * n_steps + t, width, place, reads)
        given = _spikes(gradient, sample * n_steps + t, width, place, reads)
        found = tl.where(tl.expand_dims(asked, 1) > 0, changes, 0.0).to(tl.float64)
        total = total + tl.sum(found * tl.expand_dims(given.to(tl.float64), 0), axis=1)
    tl.store(totals + sample * width + place, total, mask=inside)
