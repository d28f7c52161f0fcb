"""Neurons without memory: a spike where a number is above 0.5."""

from typing import Any

import torch

from lapilli.training.networks.one_step.config import THRESHOLD


def fired(values: torch.Tensor, width: float) -> torch.Tensor:
    """1 where a value is above 0.5, else 0; the derivative is 1 nearer than `width` to it."""
    return _Fired.apply(values, THRESHOLD, width)  # type: ignore[no-untyped-call,no-any-return]


def drawn(values: torch.Tensor, width: float) -> torch.Tensor:
    """1 with the probability that each value is, of torch's random generator; the derivative as of `fired`."""
    return _Fired.apply(values, torch.rand_like(values), width)  # type: ignore[no-untyped-call,no-any-return]


class _Fired(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, threshold: Any, width: float) -> torch.Tensor:
        ctx.save_for_backward(values)
        ctx.width = width
        return (values > threshold).to(values.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        (values,) = ctx.saved_tensors
        return gradient * ((values - THRESHOLD).abs() < ctx.width), None, None
