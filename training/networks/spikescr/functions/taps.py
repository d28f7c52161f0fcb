"""Taps in time, each channel by itself."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from lapilli.training.fused.threads import over_samples
from lapilli.training.loop.denormals import flushing
from lapilli.training.networks.spikescr.kernels.taps import tap, tap_back, tap_weights


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
        values, weights, out = values.contiguous(), weights.contiguous(), torch.empty(values.shape)

        def work(part: int, first: int, last: int) -> None:
            tap(first, last, values.detach().numpy(), weights.detach().numpy(), back, out.numpy())

        over_samples(len(values), work)
        ctx.save_for_backward(values, weights)
        ctx.back = back
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    @flushing
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        values, weights = ctx.saved_tensors
        given, of_values = gradient.contiguous().numpy(), torch.empty(gradient.shape)

        def work(part: int, first: int, last: int) -> npt.NDArray[np.float32]:
            of_weights = np.zeros(weights.shape, np.float32)
            tap_back(first, last, given, weights.numpy(), ctx.back, of_values.numpy())
            tap_weights(first, last, given, values.numpy(), ctx.back, of_weights)
            return of_weights

        return of_values, torch.from_numpy(sum(over_samples(len(given), work))), None
