"""One layer of neurons on a GPU, as a function with a gradient; what arrives are numbers that SLAYER's synapse computed.

Needs Triton, which comes with torch for Linux, and no compiler. Under TRITON_INTERPRET=1, set before the kernels are
imported, the same code runs on a CPU.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import torch

from training.fused import kernels
from training.fused.dynamics import Dynamics

_UNITY = 4096
_LIMIT = 1 << kernels.MAGNITUDE_BITS
_BLOCK = 128
Strides = tuple[int, ...]


@dataclass(frozen=True)
class GpuLayer:
    """What happens in a layer; all tensors are on the device of what arrives.

    Arguments:
        dynamics: of the neurons.
        keep: what current and voltage keep in a step, of 4096, int32 (neurons) each; -1 where a decay is out of range.
        state: current and voltage before the first step, in units, int32 (samples, neurons) each; the forward pass
            leaves those after the last step there.
        shift: steps by which the output is late, 0 or 1.
        through_state: whether gradients of a recurrent layer pass from step to step through current and voltage too.
    """

    dynamics: Dynamics
    keep: tuple[torch.Tensor, torch.Tensor]
    state: tuple[torch.Tensor, torch.Tensor]
    shift: int = 0
    through_state: bool = True


@dataclass(frozen=True)
class _Pass:
    """What the forward pass leaves: the output and what the way back needs, (samples, neurons, steps).

    `sent` are the spikes of a recurrent layer, one step late, (samples, neurons, steps + 1).
    """

    out: torch.Tensor
    voltages: torch.Tensor
    currents: torch.Tensor
    sent: torch.Tensor | None = None


def gpu_layer(
    neuron: Any, dynamics: Dynamics, n_samples: int, n_neurons: int, shift: int, through_state: bool = True
) -> GpuLayer | None:
    """A layer of `neuron`, on its device; None where its decays are not those of single neurons or of all.

    As in SLAYER, the state of a batch of another size is forgotten.
    """
    if neuron.requires_grad:
        neuron.clamp()
    decays = [neuron.current_decay.detach(), neuron.voltage_decay.detach()]
    if any(decay.numel() not in (1, n_neurons) for decay in decays):
        return None
    keep, states = [], []
    for decay, state in zip(decays, (neuron.current_state, neuron.voltage_state)):
        whole = (_UNITY - decay.round()).nan_to_num(-1).clamp(-1, _UNITY + 1).to(torch.int32)
        keep.append(whole.expand(n_neurons).contiguous())
        same = state.shape[0] == n_samples and state.numel() in (1, n_samples * n_neurons)
        units = (state.detach() * dynamics.scale).nan_to_num(_LIMIT).clamp(-_LIMIT, _LIMIT).to(torch.int32)
        before = units.reshape(n_samples, -1) if same else units.new_zeros(())
        states.append(before.expand(n_samples, n_neurons).clone(memory_format=torch.contiguous_format))
    return GpuLayer(dynamics, (keep[0], keep[1]), (states[0], states[1]), shift, through_state)


def run_on_gpu(
    layer: GpuLayer,
    real: torch.Tensor,
    current_decay: torch.Tensor,
    voltage_decay: torch.Tensor,
    feedback: torch.Tensor | None = None,
) -> torch.Tensor | None:
    """Output of a layer, (samples, neurons, steps).

    Arguments:
        layer: what happens.
        real: what arrives, in SLAYER's unit, float32 (samples, neurons, steps) of any strides.
        current_decay, voltage_decay: quantised, of 4096; only their gradients are of interest here.
        feedback: quantised weights, (neurons, neurons), of a recurrent synapse; None: none.

    Returns:
        None where SLAYER's own code must run: without Triton, for numbers that are not single precision, and where
        states are so large that single precision would round them.
    """
    if _triton_kernels() is None or real.dtype != torch.float32 or real.numel() == 0 or layer.shift not in (0, 1):
        return None
    tensors = (real, feedback, current_decay, voltage_decay)
    gradients = torch.is_grad_enabled() and any(part is not None and part.requires_grad for part in tensors)
    decays_learn = gradients and (current_decay.requires_grad or voltage_decay.requires_grad)
    keeps = (decays_learn or (gradients and layer.dynamics.spiking), decays_learn)
    with torch.no_grad(), _on_device_of(real):
        passed = _forward(layer, real, keeps) if feedback is None else _forward_recurrent(layer, real, feedback, keeps)
    if passed is None or not gradients:
        return None if passed is None else passed.out
    return _GpuFunction.apply(layer, passed, decays_learn, *tensors)  # type: ignore[no-untyped-call]


def _forward(layer: GpuLayer, real: torch.Tensor, keeps: tuple[bool, bool]) -> _Pass | None:
    seen = torch.zeros_like(layer.state[0])
    # Of the strides of what arrives, if that has no gaps.
    out = torch.empty_like(real)
    kept = [torch.empty_like(out, dtype=torch.int32) if keep else out.new_empty(0, dtype=torch.int32) for keep in keeps]
    _steps_forward(layer, real, out, kept, seen, keeps, layer.shift)
    return _Pass(out, *kept) if bool(seen.max() < _LIMIT) else None


def _forward_recurrent(
    layer: GpuLayer, real: torch.Tensor, feedback: torch.Tensor, keeps: tuple[bool, bool]
) -> _Pass | None:
    seen = torch.zeros_like(layer.state[0])
    n_samples, n_neurons, n_steps = real.shape
    sent = real.new_zeros(n_samples, n_steps + 1, n_neurons).transpose(1, 2)
    kept = [
        seen.new_empty(n_samples, n_steps if keep else 0, n_neurons).transpose(1, 2) for keep in keeps
    ]
    weights = feedback.detach().t()
    for t in range(n_steps):
        arriving = torch.mm(sent[..., t], weights).add_(real[..., t])
        of_step = [array[..., t : t + 1] for array in kept]
        _steps_forward(layer, arriving[..., None], sent[..., t + 1 : t + 2], of_step, seen, keeps, 0)
    out = sent[..., :-1] if layer.shift else sent[..., 1:]
    return _Pass(out, *kept, sent) if bool(seen.max() < _LIMIT) else None


def _steps_forward(
    layer: GpuLayer,
    real: torch.Tensor,
    out: torch.Tensor,
    kept: list[torch.Tensor],
    seen: torch.Tensor,
    keeps: tuple[bool, bool],
    shift: int,
) -> None:
    dynamics = layer.dynamics
    n_samples, n_neurons, n_steps = real.shape
    n_lanes = n_samples * n_neurons
    _triton_kernels().forward[_grid(n_lanes)](  # type: ignore[union-attr]
        real, out, *kept, *layer.keep, *layer.state, seen, n_lanes, n_neurons, n_steps,
        *real.stride(), *out.stride(), float(dynamics.scale), float(_LIMIT), dynamics.threshold_units,
        spiking=dynamics.spiking, shifted=shift == 1, keeps_voltages=keeps[0], keeps_currents=keeps[1], block=_BLOCK,
    )  # fmt: skip


class _GpuFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, layer: GpuLayer, passed: _Pass, decays_learn: bool, *tensors: Any) -> torch.Tensor:
        ctx.layer, ctx.decays_learn, ctx.strides = layer, decays_learn, passed.out.stride()
        _, feedback, current_decay, voltage_decay = tensors
        ctx.save_for_backward(passed.voltages, passed.currents, passed.sent, feedback, current_decay, voltage_decay)
        return passed.out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, out_gradient: torch.Tensor) -> tuple[Any, ...]:
        with _on_device_of(out_gradient):
            return None, None, None, *_backward(ctx, out_gradient)
