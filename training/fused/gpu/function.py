"""A layer on a GPU as a function with a gradient."""

from typing import Any

import torch

from lapilli.training.fused.gpu.backward import Saved, gradients_of
from lapilli.training.fused.gpu.forward import Passed, pass_forward
from lapilli.training.fused.gpu.layer import GpuLayer, GpuNeeds, GpuTensors


def run_layer(layer: GpuLayer, tensors: GpuTensors) -> torch.Tensor | None:
    """Output of a layer, (samples, steps, neurons).

    Returns:
        None where states are so large that SLAYER's single precision would round them, or a decay is out of its range.
    """
    passed = pass_forward(layer, tensors)
    if passed is None:
        return None
    if not tensors.need_gradient:
        return passed.out
    return _LayerFunction.apply(layer, passed, *tensors.in_order)  # type: ignore[no-untyped-call]


class _LayerFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, layer: GpuLayer, passed: Passed, *tensors: Any) -> torch.Tensor:
        read = GpuTensors(*tensors)
        ctx.layer, ctx.modes = layer, passed.modes
        late = None if read.delay is None else passed.out
        ctx.save_for_backward(passed.voltages, passed.currents, late, read.feedback)
        return passed.out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, out_gradient: torch.Tensor) -> tuple[Any, ...]:
        # Of layer and of what the way forward left there is none.
        _, _, *needs = ctx.needs_input_grad
        saved = Saved(ctx.layer, ctx.modes, *ctx.saved_tensors)
        return None, None, *gradients_of(saved, out_gradient, GpuNeeds(*needs)).in_order
