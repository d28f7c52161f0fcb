"""SpikeSCR's layers in plain torch, step by step, with autograd's gradients: what the kernels must equal."""

import numpy as np
import torch

from lapilli.training.networks.spikescr.functions.attention import Memory
from lapilli.training.networks.spikescr.functions.dropout import Dropout
from lapilli.training.networks.spikescr.functions.firing import Surrogate


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx, volts, fires, surrogate):
        ctx.save_for_backward(volts)
        ctx.surrogate = surrogate
        return fires.to(volts.dtype)

    @staticmethod
    def backward(ctx, gradient):
        (volts,) = ctx.saved_tensors
        return gradient * slope(volts, ctx.surrogate), None, None


def slope(volts, surrogate: Surrogate):
    distance = volts - 1
    if surrogate.exponential:
        return surrogate.peak * torch.exp2(-surrogate.steepness * distance.abs())
    return surrogate.peak / (1 + (surrogate.steepness * distance) ** 2)


def mask(dropout: Dropout, shape):
    """Factors of dropout, by the same hash, in numpy."""
    if not dropout.cut:
        return torch.ones(shape, dtype=torch.float64)
    with np.errstate(over="ignore"):
        place = np.arange(np.prod(shape), dtype=np.uint32)
        x = (place * np.uint32(0x9E3779B1)) ^ dropout.seed
        x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        kept = (x ^ (x >> np.uint32(16))) >= dropout.cut
    return torch.from_numpy(kept.reshape(shape) * np.float64(dropout.factor))


def float_neurons(drive, surrogate, dropout, fired=None):
    """Spikes and voltages of neurons with threshold 1; `fired` decides the spikes where given."""
    state, spikes, volts = torch.zeros_like(drive[:, 0]), [], []
    for t in range(drive.shape[1]):
        v = 0.5 * state + drive[:, t]
        fires = (v > 1) if fired is None else fired[:, t]
        state = v * (~fires).to(v.dtype)
        spikes.append(_Spike.apply(v, fires, surrogate))
        volts.append(v)
    sent = torch.stack(spikes, 1)
    return sent * mask(dropout, sent.shape), torch.stack(volts, 1)


def normed(values, scale, shift, epsilon):
    var, mean = torch.var_mean(values, (0, 1), correction=0)
    return (values - mean) / torch.sqrt(var + epsilon) * scale + shift


def whole(values):
    return values + (torch.round(values) - values).detach()


def integer_neurons(values, threshold, surrogate, dropout, at_once=False, exponent=6, bias=0.0, gate=None):
    """Spikes of `CubaLif` with current decay 4096 and voltage decay 2048."""
    current = (whole(values) + bias) * 2.0**exponent
    current = current if gate is None else current * gate
    state, spikes = torch.zeros_like(values[:, 0]), []
    for t in range(values.shape[1]):
        half = state / 2
        v = half + (torch.trunc(half) - half).detach() + current[:, t]
        fires = v >= 64 * threshold if at_once else v > 64 * threshold
        state = v * (~fires).to(v.dtype)
        spikes.append(_Spike.apply(v / (64 * threshold), fires, surrogate))
    sent = torch.stack(spikes, 1)
    return sent * mask(dropout, sent.shape)


def turned(values, table):
    n, t, width = values.shape
    pairs = values.reshape(n, t, -1, table.shape[1], 2)
    cosine, sine = table[None, :, None, :, 0], table[None, :, None, :, 1]
    x, y = pairs[..., 0], pairs[..., 1]
    return torch.stack([cosine * x - sine * y, sine * x + cosine * y], -1).reshape(n, t, width)


def attended(query, key, value, write, memory: Memory, decay):
    """What is read, in 64ths, with a memory that decays without rounding in the gradient."""
    n, n_steps, width = query.shape
    split = [part.reshape(n, n_steps, -1, memory.head) for part in (query, key, value)]
    state = torch.zeros(n, width // memory.head, memory.head, memory.head, dtype=query.dtype)
    found = []
    for s in range(n_steps + memory.look_ahead):
        kept = state * ((4096 - decay) / 4096)
        state = kept + (torch.floor(kept) - kept).detach()
        if s < n_steps:
            meets = split[1][:, s, :, :, None] * split[2][:, s, :, None, :]
            state = state + 64 * meets * write[:, s, None, None, None]
        if s >= memory.look_ahead:
            found.append(torch.einsum("nhi,nhij->nhj", split[0][:, s - memory.look_ahead], state).reshape(n, width))
    return torch.stack(found, 1)


def tapped(values, weights, back):
    n_steps, rows = values.shape[1], []
    for t in range(n_steps):
        row = torch.zeros_like(values[:, 0])
        for k in range(len(weights)):
            if 0 <= t - k + back < n_steps:
                row = row + weights[k] * values[:, t - k + back]
        rows.append(row)
    return torch.stack(rows, 1)
