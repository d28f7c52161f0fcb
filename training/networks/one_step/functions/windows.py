"""Cutting a map into windows, and putting windows together again."""

from typing import Any

import numpy as np
import torch

from lapilli.training.networks.one_step.topology import Cutting


def cut(values: torch.Tensor, cutting: Cutting) -> torch.Tensor:
    """(windows, samples, rows, columns, channels) of a map (samples, rows, columns, channels)."""
    if cutting.groups == 1:
        return values[None]
    return _Cut.apply(values, cutting)  # type: ignore[no-untyped-call]


def joined(values: torch.Tensor, cutting: Cutting, median: bool) -> torch.Tensor:
    """The map of windows: where they overlap a spike of any, or their mean.

    The gradient of both is that of the mean: a region threshold is passed straight through.

    Arguments:
        values: spikes, (windows, samples, rows, columns, channels).
        cutting: of the map.
        median: whether means are kept.
    """
    if cutting.groups == 1:
        return values[0]
    return _Joined.apply(values, cutting, median)  # type: ignore[no-untyped-call]


def covers(cutting: Cutting) -> torch.Tensor:
    """How many windows cover each place of a map, (rows, columns, 1), float32."""
    side = cutting.side
    return torch.from_numpy(cutting.windows.cover(side, side).astype(np.float32)[:, :, None])


class _Cut(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, cutting: Cutting) -> torch.Tensor:
        ctx.cutting = cutting
        return torch.stack([values[:, rows, columns] for rows, columns in cutting.slices])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        return _added(gradient, ctx.cutting), None


class _Joined(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, cutting: Cutting, median: bool) -> torch.Tensor:
        ctx.cutting = cutting
        found = _added(values, cutting)
        if not cutting.dilated:
            return found
        return found / covers(cutting) if median else found.clamp_(max=1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        if ctx.cutting.dilated:
            gradient = gradient / covers(ctx.cutting)
        return torch.stack([gradient[:, rows, columns] for rows, columns in ctx.cutting.slices]), None, None


def _added(values: torch.Tensor, cutting: Cutting) -> torch.Tensor:
    """What windows have at each place, added up."""
    samples, channels = values.shape[1], values.shape[4]
    found = values.new_zeros(samples, cutting.side, cutting.side, channels)
    for window, (rows, columns) in zip(values, cutting.slices):
        found[:, rows, columns] += window
    return found
