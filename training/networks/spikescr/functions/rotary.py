"""Rotary positions."""

from typing import Any

import torch

from lapilli.training.fused.threads import over_samples
from lapilli.training.networks.spikescr.kernels.rotary import turn


def turned(values: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """Values whose pairs of channels are turned by their step.

    Arguments:
        values: (samples, steps, heads * 2 * pairs).
        table: (steps, pairs, 2): cosine and sine.
    """
    return _Turn.apply(values, table)  # type: ignore[no-untyped-call]


class _Turn(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(table)
        return _turn(values, table)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        (table,) = ctx.saved_tensors
        # The transpose of a turn is the turn by the opposite angle.
        return _turn(gradient, table * table.new_tensor([1, -1])), None


def _turn(values: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    array, out = values.contiguous().numpy(), torch.empty(values.shape)

    def work(part: int, first: int, last: int) -> None:
        turn(first, last, array, table.numpy(), out.numpy())

    over_samples(len(values), work)
    return out
