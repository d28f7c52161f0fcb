"""Neurons without memory: a spike where a number is above 0.5."""

from typing import Any

import numpy as np
import torch

from lapilli.training.fused.threads import over_samples
from lapilli.training.networks.one_step.config import THRESHOLD
from lapilli.training.networks.one_step.functions.requantise import flat
from lapilli.training.networks.one_step.kernels.spikes import fire, fire_back


def fired(values: torch.Tensor, width: float) -> torch.Tensor:
    """1 where a value is above 0.5, else 0; the derivative is 1 nearer than `width` to it."""
    return _Fired.apply(values, torch.full((1,), THRESHOLD), width)  # type: ignore[no-untyped-call]


def drawn(values: torch.Tensor, width: float) -> torch.Tensor:
    """1 with the probability that each value is, of torch's random generator; the derivative as of `fired`."""
    return _Fired.apply(values, torch.rand_like(values), width)  # type: ignore[no-untyped-call]


class _Fired(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, thresholds: torch.Tensor, width: float) -> torch.Tensor:
        values = values.contiguous()
        spikes, near = torch.empty_like(values), torch.empty(values.shape, dtype=torch.uint8)
        arrays = flat(values), flat(thresholds), np.float32(width), flat(spikes), flat(near)

        def work(part: int, first: int, last: int) -> None:
            fire(first, last, *arrays)

        over_samples(values.numel(), work)
        ctx.save_for_backward(near)
        return spikes

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        (near,) = ctx.saved_tensors
        found = torch.empty_like(gradient, memory_format=torch.contiguous_format)
        arrays = flat(gradient.contiguous()), flat(near), flat(found)

        def work(part: int, first: int, last: int) -> None:
            fire_back(first, last, *arrays)

        over_samples(near.numel(), work)
        return found, None, None
