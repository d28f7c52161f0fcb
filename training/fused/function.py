"""A layer as a function with a gradient."""

from typing import Any

import torch

from lapilli.training.fused.backward import gradients_of
from lapilli.training.fused.events import InputEvents
from lapilli.training.fused.forward import Passed, pass_forward
from lapilli.training.fused.layer import Layer
from lapilli.training.fused.saved import save, saved
from lapilli.training.fused.tensors import Needs, Tensors
from lapilli.training.loop.denormals import flushing


def run_layer(layer: Layer, tensors: Tensors, events: InputEvents | None) -> torch.Tensor | None:
    """Output of a layer, in its form.

    Arguments:
        layer: what happens.
        tensors: what it reads.
        events: those of `tensors.values`.

    Returns:
        None where states are so large that SLAYER's single precision would round them.
    """
    found = pass_forward(layer, tensors, events)
    if found is None:
        return None
    out, passed = found
    if not tensors.need_gradient:
        return layer.form.shaped(out)
    return _LayerFunction.apply(layer, passed, out, *tensors.in_order)  # type: ignore[no-untyped-call]


class _LayerFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, layer: Layer, passed: Passed, out: torch.Tensor, *tensors: Any) -> torch.Tensor:
        save(ctx, layer, passed, Tensors(*tensors))
        return layer.form.shaped(out)

    @staticmethod
    @torch.autograd.function.once_differentiable
    @flushing
    def backward(ctx: Any, out_gradient: torch.Tensor) -> tuple[Any, ...]:
        # Of layer, what the way forward left, and the output there is none.
        _, _, _, *needs = ctx.needs_input_grad
        return None, None, None, *gradients_of(saved(ctx), out_gradient, Needs(*needs)).in_order
