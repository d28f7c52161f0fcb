"""One layer of neurons on a GPU, as a function with a gradient: the launches of Triton's kernels."""

from dataclasses import dataclass
from typing import Any

import torch

from lapilli.training.fused import gpu_kernels
from lapilli.training.fused.dynamics import Dynamics
from lapilli.training.fused.gpu_products import full_precision


@dataclass(frozen=True)
class GpuLayer:
    """What happens in a layer; everything lies on the GPU.

    Arguments:
        dynamics: of the neurons.
        keep: what current and voltage keep in a step, of 4096, int32 (neurons) each; negative: refused.
        state: current and voltage before the first step, in units, int32 (samples, neurons) each; the forward pass
            leaves those after the last step there.
        shifts: steps by which the output of each neuron is late, int32.
        delay_scale: factor of the delays' gradient.
        noise: factors of dropout, (samples, steps or 1, neurons); size 0: none.
        through_state: whether gradients of a recurrent layer pass from step to step through current and voltage too.
    """

    dynamics: Dynamics
    keep: tuple[torch.Tensor, torch.Tensor]
    state: tuple[torch.Tensor, torch.Tensor]
    shifts: torch.Tensor
    delay_scale: float
    noise: torch.Tensor
    through_state: bool

    @property
    def noisy(self) -> tuple[bool, int, int]:
        """Whether there is dropout, its draws, and the draws from step to step."""
        draws = self.noise.shape[1]
        return self.noise.numel() > 0, draws, int(draws > 1)

    def launch(self, kernel: Any, arrays: tuple[torch.Tensor, ...], numbers: tuple[Any, ...], **flags: bool) -> None:
        """Run a kernel over all samples and neurons."""
        n_samples, n_neurons = self.state[0].shape
        n_lanes = n_samples * n_neurons
        grid = (-(-n_lanes // gpu_kernels.LANES),)
        with torch.cuda.device_of(self.shifts):  # type: ignore[no-untyped-call]
            kernel[grid](*arrays, n_lanes, n_neurons, *numbers, **flags, lanes=gpu_kernels.LANES)


@dataclass(frozen=True)
class GpuTensors:
    """What a layer reads, with gradients.

    Arguments:
        real: what arrives, in SLAYER's unit, (samples, steps, neurons).
        feedback: quantised, (neurons, neurons), of a recurrent synapse; None: none.
        current_decay, voltage_decay: quantised, of 4096, (neurons).
        bias: quantised, in SLAYER's unit, (neurons); None: none.
        delay: steps by which each neuron's output is late, (neurons); None: none.
    """

    real: torch.Tensor
    feedback: torch.Tensor | None
    current_decay: torch.Tensor
    voltage_decay: torch.Tensor
    bias: torch.Tensor | None
    delay: torch.Tensor | None

    @property
    def in_order(self) -> tuple[torch.Tensor | None, ...]:
        """As the autograd function takes them."""
        return self.real, self.feedback, self.current_decay, self.voltage_decay, self.bias, self.delay

    @property
    def need_gradient(self) -> bool:
        """Whether there is a way back."""
        return torch.is_grad_enabled() and any(part is not None and part.requires_grad for part in self.in_order)


@dataclass(frozen=True)
class _Pass:
    """What the forward pass leaves, (samples, steps, neurons); size 0: not needed on the way back."""

    out: torch.Tensor
    voltages: torch.Tensor
    currents: torch.Tensor


def run_layer(layer: GpuLayer, tensors: GpuTensors) -> torch.Tensor | None:
    """Output of a layer, (samples, steps, neurons).

    Returns:
        None where states are so large that SLAYER's single precision would round them, or a decay is out of its range.
    """
    passed = _forward(layer, tensors)
    if passed is None:
        return None
    if not tensors.need_gradient:
        return passed.out
    return _LayerFunction.apply(layer, passed, *tensors.in_order)  # type: ignore[no-untyped-call]


def _forward(layer: GpuLayer, tensors: GpuTensors) -> _Pass | None:
    dynamics, real = layer.dynamics, tensors.real.detach().contiguous()
    (n_samples, n_steps, n_neurons), keeps = real.shape, tensors.need_gradient
    decays_learn = keeps and (tensors.current_decay.requires_grad or tensors.voltage_decay.requires_grad)
    keeps_voltages = keeps and (dynamics.spiking or decays_learn)
    out = torch.zeros_like(real)
    nothing = real.new_empty(0, 0, 0, dtype=torch.int32)
    voltages = torch.empty_like(real, dtype=torch.int32) if keeps_voltages else nothing
    currents = torch.empty_like(real, dtype=torch.int32) if decays_learn else nothing
    seen = torch.zeros_like(layer.state[0])
    sent = real.new_zeros(n_samples, n_neurons)
    caused = torch.zeros_like(sent)
    bias = sent[0] if tensors.bias is None else tensors.bias.detach() * dynamics.scale
    read = (real, caused, *layer.keep, bias.to(torch.int32), *layer.state, layer.noise, layer.shifts)
    arrays = (*read, currents, voltages, out, sent, seen)
    noisy, *draws = layer.noisy
    flags = {"recurrent": tensors.feedback is not None, "noisy": noisy, "spiking": dynamics.spiking}
    flags |= {"keeps_voltages": keeps_voltages, "keeps_currents": decays_learn}

    def steps(first: int, last: int) -> None:
        numbers = (first, last, dynamics.threshold_units, float(dynamics.scale), 1 / dynamics.scale)
        layer.launch(gpu_kernels.forward, arrays, (n_steps, *draws, *numbers), **flags)

    if tensors.feedback is None:
        steps(0, n_steps)
    else:
        weights = tensors.feedback.detach().t()
        with full_precision():
            for t in range(n_steps):
                steps(t, t + 1)
                torch.mm(sent, weights, out=caused)
    # The GPU is waited for here: whether SLAYER's code must run instead is for the host to know.
    exact = int(seen.max()) < 1 << gpu_kernels.MAGNITUDE_BITS
    return _Pass(out, voltages, currents) if exact else None


class _LayerFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, layer: GpuLayer, passed: _Pass, *tensors: Any) -> torch.Tensor:
        ctx.layer = layer
        _, feedback, *_, delay = tensors
        late = None if delay is None else passed.out
        ctx.save_for_backward(passed.voltages, passed.currents, late, feedback)
        return passed.out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, out_gradient: torch.Tensor) -> tuple[Any, ...]:
        voltages, currents, late, feedback = ctx.saved_tensors
        layer, needs = ctx.layer, ctx.needs_input_grad[2:]
        _, needs_feedback, *needs_sums, needs_delay = needs
        by_step = out_gradient.contiguous()
        gradients, sums = _gradients(layer, by_step, (voltages, currents), feedback, needs_sums[2])
        return (
            None,
            None,
            gradients,
            _feedback_gradient(layer, gradients, voltages) if needs_feedback else None,
            *(part.sum(0).to(torch.float32) if need else None for part, need in zip(sums, needs_sums)),
            _delay_gradient(late, by_step) * layer.delay_scale if needs_delay else None,
        )


def _gradients(
    layer: GpuLayer, out_gradient: torch.Tensor, states: tuple[torch.Tensor, torch.Tensor], feedback: Any, biased: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of what arrives, (samples, steps, neurons), and of decays and bias, (3, samples, neurons), double precision."""
    dynamics, (n_samples, n_steps, n_neurons) = layer.dynamics, out_gradient.shape
    recurrent = feedback is not None
    share = 1 / 4096 if layer.through_state or not recurrent else 0.0
    keep = [kept.to(torch.float32) * share for kept in layer.keep]
    through = out_gradient.new_zeros(2, n_samples, n_neurons)
    sums = out_gradient.new_zeros(3, n_samples, n_neurons, dtype=torch.float64)
    gradients, caused = torch.empty_like(out_gradient), torch.zeros_like(through[0])
    arrays = (out_gradient, caused, layer.noise, layer.shifts, *states, *keep, *through, gradients, *sums)
    noisy, *draws = layer.noisy
    # SLAYER runs recurrent neurons step by step, and finds no step before that a decay could act on.
    decays = states[1].numel() > 0 and share > 0
    flags = {"recurrent": recurrent, "noisy": noisy, "spiking": dynamics.spiking, "decays": decays}
    flags |= {"biased": biased}
    surrogate = (float(dynamics.threshold), float(dynamics.tau), float(dynamics.peak))

    def steps(first: int, last: int) -> None:
        numbers = (n_steps, *draws, first, last, 1 / dynamics.scale, *surrogate)
        layer.launch(gpu_kernels.backward, arrays, numbers, **flags)

    if not recurrent:
        steps(0, n_steps)
        return gradients, sums
    with full_precision():
        for t in range(n_steps - 1, -1, -1):
            steps(t, t + 1)
            torch.mm(gradients[:, t], feedback, out=caused)
    return gradients, sums


def _feedback_gradient(layer: GpuLayer, gradients: torch.Tensor, voltages: torch.Tensor) -> torch.Tensor:
    """Of the recurrent weights: each step's gradient meets the spikes of the step before."""
    sent = (voltages[:, :-1] >= layer.dynamics.threshold_units).to(torch.float32)
    noisy, draws, _ = layer.noisy
    if noisy:
        sent *= layer.noise if draws == 1 else layer.noise[:, :-1]
    with full_precision():
        return torch.mm(gradients[:, 1:].flatten(0, 1).t(), sent.flatten(0, 1))


def _delay_gradient(late: torch.Tensor, out_gradient: torch.Tensor) -> torch.Tensor:
    """Of the delays, as SLAYER defines it: what leaves a neuron times the change of the gradient to the next step."""
    change = torch.nn.functional.pad(out_gradient[:, 1:], (0, 0, 0, 1)) - out_gradient
    return (late * change).sum((0, 1), dtype=torch.float64).to(torch.float32)
