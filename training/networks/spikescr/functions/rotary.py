"""Rotary positions."""

from typing import Any

import torch

from lapilli.training.networks.spikescr.devices import kernels_for


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
        table = table.to(values.device)
        ctx.save_for_backward(table)
        out: torch.Tensor = kernels_for(values).turn(values, table)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        (table,) = ctx.saved_tensors
        # The transpose of a turn is the turn by the opposite angle.
        return kernels_for(gradient).turn(gradient, table * table.new_tensor([1, -1])), None
