"""Attention without a softmax."""

from typing import Any, NamedTuple

import torch

from lapilli.netx_exports.neurons.kinds import DECAY_UNITY
from lapilli.training.loop.denormals import flushing
from lapilli.training.networks.spikescr.devices import kernels_for


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
        spikes = tuple(tensor.contiguous() for tensor in (query, key, value, write))
        keep = DECAY_UNITY - int(decay)
        ctx.save_for_backward(*spikes)
        ctx.memory, ctx.keep, ctx.device_of_decay = memory, keep, decay.device
        out: torch.Tensor = kernels_for(query).attend(spikes, memory, keep)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    @flushing
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        kernels, given = kernels_for(gradient), (ctx.saved_tensors, ctx.memory, ctx.keep, gradient.contiguous())
        of_decay = None
        if ctx.needs_input_grad[4]:
            of_decay = torch.tensor(kernels.attend_decay(*given), device=ctx.device_of_decay)
        return *kernels.attend_back(*given), None, of_decay, None
