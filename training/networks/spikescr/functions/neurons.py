"""Neurons with tau 2 that are reset to 0: behind a batch norm in floating point, and on integers as exported."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from lapilli.training.loop.denormals import flushing
from lapilli.training.networks.spikescr.devices import kernels_for
from lapilli.training.networks.spikescr.functions.firing import Firing


class Moments(NamedTuple):
    """Mean and variance of each channel, float64, (channels)."""

    mean: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]


def moments(values: torch.Tensor) -> Moments:
    """Mean and variance, by all numbers, of the channels of a batch."""
    totals, squares = kernels_for(values).statistics(values)
    number = values.shape[0] * values.shape[1]
    mean = totals / number
    return Moments(mean, np.maximum(squares / number - mean * mean, 0))


def normed_lif(
    values: torch.Tensor,
    scale: torch.Tensor,
    shift: torch.Tensor,
    of_batch: Moments,
    epsilon: float,
    firing: Firing,
    gate: torch.Tensor | None = None,
) -> torch.Tensor:
    """Spikes of neurons with tau 2 and threshold 1 behind a batch norm, in floating point.

    Arguments:
        values: what arrives; scale, shift: (channels), learned.
        of_batch: moments of `values`; the gradient passes through them.
        epsilon: added to the variance.
        firing: how the neurons answer.
        gate: spikes; where there is none, the neuron reads nothing of what is normalised.
    """
    return _NormedLif.apply(values, scale, shift, gate, of_batch, epsilon, firing)  # type: ignore[no-untyped-call]


class _NormedLif(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        values: torch.Tensor,
        scale: torch.Tensor,
        shift: torch.Tensor,
        gate: torch.Tensor | None,
        of_batch: Moments,
        epsilon: float,
        firing: Firing,
    ) -> torch.Tensor:
        root = np.sqrt(of_batch.variance + epsilon)
        factor = _numbers(scale) / root
        bias = _numbers(shift) - of_batch.mean * factor
        line = factor.astype(np.float32), bias.astype(np.float32)
        values = values.contiguous()
        volts, out = kernels_for(values).float_lif(values, *line, gate, firing.dropout)
        ctx.save_for_backward(values, volts, gate)
        ctx.line, ctx.root, ctx.mean, ctx.firing = line, root, of_batch.mean, firing
        sent: torch.Tensor = out
        return sent

    @staticmethod
    @torch.autograd.function.once_differentiable
    @flushing
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        values, volts, gate = ctx.saved_tensors
        kernels, (factor, bias) = kernels_for(gradient), ctx.line
        found = kernels.lif_back(gradient, volts, ctx.firing)
        of_gate = None if gate is None else kernels.gate_back(values, factor, bias, gate, found)
        totals, products = kernels.norm_sums(values, ctx.mean, found)
        number = values.shape[0] * values.shape[1]
        columns = (ctx.mean, factor, totals / number, products / (number * ctx.root**2))
        kernels.norm_back(values, *(column.astype(np.float32) for column in columns), found)
        of_scale, of_shift = (
            torch.from_numpy(column.astype(np.float32)).to(values.device) for column in (products / ctx.root, totals)
        )
        return found, of_scale, of_shift, of_gate, None, None, None


def _numbers(values: torch.Tensor) -> npt.NDArray[np.float32]:
    found: npt.NDArray[np.float32] = values.detach().cpu().numpy()
    return found


def integer_neurons(
    values: torch.Tensor,
    threshold: torch.Tensor,
    firing: Firing,
    bias: torch.Tensor | None = None,
    gate: torch.Tensor | None = None,
) -> torch.Tensor:
    """Spikes of the exported neurons: integers, tau 2, decays rounded towards zero.

    Arguments:
        values: what arrives, whole numbers below 2^22 in magnitude; what dropout left fractions in is rounded.
        threshold: (channels), powers of two.
        firing: how the neurons answer.
        bias: (channels), whole numbers; None: 0.
        gate: as of `normed_lif`.
    """
    some = torch.zeros_like(threshold) if bias is None else bias
    return _IntegerLif.apply(values, some, gate, threshold, firing)  # type: ignore[no-untyped-call]


class _IntegerLif(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        values: torch.Tensor,
        bias: torch.Tensor,
        gate: torch.Tensor | None,
        threshold: torch.Tensor,
        firing: Firing,
    ) -> torch.Tensor:
        values = values.contiguous()
        volts, out = kernels_for(values).integer_lif(values, bias.detach(), threshold, gate, firing)
        ctx.save_for_backward(None if gate is None else values, bias, volts, gate, threshold)
        ctx.firing = firing
        sent: torch.Tensor = out
        return sent

    @staticmethod
    @torch.autograd.function.once_differentiable
    @flushing
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        values, bias, volts, gate, threshold = ctx.saved_tensors
        kernels = kernels_for(gradient)
        found = kernels.lif_back(gradient, volts, ctx.firing)
        unit = 2.0**ctx.firing.exponent / (64 * threshold)
        of_gate = None
        if gate is not None:
            of_gate = kernels.gate_back(values, _numbers(unit), _numbers(bias * unit), gate, found)
        found *= unit
        of_bias = found.sum((0, 1)) if ctx.needs_input_grad[1] else None
        return found, of_bias, of_gate, None, None
