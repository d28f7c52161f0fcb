"""A leaky sum over time with a gradient: what current a neuron has of what arrives, if nothing is rounded."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from lapilli.simulators.compiled import compiled
from lapilli.training.loop.denormals import flushing

Array = npt.NDArray[np.float32]


def leaky_sum(values: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    """`sum[t] = keep * sum[t - 1] + values[t]`, (samples, steps, channels, ...).

    Arguments:
        values: (samples, steps, channels, ...).
        keep: share that is kept in a step, (channels) or (1); without a gradient.
    """
    if values.device.type != "cpu" or values.dtype != torch.float32:
        return _by_torch(values, keep)
    places = values.shape[3:].numel()
    each = keep.detach().expand(values.shape[2]).repeat_interleave(places).contiguous()
    found: torch.Tensor = _LeakySum.apply(values.flatten(2), each)  # type: ignore[no-untyped-call]
    return found.reshape(values.shape)


def _by_torch(values: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    keep = keep.detach().reshape(-1, *(1,) * (values.dim() - 3))
    sums = [values[:, 0]]
    for step in range(1, values.shape[1]):
        sums.append(keep * sums[-1] + values[:, step])
    return torch.stack(sums, 1)


class _LeakySum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(keep)
        return _summed(values, keep, False)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        (keep,) = ctx.saved_tensors
        return _summed(gradients[0], keep, True), None


@flushing
def _summed(values: torch.Tensor, keep: torch.Tensor, backwards: bool) -> torch.Tensor:
    found = values.detach().clone(memory_format=torch.contiguous_format)
    (_add_back if backwards else _add_on)(found.numpy(), keep.numpy())
    return found


@compiled
def _add_on(sums: Array, keep: Array) -> None:
    for n in range(sums.shape[0]):
        for t in range(1, sums.shape[1]):
            for i in range(sums.shape[2]):
                sums[n, t, i] += keep[i] * sums[n, t - 1, i]


@compiled
def _add_back(sums: Array, keep: Array) -> None:
    for n in range(sums.shape[0]):
        for t in range(sums.shape[1] - 2, -1, -1):
            for i in range(sums.shape[2]):
                sums[n, t, i] += keep[i] * sums[n, t + 1, i]
