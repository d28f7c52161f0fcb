"""LSTMs as their docstrings have them: a loop over single units on Python's integers, and torch with autograd."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from lapilli.training.networks.lstm.integers import Cell, CellIntegers

TOP_CURRENT, TOP_STATE = (1 << 17) - 1, (1 << 23) - 1


def limited(value: int, top: int) -> int:
    return max(-top, min(top, value))


def decayed(value: int, decay: int) -> int:
    size = (abs(value) * (4096 - decay)) >> 12
    return size if value >= 0 else -size


def shifted(total: int, exponent: int) -> int:
    return total << exponent if exponent >= 0 else total >> -exponent


class Unit(NamedTuple):
    """What one unit of one copy does with one element."""

    h: int
    cell: int
    volts: tuple[int, int, int, int]
    tanh: int
    carried: tuple[int, int, int, int]


def one_unit(z: Sequence[int], carried: Sequence[int], before: int, first: bool, numbers: CellIntegers) -> Unit:
    """The contract of the cell, for currents z of i, f, g, o and membranes i, f, o, t that were handed over."""
    spikes, volts, left = {}, {}, {}
    for place, gate in enumerate("ifo"):
        start = numbers.starts[place] if first else 0
        threshold = numbers.thresholds[place] << 6
        u = decayed(carried[place], numbers.decays[place]) + ((start + z["ifgo".index(gate)]) << 6)
        u = limited(u, TOP_STATE)
        spikes[gate] = u >= threshold
        volts[gate], left[gate] = u, u - spikes[gate] * threshold
    g = limited(z[2], numbers.clamp)
    cell = limited((before if spikes["f"] else 0) + (g if spikes["i"] else 0), TOP_STATE)
    m = limited(decayed(carried[3], numbers.decays[3]) + (limited(cell, TOP_CURRENT) << 6), TOP_STATE)
    threshold = numbers.thresholds[3] << 6
    sign = (2 * m >= threshold) - (2 * m <= -threshold)
    carried = (left["i"], left["f"], left["o"], m - sign * threshold)
    return Unit(sign if spikes["o"] else 0, cell, (volts["i"], volts["f"], z[2], volts["o"]), m, carried)


def integer_layer(
    x: Any, exponent: int, recurrent: Any, recurrent_exponent: int, bias: Any, numbers: CellIntegers, copies: int
) -> dict[str, np.ndarray]:
    """All elements of all samples; x: (elements, 1 or copies, samples, 4 units), sums before the shift."""
    n_elements, of_copies, n_samples, width = x.shape
    units = width // 4
    shape = (n_elements, copies, n_samples, units)
    found = {name: np.zeros(shape, np.int64) for name in ("h", "cell", "tanh")}
    found["volts"] = np.zeros((*shape[:3], width), np.int64)
    for sample in range(n_samples):
        for element in range(n_elements):
            carried: list[Sequence[int]] = [(0, 0, 0, 0)] * units
            for copy in range(copies):
                at, last = (element, copy, sample), (element - 1, copy, sample)
                h = [int(found["h"][last][j]) if element else 0 for j in range(units)]
                for j in range(units):
                    z = []
                    for gate in range(4):
                        row = gate * units + j
                        above = shifted(int(x[element, min(copy, of_copies - 1), sample, row]), exponent)
                        total = sum(int(recurrent[row, k]) * h[k] for k in range(units))
                        around = shifted(total, recurrent_exponent)
                        z.append(limited(above + around + int(bias[row]), TOP_CURRENT))
                    before = int(found["cell"][last][j]) if element else 0
                    unit = one_unit(z, carried[j], before, copy == 0, numbers)
                    carried[j] = unit.carried
                    found["h"][at][j], found["cell"][at][j], found["tanh"][at][j] = unit.h, unit.cell, unit.tanh
                    for gate in range(4):
                        found["volts"][at][gate * units + j] = unit.volts[gate]
    return found


class _Spike(torch.autograd.Function):
    """1 where x >= 0; back: a triangle."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, peak: float) -> torch.Tensor:
        ctx.save_for_backward(x)
        ctx.peak = peak
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return gradient * ctx.peak * (1 - x.abs()).clamp(min=0), None


def through(values: torch.Tensor, changed: torch.Tensor) -> torch.Tensor:
    """The changed values with the gradient of the values."""
    return values + (changed - values).detach()


def floored(values: torch.Tensor) -> torch.Tensor:
    return through(values, torch.floor(values))


def leaked(u: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """In the units of a membrane, rounded towards zero."""
    left = u * kept
    return through(left, torch.trunc(left * 256 * 64) / (256 * 64))


def spiking_layer(
    x: torch.Tensor, exponent: int, recurrent: torch.Tensor, recurrent_exponent: int, cell: Cell, copies: int, peak: Any
) -> torch.Tensor:
    """The same layer in torch with autograd, in real numbers of any precision; arguments as of `integer_layer`."""
    n_elements, of_copies, n_samples, width = x.shape
    units = width // 4
    h = [x.new_zeros(n_samples, units) for _ in range(copies)]
    c = [x.new_zeros(n_samples, units) for _ in range(copies)]
    sent = []
    for element in range(n_elements):
        u: list[Any] = [x.new_zeros(n_samples, units)] * 4
        for copy in range(copies):
            above = floored(x[element, min(copy, of_copies - 1)] * 2.0**exponent) / 256
            around = floored(h[copy] @ recurrent.t() * 2.0**recurrent_exponent) / 256
            total = above + around + cell.bias
            z = through(total, total.clamp(-TOP_CURRENT / 256, TOP_CURRENT / 256)).chunk(4, 1)
            spikes = []
            for place, current in enumerate((z[0], z[1], z[3])):
                threshold = cell.thresholds[place]
                start = cell.starts[place] if copy == 0 else 0
                v = leaked(u[place], cell.kept[place]) + current + start
                v = through(v, v.clamp(-TOP_STATE / 16384, TOP_STATE / 16384))
                spike = _Spike.apply(v / threshold - 1, peak)
                u[place] = v - threshold * spike.detach()
                spikes.append(spike)
            g = torch.minimum(torch.maximum(z[2], -cell.clamp), cell.clamp)
            c[copy] = spikes[1] * c[copy] + spikes[0] * g
            m = leaked(u[3], cell.kept[3]) + c[copy]
            m = through(m, m.clamp(-TOP_STATE / 16384, TOP_STATE / 16384))
            threshold = cell.thresholds[3]
            x_t = m / threshold
            sign = _Spike.apply(x_t - 0.5, peak) - _Spike.apply(-x_t - 0.5, peak)
            u[3] = m - threshold * sign.detach()
            h[copy] = spikes[2] * sign
        sent.append(torch.stack(h))
    return torch.stack(sent)


def hard_layer(x: torch.Tensor, recurrent: torch.Tensor, bias: torch.Tensor, clips: torch.Tensor) -> torch.Tensor:
    """An LSTM of clipped activations; x: (elements, samples, 4 units); clips: of i, f, g, o and tanh."""
    _, n_samples, width = x.shape
    units = width // 4
    h, c = x.new_zeros(n_samples, units), x.new_zeros(n_samples, units)
    sent = []
    for above in x:
        z = (above + h @ recurrent.t() + bias).chunk(4, 1)
        i, f, o = (torch.clamp(z[k] / (2 * clips[k]) + 0.5, 0, 1) for k in (0, 1, 3))
        g = torch.minimum(torch.maximum(z[2], -clips[2]), clips[2])
        c = f * c + i * g
        h = o * torch.clamp(c / clips[4], -1, 1)
        sent.append(h)
    return torch.stack(sent)
