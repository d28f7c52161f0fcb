"""Attention without a softmax."""

from typing import Any, NamedTuple

import numpy as np
import torch

from lapilli.netx_exports.neurons.kinds import DECAY_UNITY
from lapilli.training.fused.threads import over_samples
from lapilli.training.loop.denormals import flushing
from lapilli.training.networks.spikescr.kernels.attention import attend, attend_back, attend_decay


class Memory(NamedTuple):
    """The attention's memory.

    Arguments:
        head: channels of a head.
        look_ahead: steps by which queries are later than keys.
    """

    head: int
    look_ahead: int


def attended(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    write: torch.Tensor,
    memory: Memory,
    decay: torch.Tensor,
) -> torch.Tensor:
    """What queries read of the memory, in 64ths, whole numbers; (samples, steps, heads * head).

    Arguments:
        query, key, value: spikes.
        write: (samples, steps), where keys and values are written.
        memory: of which size, and when it is read.
        decay: share of 4096, a whole number, that the memory loses in a step.
    """
    return _Attention.apply(query, key, value, write, decay, memory)  # type: ignore[no-untyped-call]


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        write: torch.Tensor,
        decay: torch.Tensor,
        memory: Memory,
    ) -> torch.Tensor:
        tensors = [tensor.contiguous() for tensor in (query, key, value, write)]
        arrays, out = [tensor.detach().numpy() for tensor in tensors], torch.empty(query.shape)
        keep = np.int64(DECAY_UNITY - int(decay))

        def work(part: int, first: int, last: int) -> None:
            room = np.empty((memory.head, memory.head), np.int32)
            attend(first, last, *arrays, memory.look_ahead, keep, room, out.numpy())

        over_samples(len(query), work)
        ctx.save_for_backward(*tensors)
        ctx.memory, ctx.keep = memory, keep
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    @flushing
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        arrays = [tensor.numpy() for tensor in ctx.saved_tensors]
        given, memory, keep = gradient.contiguous().numpy(), ctx.memory, ctx.keep
        found = [torch.empty(gradient.shape) for _ in range(3)]

        def work(part: int, first: int, last: int) -> None:
            square = memory.head, memory.head
            room = np.empty(square, np.int32), np.empty(square, np.float32), np.empty(square, np.float32)
            outs = [tensor.numpy() for tensor in found]
            attend_back(first, last, *arrays, memory.look_ahead, keep, given, *room, *outs)

        over_samples(len(given), work)
        return *found, None, _of_decay(arrays, memory, keep, given) if ctx.needs_input_grad[4] else None, None


def _of_decay(arrays: Any, memory: Memory, keep: np.int64, given: Any) -> torch.Tensor:
    """The gradient of the decay; the rounding of the memory has none."""

    def work(part: int, first: int, last: int) -> float:
        room = np.empty((memory.head, memory.head), np.int32), np.empty((memory.head, memory.head), np.float32)
        return float(attend_decay(first, last, *arrays, memory.look_ahead, keep, given, *room))

    return torch.tensor(sum(over_samples(len(given), work)))
