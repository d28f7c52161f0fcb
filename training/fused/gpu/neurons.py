"""The neurons of a block on a GPU, on Triton's kernels.

What the kernels do not compute, SLAYER's CUDA extension computes, with one warning for each reason, if it can be built
here; else it is refused. Triton is imported when a batch lies on a GPU, because it may not be installed.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from lapilli.training.fused.arrivals import Arrivals
from lapilli.training.fused.bias import fixed_bias
from lapilli.training.fused.dynamics import Dynamics, fused_dynamics, settle, silent_dynamics
from lapilli.training.fused.gpu.layer import GpuLayer, GpuTensors
from lapilli.training.fused.gpu.refusals import by_slayer, problem_of, size_problem_of
from lapilli.training.networks.slayer import slayer

_quantize = slayer.utils.quantize
_UNITY = 4096
# In units: more than the kernels hold, so that they report it.
_TOO_LARGE = 1 << 25


def run_neurons(
    block: Any, arrivals: Arrivals | None, spiking: bool = True, feedback: torch.Tensor | None = None
) -> torch.Tensor | None:
    """What a block answers to what arrives; arguments as `lapilli.training.fused.neurons.run_neurons`.

    Returns:
        None where SLAYER's own code must run, which is said then.
    """
    if arrivals is None or arrivals.real is None:
        return None
    neuron = block.neuron
    dynamics = fused_dynamics(neuron, spiking, arrivals.real.device)
    problem = problem_of(block, spiking, feedback)
    if dynamics is None or problem:
        by_slayer(problem or "a neuron with hooks, or with parameters that are out of range or elsewhere")
        return None
    _settle(neuron, arrivals.shape[1:-1])
    if neuron.shape != arrivals.shape[1:-1]:
        return None
    problem = size_problem_of(block, arrivals.shape, spiking)
    if problem:
        by_slayer(problem)
        return None
    undo = _what_was(block, arrivals.real.device)
    normalised: Arrivals | None = arrivals
    if neuron.norm is not None and fixed_bias(neuron) is None:
        normalised = _normalised(block, arrivals)
    answer = None if normalised is None else _answer(block, dynamics, normalised, feedback)
    if answer is None:
        undo()
        by_slayer("a state of 2^24 units or more, or a decay or delay out of its range")
    return answer


def _settle(neuron: Any, shape: torch.Size) -> None:
    """As `settle`, on the CPU: on a GPU, SLAYER's code would need its extension."""
    if neuron.shape is None:
        device = neuron.device
        neuron.to("cpu")
        settle(neuron, shape)
        neuron.to(device)


def _answer(block: Any, dynamics: Dynamics, arrivals: Arrivals, feedback: torch.Tensor | None) -> torch.Tensor | None:
    from lapilli.training.fused.gpu.function import run_layer

    neuron = block.neuron
    # Before the delays, as SLAYER draws.
    noise = _noise(neuron.drop if dynamics.spiking else None, arrivals, feedback is not None)
    tensors = _tensors(block, dynamics, arrivals, feedback)
    layer = _layer(block, dynamics, arrivals, tensors, noise)
    out = run_layer(layer, tensors)
    if out is None:
        return None
    if neuron.persistent_state and feedback is None:
        _keep_state(neuron, layer, tensors, arrivals)
    return arrivals.form.shaped(out)


def _normalised(block: Any, arrivals: Arrivals) -> Arrivals | None:
    """Currents of all steps, normalised by SLAYER's code, as what arrives: `neurons._normalised`."""
    from lapilli.training.fused.gpu.function import run_layer

    neuron = block.neuron
    silent = silent_dynamics(neuron)
    tensors = _tensors(block, silent, arrivals, None)
    tensors = replace(tensors, voltage_decay=_forgetting(tensors.voltage_decay))
    layer = _layer(block, silent, arrivals, tensors, None)
    layer = replace(layer, state=(layer.state[0], torch.zeros_like(layer.state[1])))
    currents = run_layer(layer, tensors)
    if currents is None:
        return None
    normalised = neuron.norm(arrivals.form.shaped(currents).contiguous())
    return Arrivals.of_numbers(normalised, are_currents=True) if normalised.shape == arrivals.shape else None


def _tensors(block: Any, dynamics: Dynamics, arrivals: Arrivals, feedback: torch.Tensor | None) -> GpuTensors:
    neuron, real = block.neuron, arrivals.real
    assert real is not None
    if neuron.requires_grad:
        neuron.clamp()
    current_decay, voltage_decay = (
        arrivals.of_channels(_quantize(decay)) for decay in (neuron.current_decay, neuron.voltage_decay)
    )
    if arrivals.are_currents:
        current_decay = _forgetting(current_decay)
    bias = None if arrivals.are_currents else fixed_bias(neuron)
    delay = None
    if dynamics.spiking and block.delay is not None:
        delay = arrivals.of_channels(_settled_delay(block.delay, arrivals.shape[1]))
    return GpuTensors(
        real=real.transpose(1, 2),
        feedback=feedback,
        current_decay=current_decay,
        voltage_decay=voltage_decay,
        bias=None if bias is None else arrivals.of_channels(bias),
        delay=delay,
    )


def _forgetting(decay: torch.Tensor) -> torch.Tensor:
    """Decays with which nothing stays from step to step."""
    return torch.full_like(decay.detach(), _UNITY)


def _settled_delay(delay: Any, n_channels: int) -> torch.Tensor:
    """Delays (channels), drawn as SLAYER draws them on the first batch."""
    if not delay.init:
        delay.delay.data = torch.rand(n_channels, device=delay.delay.device)
        delay.init = True
    delay.clamp()
    steps: torch.Tensor = delay.delay
    return steps


def _layer(
    block: Any, dynamics: Dynamics, arrivals: Arrivals, tensors: GpuTensors, noise: torch.Tensor | None
) -> GpuLayer:
    neuron, (n_samples, n_steps, n_neurons) = block.neuron, tensors.real.shape
    recurrent = tensors.feedback is not None
    current, voltage = (
        _initial_state(state, n_samples, n_neurons, dynamics.scale)
        for state in (neuron.current_state, neuron.voltage_state)
    )
    shift = int(dynamics.spiking and block.delay_shift)
    shifts = torch.full((n_neurons,), shift, dtype=torch.int32, device=tensors.real.device)
    kept = _kept(tensors.current_decay)
    if tensors.delay is not None:
        delay = tensors.delay.detach()
        kept = torch.where(delay.isfinite(), kept, -1)
        # No output is later than the last step.
        shifts += delay.nan_to_num(0.0).clamp(0, n_steps).to(torch.int32)
    return GpuLayer(
        dynamics=dynamics,
        keep=(kept, _kept(tensors.voltage_decay)),
        state=(torch.zeros_like(current) if arrivals.are_currents else current, voltage),
        shifts=shifts,
        delay_scale=1.0 if tensors.delay is None else block.delay.grad_scale,
        noise=noise,
        through_state=not recurrent or block.through_state,
    )


def _kept(decay: torch.Tensor) -> torch.Tensor:
    """What states keep of 4096, int32; -1 where that is out of its range."""
    kept = _UNITY - decay.detach().round()
    return torch.where((kept >= 0) & (kept <= _UNITY), kept, -1.0).to(torch.int32)


def _initial_state(state: torch.Tensor, n_samples: int, n_neurons: int, scale: int) -> torch.Tensor:
    """SLAYER's state before the first step, in units, int32 (samples, neurons); that of another batch is forgotten."""
    if state.shape[0] != n_samples or state.numel() not in (1, n_samples * n_neurons):
        return torch.zeros(n_samples, n_neurons, dtype=torch.int32, device=state.device)
    units = (state.detach().to(torch.float32) * scale).nan_to_num(_TOO_LARGE).clamp(-_TOO_LARGE, _TOO_LARGE)
    return units.to(torch.int32).reshape(n_samples, -1).expand(n_samples, n_neurons).clone()


def _noise(drop: Any, arrivals: Arrivals, recurrent: bool) -> torch.Tensor | None:
    """Factors of dropout (samples, steps or 1, neurons), drawn as SLAYER draws them; None: none."""
    real = arrivals.real
    assert real is not None
    if drop is None or not drop.training or drop.p == 0:
        return None
    ones = real.new_ones(*real.shape[:2], 1)
    return torch.stack([drop(ones)[..., 0] for _ in range(real.shape[2] if recurrent else 1)], 1)


def _keep_state(neuron: Any, layer: GpuLayer, tensors: GpuTensors, arrivals: Arrivals) -> None:
    """As SLAYER does: the current that it keeps is the normalised one."""
    current, voltage = (state.reshape(arrivals.shape[:-1]).float() / layer.dynamics.scale for state in layer.state)
    if tensors.bias is not None:
        current += tensors.bias.detach().reshape(arrivals.shape[1:-1])
    neuron.current_state, neuron.voltage_state = current, voltage


def _what_was(block: Any, device: torch.device) -> Callable[[], None]:
    """What brings back the random state and the means of a normalisation, if SLAYER's code must run after all."""
    delay: Any = getattr(block, "delay", None)
    norm = block.neuron.norm
    draws_delays = delay is not None and not delay.init
    draws = draws_delays or block.neuron.drop is not None
    generator = torch.cuda.default_generators[device.index] if device.type == "cuda" else torch.default_generator
    random = generator.get_state() if draws else None
    buffers = {} if norm is None else {name: buffer.clone() for name, buffer in norm.named_buffers()}

    def undo() -> None:
        if random is not None:
            generator.set_state(random)
        if draws_delays:
            delay.init = False
        for name, buffer in buffers.items():
            setattr(norm, name, buffer)

    return undo
