"""A layer's way back on a GPU: from the gradient of its output to those of all that it reads."""

from dataclasses import dataclass

import torch

from lapilli.training.fused.gpu import kernels
from lapilli.training.fused.gpu.launches import (
    BackwardArrays,
    BackwardModes,
    BackwardNumbers,
    ForwardModes,
    Launch,
    Sizes,
    absent,
)
from lapilli.training.fused.gpu.layer import GpuGradients, GpuLayer, GpuNeeds
from lapilli.training.fused.gpu.products import full_precision


@dataclass(frozen=True)
class Saved:
    """What the way back starts from.

    Arguments:
        layer, modes, voltages, currents: as on the way forward.
        late: what was sent, (samples, steps, neurons), where there are delays; else None.
        feedback: quantised, (neurons, neurons), of a recurrent synapse; None: none.
    """

    layer: GpuLayer
    modes: ForwardModes
    voltages: torch.Tensor
    currents: torch.Tensor
    late: torch.Tensor | None
    feedback: torch.Tensor | None


def gradients_of(saved: Saved, out_gradient: torch.Tensor, needs: GpuNeeds) -> GpuGradients:
    """Gradients of what a layer read; None where none is needed."""
    by_step, late = out_gradient.contiguous(), saved.late
    found = _pass_back(saved, by_step, needs.bias)
    sums = (found.current_decay_gradient, found.voltage_decay_gradient, found.bias_gradient)
    current_decay, voltage_decay, bias = (
        part.sum(0).to(torch.float32) if need else None
        for part, need in zip(sums, (needs.current_decay, needs.voltage_decay, needs.bias))
    )
    return GpuGradients(
        real=found.gradients,
        feedback=_of_feedback(saved, found.gradients) if needs.feedback else None,
        current_decay=current_decay,
        voltage_decay=voltage_decay,
        bias=bias,
        delay=_of_delay(late, by_step) * saved.layer.delay_scale if late is not None and needs.delay else None,
    )


def _pass_back(saved: Saved, out_gradient: torch.Tensor, biased: bool) -> BackwardArrays:
    """All steps, from the last to the first."""
    layer, arrays, n_steps = saved.layer, _arrays(saved, out_gradient), out_gradient.shape[1]
    dynamics = layer.dynamics
    surrogate = BackwardNumbers(
        1 / dynamics.scale, float(dynamics.threshold), float(dynamics.tau), float(dynamics.peak)
    )
    modes = BackwardModes(
        recurrent=saved.modes.recurrent,
        noisy=saved.modes.noisy,
        spiking=saved.modes.spiking,
        # SLAYER runs recurrent neurons step by step, and finds no step before that a decay could act on.
        decays=saved.modes.keeps_currents and _through_state(saved),
        biased=biased,
    )
    launch = Launch(kernels.backward, layer.shifts, Sizes.of(out_gradient, layer.noise), arrays, surrogate, modes)
    if saved.feedback is None:
        launch.run(0, n_steps)
        return arrays
    with full_precision():
        for t in range(n_steps - 1, -1, -1):
            launch.run(t, t + 1)
            torch.mm(arrays.gradients[:, t], saved.feedback, out=arrays.caused)
    return arrays


def _through_state(saved: Saved) -> bool:
    """Whether gradients pass from step to step through current and voltage."""
    return saved.layer.through_state or not saved.modes.recurrent


def _arrays(saved: Saved, out_gradient: torch.Tensor) -> BackwardArrays:
    layer, (n_samples, _, n_neurons) = saved.layer, out_gradient.shape
    share = 1 / 4096 if _through_state(saved) else 0.0
    through = out_gradient.new_zeros(2, n_samples, n_neurons)
    sums = out_gradient.new_zeros(3, n_samples, n_neurons, dtype=torch.float64)
    return BackwardArrays(
        out_gradient=out_gradient,
        caused=torch.zeros_like(through[0]),
        noise=absent(out_gradient) if layer.noise is None else layer.noise,
        shifts=layer.shifts,
        voltages=saved.voltages,
        currents=saved.currents,
        keep_current=layer.keep[0].to(torch.float32) * share,
        keep_voltage=layer.keep[1].to(torch.float32) * share,
        through_current=through[0],
        through_voltage=through[1],
        gradients=torch.empty_like(out_gradient),
        current_decay_gradient=sums[0],
        voltage_decay_gradient=sums[1],
        bias_gradient=sums[2],
    )


def _of_feedback(saved: Saved, gradients: torch.Tensor) -> torch.Tensor:
    """The gradient of recurrent weights: each step's gradient meets the spikes of the step before."""
    sent = (saved.voltages[:, :-1] >= saved.layer.dynamics.threshold_units).to(torch.float32)
    noise = saved.layer.noise
    if noise is not None:
        sent *= noise if noise.shape[1] == 1 else noise[:, :-1]
    with full_precision():
        return torch.mm(gradients[:, 1:].flatten(0, 1).t(), sent.flatten(0, 1))


def _of_delay(late: torch.Tensor, out_gradient: torch.Tensor) -> torch.Tensor:
    """That of the delays, as SLAYER defines it: what leaves a neuron times the gradient's change to the next step."""
    change = torch.nn.functional.pad(out_gradient[:, 1:], (0, 0, 0, 1)) - out_gradient
    return (late * change).sum((0, 1), dtype=torch.float64).to(torch.float32)
