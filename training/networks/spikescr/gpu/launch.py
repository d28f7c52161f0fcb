"""The kernels of Triton, and torch where that does it, on tensors of a GPU: the twins of `cpu.py`, which has the words.

What needs no memory from step to step is torch's own arithmetic.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
import triton

from lapilli.netx_exports.neurons.attention import COINCIDENCE
from lapilli.training.networks.spikescr.gpu import attention, neurons

if TYPE_CHECKING:
    from lapilli.training.networks.spikescr.functions.attention import Memory
    from lapilli.training.networks.spikescr.functions.dropout import Dropout
    from lapilli.training.networks.spikescr.functions.firing import Firing

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


def statistics(values: torch.Tensor) -> tuple[Doubles, Doubles]:
    """Sums of the values of each channel, and of their squares."""
    exact = values.detach().double()
    return _doubles(exact.sum((0, 1))), _doubles((exact * exact).sum((0, 1)))


def float_lif(
    values: torch.Tensor, scale: Floats, shift: Floats, gate: torch.Tensor | None, dropped: "Dropout"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Voltages before the reset and what is sent."""
    volts, out = torch.empty_like(values), torch.empty_like(values)
    columns = (torch.from_numpy(column).to(values.device) for column in (scale, shift))
    tensors = values.detach(), *columns, _opened(gate, values), volts, out
    numbers = *_sizes(values), *_of(dropped)
    _by_lane(neurons.float_lif, values, numbers[0], *tensors, *numbers, gate is not None, bool(dropped.cut))
    return volts, out


def integer_lif(
    values: torch.Tensor, bias: torch.Tensor, threshold: torch.Tensor, gate: torch.Tensor | None, firing: "Firing"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Voltages in thresholds before the reset and what is sent."""
    volts, out = torch.empty_like(values), torch.empty_like(values)
    columns = bias, threshold.contiguous(), 1 / (64 * threshold)
    tensors = values.detach(), *columns, _opened(gate, values), volts, out
    numbers = *_sizes(values), firing.exponent, int(firing.at_once), *_of(firing.dropout)
    _by_lane(neurons.integer_lif, values, numbers[0], *tensors, *numbers, gate is not None, bool(firing.dropout.cut))
    return volts, out


def lif_back(gradient: torch.Tensor, volts: torch.Tensor, firing: "Firing") -> torch.Tensor:
    """From the gradient of what is sent to that of what drives the neurons, in thresholds."""
    found, surrogate = torch.empty_like(volts), firing.surrogate
    numbers = *_sizes(volts), float(firing.edge), surrogate.steepness, surrogate.peak, *_of(firing.dropout)
    flags = surrogate.exponential, bool(firing.dropout.cut)
    _by_lane(neurons.lif_back, volts, numbers[0], gradient.contiguous(), volts, found, *numbers, *flags)
    return found


def gate_back(
    values: torch.Tensor, scale: Floats, shift: Floats, gate: torch.Tensor, found: torch.Tensor
) -> torch.Tensor:
    """The gate's gradient; `found` becomes that of the drive `values * scale + shift`."""
    times, added = (torch.from_numpy(column).to(values.device) for column in (scale, shift))
    of_gate = found * (values * times + added)
    found *= gate > 0
    return of_gate


def norm_sums(values: torch.Tensor, mean: Doubles, found: torch.Tensor) -> tuple[Doubles, Doubles]:
    """Sums of the gradient of each channel, and of its products with `values - mean`."""
    exact = found.double()
    away = values.double() - torch.from_numpy(mean).to(values.device)
    return _doubles(exact.sum((0, 1))), _doubles((exact * away).sum((0, 1)))


def norm_back(
    values: torch.Tensor, mean: Floats, scale: Floats, level: Floats, tilt: Floats, found: torch.Tensor
) -> None:
    """Make the gradient of normalised values, `found`, one of the values."""
    columns = (torch.from_numpy(column).to(values.device) for column in (mean, scale, level, tilt))
    mean_, scale_, level_, tilt_ = columns
    found.sub_(level_).sub_((values - mean_) * tilt_).mul_(scale_)


def attend(spikes: tuple[torch.Tensor, ...], memory: "Memory", keep: int) -> torch.Tensor:
    """What queries read, in 64ths."""
    out = torch.empty_like(spikes[0])
    _by_head(attention.attend, spikes[0], memory, keep, *spikes, out, flags=(keep != _ALL,))
    return out


def attend_back(
    spikes: tuple[torch.Tensor, ...], memory: "Memory", keep: int, gradient: torch.Tensor
) -> list[torch.Tensor]:
    """Gradients of query, key and value."""
    found = [torch.empty_like(gradient) for _ in range(3)]
    _by_head(attention.attend_back, gradient, memory, keep, *spikes, gradient, *found, flags=(keep != _ALL,))
    return found


def attend_decay(spikes: tuple[torch.Tensor, ...], memory: "Memory", keep: int, gradient: torch.Tensor) -> float:
    """The gradient of the decay; the rounding of the memory has none."""
    totals = gradient.new_empty(len(gradient), gradient.shape[2], dtype=torch.float64)
    _by_head(attention.attend_decay, gradient, memory, keep, *spikes, gradient, totals)
    return float(totals.sum())


def turn(values: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """Pairs of channels, turned by their step."""
    pairs = values.reshape(*values.shape[:2], -1, table.shape[1], 2)
    cosine, sine = table[:, None, :, 0], table[:, None, :, 1]
    x, y = pairs[..., 0], pairs[..., 1]
    return torch.stack([cosine * x - sine * y, sine * x + cosine * y], -1).flatten(2)


def tap(values: torch.Tensor, weights: torch.Tensor, back: int) -> torch.Tensor:
    """Each channel's taps in time."""
    out = torch.zeros_like(values)
    for k, weight in enumerate(weights):
        out += weight * _later(values, k - back)
    return out


def tap_back(gradient: torch.Tensor, weights: torch.Tensor, back: int) -> torch.Tensor:
    """The gradient of the values of `tap`."""
    out = torch.zeros_like(gradient)
    for k, weight in enumerate(weights):
        out += weight * _later(gradient, back - k)
    return out


def tap_weights(gradient: torch.Tensor, values: torch.Tensor, back: int, n_taps: int) -> torch.Tensor:
    """The gradient of the weights of `tap`."""
    return torch.stack([(gradient * _later(values, k - back)).sum((0, 1)) for k in range(n_taps)])


def dropped(values: torch.Tensor, of: "Dropout") -> torch.Tensor:
    """Dropout of numbers."""
    values = values.detach().contiguous()
    out = torch.empty_like(values)
    _by_lane(neurons.dropped, values, values.numel(), values, out, values.numel(), *_of(of))
    return out


_ALL = 4096
"""What a memory keeps that does not decay."""


def _later(values: torch.Tensor, steps: int) -> torch.Tensor:
    """Values that come so many steps later, or, below 0, earlier; zeros outside of the sample."""
    steps = max(min(steps, values.shape[1]), -values.shape[1])
    out = torch.zeros_like(values)
    if steps >= 0:
        out[:, steps:] = values[:, : values.shape[1] - steps]
    else:
        out[:, :steps] = values[:, -steps:]
    return out


def _launch(kernel: Any, grid: tuple[int, ...], on: torch.Tensor, *arguments: Any) -> None:
    """So many programs of a kernel, on the device of a tensor."""
    with torch.cuda.device_of(on):  # type: ignore[no-untyped-call]
        kernel[grid](*arguments)


def _by_lane(kernel: Any, on: torch.Tensor, n_lanes: int, *arguments: Any) -> None:
    """A kernel with so many lanes."""
    _launch(kernel, (triton.cdiv(n_lanes, neurons.LANES),), on, *arguments, neurons.LANES)


def _by_head(
    kernel: Any, values: torch.Tensor, memory: "Memory", keep: int, *tensors: torch.Tensor, flags: tuple[bool, ...] = ()
) -> None:
    """A kernel with a program for each head of each sample."""
    n_samples, n_steps, width = values.shape
    numbers = n_steps, width, memory.head, memory.look_ahead, keep, COINCIDENCE
    size = triton.next_power_of_2(memory.head)
    _launch(kernel, (n_samples, width // memory.head), values, *tensors, *numbers, *flags, size)


def _sizes(values: torch.Tensor) -> tuple[int, int, int]:
    """Lanes, channels, steps."""
    n_samples, n_steps, width = values.shape
    return n_samples * width, width, n_steps


def _of(dropout: "Dropout") -> tuple[int, int, float]:
    """Seed and cut as signed numbers of 32 bits: the same bits, and less 2^31."""
    return int(dropout.seed.astype(np.int32)), int(dropout.cut) - (1 << 31), float(dropout.factor)


def _opened(gate: torch.Tensor | None, like: torch.Tensor) -> torch.Tensor:
    return like.new_empty(0) if gate is None else gate.detach().contiguous()


def _doubles(values: torch.Tensor) -> Doubles:
    found: Doubles = values.cpu().numpy()
    return found
