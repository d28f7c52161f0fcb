"""Real sums as 8-bit numbers."""

from typing import Any

import numpy as np
import torch

from lapilli.training.fused.threads import over_samples
from lapilli.training.networks.one_step.carry import Activation
from lapilli.training.networks.one_step.kernels.requantise import requantise, requantise_back


def requantised(total: torch.Tensor, skip: torch.Tensor | None, unit: int, activation: Activation) -> torch.Tensor:
    """An activation of sums that are rounded to multiples of 2^-unit and held to 8 bits.

    Arguments:
        total: real sums; skip: as many, added to them.
        unit: 1.0 is 2^unit, in the sums and in what is found.
        activation: table for that unit.
    """
    return _Requantised.apply(total, skip, unit, activation)  # type: ignore[no-untyped-call]


class _Requantised(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, total: torch.Tensor, skip: torch.Tensor | None, unit: int, activation: Activation
    ) -> torch.Tensor:
        total = total.contiguous()
        added = total if skip is None else skip.contiguous()
        found, index = torch.empty_like(total), torch.empty(total.shape, dtype=torch.uint8)
        sums = flat(total), flat(added), skip is not None
        numbers = np.float32(2.0**unit), np.float32(2.0**-unit), activation.table
        gone = flat(index), flat(found)

        def work(part: int, first: int, last: int) -> None:
            requantise(first, last, *sums, *numbers, *gone)

        over_samples(total.numel(), work)
        ctx.save_for_backward(index)
        ctx.slope, ctx.skips = activation.slope, skip is not None
        return found

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        (index,) = ctx.saved_tensors
        gradient = gradient.contiguous()
        found = torch.empty_like(gradient)
        arrays = flat(gradient), flat(index), ctx.slope, flat(found)

        def work(part: int, first: int, last: int) -> None:
            requantise_back(first, last, *arrays)

        over_samples(gradient.numel(), work)
        return found, found if ctx.skips else None, None, None


def flat(values: torch.Tensor) -> Any:
    """All numbers of a contiguous tensor in a row, in the same memory."""
    return values.detach().reshape(-1).numpy()
