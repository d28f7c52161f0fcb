"""Attention without a softmax."""

from typing import Any, NamedTuple

import numpy as np
import torch

from lapilli.training.fused.threads import over_samples
from lapilli.training.loop.denormals import flushing
from lapilli.training.networks.spikescr.kernels.attention import attend, attend_back


class Memory(NamedTuple):
    """The attention's memory.

    Arguments:
        head: channels of a head.
        look_ahead: steps by which queries are later than keys.
        keep: share of 4096 that is left after a step.
    """

    head: int
    look_ahead: int
    keep: int = 4096


def attended(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, write: torch.Tensor, memory: Memory
) -> torch.Tensor:
    """What queries read of the memory, in 64ths, whole numbers; (samples, steps, heads * head).

    Arguments:
        query, key, value: spikes.
        write: (samples, steps), where keys and values are written.
        memory: how it is kept.
    """
    return _Attention.apply(query, key, value, write, memory)  # type: ignore[no-untyped-call]


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, write: torch.Tensor, memory: Memory
    ) -> torch.Tensor:
        tensors = [tensor.contiguous() for tensor in (query, key, value, write)]
        arrays, out = [tensor.detach().numpy() for tensor in tensors], torch.empty(query.shape)

        def work(part: int, first: int, last: int) -> None:
            room = np.empty((memory.head, memory.head), np.int32)
            attend(first, last, *arrays, memory.look_ahead, np.int64(memory.keep), room, out.numpy())

        over_samples(len(query), work)
        ctx.save_for_backward(*tensors)
        ctx.memory = memory
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    @flushing
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        arrays = [tensor.numpy() for tensor in ctx.saved_tensors]
        given, memory = gradient.contiguous().numpy(), ctx.memory
        found = [torch.empty(gradient.shape) for _ in range(3)]

        def work(part: int, first: int, last: int) -> None:
            square = memory.head, memory.head
            room = np.empty(square, np.int32), np.empty(square, np.float32), np.empty(square, np.float32)
            outs = [tensor.numpy() for tensor in found]
            attend_back(first, last, *arrays, memory.look_ahead, np.int64(memory.keep), given, *room, *outs)

        over_samples(len(given), work)
        return *found, None, None
