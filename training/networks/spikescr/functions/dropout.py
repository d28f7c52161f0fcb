"""Dropout by a hash, so that the way back needs no memory of what was dropped."""

from typing import Any, NamedTuple

import numpy as np
import torch

from lapilli.training.networks.spikescr.devices import kernels_for

_SEEDS = 1 << 32


class Dropout(NamedTuple):
    """Which numbers are dropped: those whose hash with `seed` is below `cut`; the others are multiplied by `factor`."""

    seed: np.uint32
    cut: np.uint32
    factor: np.float32

    @classmethod
    def drawn(cls, share: float) -> "Dropout":
        """One of torch's random generator; a share of 0 draws nothing."""
        if not share:
            return NO_DROPOUT
        seed = int(torch.randint(_SEEDS, ()))
        return cls(np.uint32(seed), np.uint32(share * _SEEDS), np.float32(1 / (1 - share)))


NO_DROPOUT = Dropout(np.uint32(0), np.uint32(0), np.float32(1))


def dropped_out(values: torch.Tensor, dropout: Dropout) -> torch.Tensor:
    """Numbers of which some are dropped; the others are multiplied, so that the mean stays."""
    return values if not dropout.cut else _Drop.apply(values, dropout)  # type: ignore[no-untyped-call]


class _Drop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, dropout: Dropout) -> torch.Tensor:
        ctx.dropout = dropout
        out: torch.Tensor = kernels_for(values).dropped(values, dropout)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        return kernels_for(gradient).dropped(gradient, ctx.dropout), None
