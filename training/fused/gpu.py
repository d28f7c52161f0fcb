"""SLAYER's blocks on a GPU: exact products of torch, neurons on Triton's kernels.

What the kernels do not compute, SLAYER's CUDA extension computes, with one warning for each reason, if it can be built
here; else it is refused.
"""

import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch.utils import cpp_extension

from lapilli.netx_exports.errors import UnsupportedError
from lapilli.training.fused.arrivals import Arrivals, flattened, quantised, quantised_weight
from lapilli.training.fused.bias import Bias, fixed_bias
from lapilli.training.fused.convolution import all_alike, geometry_of
from lapilli.training.fused.dynamics import Dynamics, fused_dynamics, has_hooks, settle, silent_dynamics
from lapilli.training.fused.events import exact_sums
from lapilli.training.fused.gpu_products import ConvProduct, DenseProduct, full_precision
from lapilli.training.fused.neurons import exact_feedback
from lapilli.training.networks.slayer import slayer

if TYPE_CHECKING:
    from lapilli.training.fused.gpu_layer import GpuLayer, GpuTensors

_quantize = slayer.utils.quantize
_UNITY = 4096
# In units: more than the kernels hold, so that they report it.
_TOO_LARGE = 1 << 25
_told: set[str] = set()


def dense_arrivals(synapse: Any, neuron: Any, values: torch.Tensor) -> Arrivals | None:
    """What a dense synapse of SLAYER sends to its neurons; arguments as `lapilli.training.fused.arrivals.arrivals`."""
    if not readable(values) or values.dim() < 3:
        return None
    weight = quantised_weight(synapse, neuron, values.device)
    flat = values if values.dim() == 3 else flattened(values, synapse)
    if weight is None or flat is None or flat.shape[1] != weight.shape[1] or not exact_sums(flat, flat.shape[1]):
        return Arrivals.of_numbers(product_of(synapse, values))
    n_samples, n_inputs, n_steps = flat.shape
    by_step = flat.transpose(1, 2).reshape(-1, n_inputs)
    product = DenseProduct.apply(by_step, weight)  # type: ignore[no-untyped-call]
    shape = torch.Size((n_samples, len(weight), *(1,) * (values.dim() - 3), n_steps))
    return Arrivals(shape, real=product.reshape(n_samples, n_steps, -1).transpose(1, 2))


def conv_arrivals(synapse: Any, neuron: Any, values: torch.Tensor) -> Arrivals | None:
    """What a convolution of SLAYER sends; arguments as `lapilli.training.fused.convolution.conv_arrivals`."""
    if not readable(values) or values.dim() != 5:
        return None
    kernels = quantised(synapse, slayer.synapse.Conv, neuron, values.device)
    geometry = None if kernels is None else geometry_of(synapse, values.shape)
    if kernels is None or geometry is None or not exact_sums(values, geometry.fan_in):
        return Arrivals.of_numbers(product_of(synapse, values))
    n_samples, n_steps = len(values), values.shape[-1]
    images = values.permute(0, 4, 2, 3, 1).flatten(0, 1).contiguous()
    product = ConvProduct.apply(images, kernels.squeeze(-1), geometry)  # type: ignore[no-untyped-call]
    by_step = product.reshape(n_samples, n_steps, -1)
    shape = torch.Size((n_samples, *geometry.outputs, n_steps))
    found = Arrivals(shape, real=by_step.transpose(1, 2), channels_last=True)
    return found if all_alike(neuron) else Arrivals.of_numbers(found.form.shaped(by_step))


def product_of(synapse: Any, values: torch.Tensor) -> torch.Tensor:
    """SLAYER's own product, without TF32; its gradient follows torch's settings."""
    with full_precision():
        product: torch.Tensor = synapse(values)
    return product


def readable(values: torch.Tensor) -> bool:
    """Whether the kernels can read it; if not, SLAYER's code is announced."""
    problems = {
        "an empty batch": values.numel() == 0,
        f"input of {values.dtype}": values.dtype != torch.float32,
        "autocast, whose products round": torch.is_autocast_enabled(),
    }
    return not any(by_slayer(problem) for problem, found in problems.items() if found)


def by_slayer(problem: str) -> bool:
    """Say once that SLAYER's CUDA extension must run, and why. Returns True.

    Raises:
        UnsupportedError: where that cannot be built.
    """
    if cpp_extension.CUDA_HOME is None:
        raise UnsupportedError(
            "training on a GPU", [f"{problem}: only SLAYER's CUDA extension computes that, which needs nvcc"]
        )
    if problem not in _told:
        _told.add(problem)
        warnings.warn(f"training on a GPU: {problem}: SLAYER's CUDA extension runs", RuntimeWarning, stacklevel=2)
    return True


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
    problem = _problem(block, spiking, feedback)
    if dynamics is None or problem:
        by_slayer(problem or "a neuron with hooks, or with parameters that are out of range or elsewhere")
        return None
    _settle(neuron, arrivals.shape[1:-1])
    if neuron.shape != arrivals.shape[1:-1]:
        return None
    problem = _size_problem(block, arrivals.shape, spiking)
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


def _problem(block: Any, spiking: bool, feedback: torch.Tensor | None) -> str:
    """What the kernels do not compute of a block; "" if nothing."""
    neuron, recurrent = block.neuron, feedback is not None
    rounds = feedback is not None and not exact_feedback(neuron, len(feedback))
    delay = block.delay if spiking else None
    strange_delay = delay is not None and (
        type(delay) is not slayer.axon.Delay or has_hooks(delay) or delay.sampling_time != 1
    )
    shifts = spiking and not recurrent and block.delay_shift
    problems = {
        "Triton is not installed": importlib.util.find_spec("triton") is None,
        "graded spikes": neuron.graded_spike,
        "a neuron's debug mode": neuron.debug,
        "a state that persists, with a shift by a step": shifts and neuron.persistent_state,
        "a delay that is not SLAYER's own": strange_delay,
        "normalisation of a recurrent block": recurrent and type(neuron.norm) not in (Bias, type(None)),
        "recurrent spikes whose sums could round": rounds,
    }
    return next((problem for problem, found in problems.items() if found), "")


def _size_problem(block: Any, shape: torch.Size, spiking: bool) -> str:
    """The same of its parameters' sizes, once it knows them."""
    neuron, delay = block.neuron, block.delay if spiking else None
    if {neuron.current_decay.numel(), neuron.voltage_decay.numel()} - {1, shape[1:-1].numel()}:
        return "decays of single channels"
    wrong = delay is not None and delay.init and len(delay.delay) != shape[1]
    return "delays of another number of channels" if wrong else ""


def _settle(neuron: Any, shape: torch.Size) -> None:
    """As `settle`, on the CPU: on a GPU, SLAYER's code would need its extension."""
    if neuron.shape is None:
        device = neuron.device
        neuron.to("cpu")
        settle(neuron, shape)
        neuron.to(device)


def _answer(block: Any, dynamics: Dynamics, arrivals: Arrivals, feedback: torch.Tensor | None) -> torch.Tensor | None:
    from lapilli.training.fused.gpu_layer import run_layer

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
    from lapilli.training.fused.gpu_layer import run_layer

    neuron = block.neuron
    silent = silent_dynamics(neuron)
    tensors = _tensors(block, silent, arrivals, None)
    tensors = replace(tensors, voltage_decay=torch.full_like(tensors.voltage_decay.detach(), _UNITY))
    layer = _layer(block, silent, arrivals, tensors, _noise(None, arrivals, False))
    layer = replace(layer, state=(layer.state[0], torch.zeros_like(layer.state[1])))
    currents = run_layer(layer, tensors)
    if currents is None:
        return None
    normalised = neuron.norm(arrivals.form.shaped(currents).contiguous())
    return Arrivals.of_numbers(normalised, are_currents=True) if normalised.shape == arrivals.shape else None


def _tensors(block: Any, dynamics: Dynamics, arrivals: Arrivals, feedback: torch.Tensor | None) -> "GpuTensors":
    from lapilli.training.fused.gpu_layer import GpuTensors

    neuron, real = block.neuron, arrivals.real
    assert real is not None
    if neuron.requires_grad:
        neuron.clamp()
    current_decay, voltage_decay = (
        arrivals.of_channels(_quantize(decay)) for decay in (neuron.current_decay, neuron.voltage_decay)
    )
    if arrivals.are_currents:
        current_decay = torch.full_like(current_decay.detach(), _UNITY)
    bias = None if arrivals.are_currents else fixed_bias(neuron)
    delay = None
    if dynamics.spiking and block.delay is not None:
        delay = arrivals.of_channels(_settled_delay(block.delay, arrivals.shape[1]))
    return GpuTensors(
        real.transpose(1, 2),
        feedback,
        current_decay,
        voltage_decay,
        None if bias is None else arrivals.of_channels(bias),
        delay,
    )


def _settled_delay(delay: Any, n_channels: int) -> torch.Tensor:
    """Delays (channels), drawn as SLAYER draws them on the first batch."""
    if not delay.init:
        delay.delay.data = torch.rand(n_channels, device=delay.delay.device)
        delay.init = True
    delay.clamp()
    steps: torch.Tensor = delay.delay
    return steps


def _layer(
    block: Any, dynamics: Dynamics, arrivals: Arrivals, tensors: "GpuTensors", noise: torch.Tensor
) -> "GpuLayer":
    from lapilli.training.fused.gpu_layer import GpuLayer

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
        dynamics,
        (kept, _kept(tensors.voltage_decay)),
        (torch.zeros_like(current) if arrivals.are_currents else current, voltage),
        shifts,
        1.0 if tensors.delay is None else block.delay.grad_scale,
        noise,
        not recurrent or block.through_state,
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


def _noise(drop: Any, arrivals: Arrivals, recurrent: bool) -> torch.Tensor:
    """Factors of dropout (samples, steps or 1, neurons), drawn as SLAYER draws them; size 0: none."""
    real = arrivals.real
    assert real is not None
    if drop is None or not drop.training or drop.p == 0:
        return real.new_empty(0, 0, 0)
    ones = real.new_ones(*real.shape[:2], 1)
    return torch.stack([drop(ones)[..., 0] for _ in range(real.shape[2] if recurrent else 1)], 1)


def _keep_state(neuron: Any, layer: "GpuLayer", tensors: "GpuTensors", arrivals: Arrivals) -> None:
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


def gpu_dynamics(dynamics: str) -> str:
    """What would train on a GPU, and whether there is one, in a phrase.

    Arguments:
        dynamics: "fused" or "slayer".
    """
    triton = importlib.util.find_spec("triton") is not None
    if dynamics == "fused" and triton:
        code = "lapilli's Triton kernels"
    else:
        nvcc = "" if cpp_extension.CUDA_HOME else ", which needs nvcc: not found"
        code = f"SLAYER's CUDA extension{nvcc}"
        code += "" if triton or dynamics == "slayer" else " (Triton is not installed)"
    here = torch.cuda.get_device_name() if torch.cuda.is_available() else "no CUDA device here"
    return f"{code}; {here}"
