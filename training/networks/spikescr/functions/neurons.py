"""Neurons with tau 2 that are reset to 0: behind a batch norm in floating point, and on integers as exported."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from lapilli.training.fused.threads import over_samples
from lapilli.training.loop.denormals import flushing
from lapilli.training.networks.spikescr.functions.firing import Firing
from lapilli.training.networks.spikescr.kernels.lif import (
    float_lif,
    gate_back,
    integer_lif,
    norm_back,
    norm_sums,
    statistics,
)

Floats = npt.NDArray[np.float32]

_NO_GATE = np.zeros((0, 0, 0), np.float32)


class Moments(NamedTuple):
    """Mean and variance of each channel, float64, (channels)."""

    mean: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]


def moments(values: torch.Tensor) -> Moments:
    """Mean and variance, by all numbers, of the channels of a batch."""
    array, width = values.detach().contiguous().numpy(), values.shape[2]

    def work(part: int, first: int, last: int) -> tuple[Any, Any]:
        totals, squares = np.zeros(width), np.zeros(width)
        statistics(first, last, array, totals, squares)
        return totals, squares

    totals, squares = (sum(parts) for parts in zip(*over_samples(len(array), work)))
    number = array.shape[0] * array.shape[1]
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
        factor = scale.detach().numpy() / root
        bias = shift.detach().numpy() - of_batch.mean * factor
        line = factor.astype(np.float32), bias.astype(np.float32)
        values = values.contiguous()
        opened = _NO_GATE if gate is None else gate.contiguous().numpy()
        volts, out = torch.empty_like(values), torch.empty_like(values)

        def work(part: int, first: int, last: int) -> None:
            room = np.empty(values.shape[2], np.float32)
            arrays = values.numpy(), *line, opened, gate is not None, *firing.dropout, volts.numpy(), out.numpy(), room
            float_lif(first, last, *arrays)

        over_samples(len(values), work)
        ctx.save_for_backward(values, volts, gate)
        ctx.line, ctx.root, ctx.mean, ctx.firing = line, root, of_batch.mean, firing
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    @flushing
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        values, volts, gate = ctx.saved_tensors
        array, width = values.numpy(), values.shape[2]
        factor, bias = ctx.line
        found = ctx.firing.back(gradient, volts)
        of_gate = None if gate is None else _through_gate(values, factor, bias, gate, found)

        def sums(part: int, first: int, last: int) -> tuple[Any, Any]:
            totals, products = np.zeros(width), np.zeros(width)
            norm_sums(first, last, array, ctx.mean, found.numpy(), totals, products)
            return totals, products

        totals, products = (sum(parts) for parts in zip(*over_samples(len(array), sums)))
        number = array.shape[0] * array.shape[1]
        columns = (ctx.mean, factor, totals / number, products / (number * ctx.root**2))
        arrays = [column.astype(np.float32) for column in columns]

        def work(part: int, first: int, last: int) -> None:
            norm_back(first, last, array, *arrays, found.numpy())

        over_samples(len(array), work)
        return found, _floats(products / ctx.root), _floats(totals), of_gate, None, None, None


def _floats(values: Any) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _through_gate(
    values: torch.Tensor, scale: Floats, shift: Floats, gate: torch.Tensor, found: torch.Tensor
) -> torch.Tensor:
    """The gate's gradient; `found` becomes that of the drive."""
    of_gate = torch.empty_like(found)
    opened = gate.contiguous().numpy()

    def work(part: int, first: int, last: int) -> None:
        gate_back(first, last, values.numpy(), scale, shift, opened, found.numpy(), of_gate.numpy())

    over_samples(len(values), work)
    return of_gate


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
        volts, out = torch.empty_like(values), torch.empty_like(values)
        unit = 1 / (64 * threshold)
        arrays = bias.detach().numpy(), threshold.numpy(), unit.numpy()
        cells = *arrays, np.int32(firing.exponent), np.int32(firing.at_once)
        opened = _NO_GATE if gate is None else gate.contiguous().numpy()

        def work(part: int, first: int, last: int) -> None:
            room = np.empty(values.shape[2], np.int32)
            dropout = opened, gate is not None, *firing.dropout
            integer_lif(first, last, values.numpy(), *cells, *dropout, volts.numpy(), out.numpy(), room)

        over_samples(len(values), work)
        ctx.save_for_backward(None if gate is None else values, bias, volts, gate, threshold)
        ctx.firing = firing
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    @flushing
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        values, bias, volts, gate, threshold = ctx.saved_tensors
        found = ctx.firing.back(gradient, volts)
        unit = 2.0**ctx.firing.exponent / (64 * threshold)
        of_gate = None
        if gate is not None:
            of_gate = _through_gate(values, unit.numpy(), (bias * unit).detach().numpy(), gate, found)
        found *= unit
        of_bias = found.sum((0, 1)) if ctx.needs_input_grad[1] else None
        return found, of_bias, of_gate, None, None
