"""Taps in time, each channel by itself."""

from typing import Any

import torch

from lapilli.training.loop.denormals import flushing
from lapilli.training.networks.spikescr.devices import kernels_for


def tapped(values: torch.Tensor, weights: torch.Tensor, back: int) -> torch.Tensor:
    """Each channel's taps in time: `sum over k of weights[k] * values[t - k + back]`, zeros outside of the sample.

    Arguments:
        values: what is tapped.
        weights: (taps, channels).
        back: steps by which the first tap looks ahead.
    """
    return _Taps.apply(values, weights, back)  # type: ignore[no-untyped-call]


class _Taps(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, weights: torch.Tensor, back: int) -> torch.Tensor:
        values, weights = values.detach().contiguous(), weights.detach().contiguous()
        ctx.save_for_backward(values, weights)
        ctx.back = back
        out: torch.Tensor = kernels_for(values).tap(values, weights, back)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    @flushing
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        values, weights = ctx.saved_tensors
        kernels, given = kernels_for(gradient), gradient.contiguous()
        of_weights = kernels.tap_weights(given, values, ctx.back, len(weights))
        return kernels.tap_back(given, weights, ctx.back), of_weights, None
