"""What happens in a layer on a GPU, and what it reads."""

from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

from lapilli.training.fused.dynamics import Dynamics
from lapilli.training.fused.tensors import Ordered

T = TypeVar("T")
Optional = TypeVar("Optional")


@dataclass(frozen=True)
class GpuLayer:
    """What happens in a layer, but for its weights; everything lies on the GPU.

    Arguments:
        dynamics: of the neurons.
        keep: what current and voltage keep in a step, of 4096, int32 (neurons) each; negative: refused.
        state: current and voltage before the first step, in units, int32 (samples, neurons) each; the forward pass
            leaves those after the last step there.
        shifts: steps by which the output of each neuron is late, int32.
        delay_scale: factor of the delays' gradient.
        noise: factors of dropout, (samples, steps or 1, neurons); None: none.
        through_state: whether gradients of a recurrent layer pass from step to step through current and voltage too.
    """

    dynamics: Dynamics
    keep: tuple[torch.Tensor, torch.Tensor]
    state: tuple[torch.Tensor, torch.Tensor]
    shifts: torch.Tensor
    delay_scale: float
    noise: torch.Tensor | None
    through_state: bool


@dataclass(frozen=True)
class PerGpuTensor(Ordered, Generic[T, Optional]):
    """Something for each tensor that a layer reads: the tensor, its gradient, or whether that is needed.

    Arguments:
        real: what arrives, in SLAYER's unit, (samples, steps, neurons).
        feedback: quantised, (neurons, neurons), of a recurrent synapse; None: none.
        current_decay, voltage_decay: quantised, of 4096, (neurons).
        bias: quantised, in SLAYER's unit, (neurons); None: none.
        delay: steps by which each neuron's output is late, (neurons); None: none.
    """

    real: T
    feedback: Optional
    current_decay: T
    voltage_decay: T
    bias: Optional
    delay: Optional


GpuTensors = PerGpuTensor[torch.Tensor, torch.Tensor | None]
GpuGradients = PerGpuTensor[torch.Tensor | None, torch.Tensor | None]
GpuNeeds = PerGpuTensor[bool, bool]
