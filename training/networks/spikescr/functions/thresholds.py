"""Neurons that keep nothing from one step to the next."""

from typing import Any

import torch

from lapilli.training.loop.denormals import flushing
from lapilli.training.networks.spikescr.functions.firing import Surrogate


def reached(volts: torch.Tensor, surrogate: Surrogate) -> torch.Tensor:
    """1 where a voltage, in thresholds, is at its threshold or above, else 0; the gradient is the surrogate's."""
    return _Reached.apply(volts, surrogate)  # type: ignore[no-untyped-call]


class _Reached(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, volts: torch.Tensor, surrogate: Surrogate) -> torch.Tensor:
        ctx.save_for_backward(volts)
        ctx.surrogate = surrogate
        return (volts >= 1).to(volts.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    @flushing
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        (volts,) = ctx.saved_tensors
        return gradient * ctx.surrogate.slope(volts), None
