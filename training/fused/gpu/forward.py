"""A layer's way forward on a GPU."""

from dataclasses import dataclass

import torch

from lapilli.training.fused.gpu import kernels
from lapilli.training.fused.gpu.launches import ForwardArrays, ForwardModes, ForwardNumbers, Launch, Sizes, absent
from lapilli.training.fused.gpu.layer import GpuLayer, GpuTensors
from lapilli.training.fused.gpu.products import full_precision
from lapilli.training.fused.tensors import learns


@dataclass(frozen=True)
class Passed:
    """What the way forward leaves, (samples, steps, neurons).

    Arguments:
        out: what is sent.
        voltages, currents: states before the reset, where `modes` say that they are kept.
        modes: what happened.
    """

    out: torch.Tensor
    voltages: torch.Tensor
    currents: torch.Tensor
    modes: ForwardModes


def pass_forward(layer: GpuLayer, tensors: GpuTensors) -> Passed | None:
    """None where states are so large that SLAYER's single precision would round them."""
    real, modes = tensors.real.detach().contiguous(), _modes(layer, tensors)
    arrays = _arrays(layer, tensors, real, modes)
    scale = layer.dynamics.scale
    numbers = ForwardNumbers(layer.dynamics.threshold_units, float(scale), 1 / scale)
    launch = Launch(kernels.forward, layer.shifts, Sizes.of(real, layer.noise), arrays, numbers, modes)
    if tensors.feedback is None:
        launch.run(0, real.shape[1])
    else:
        weights = tensors.feedback.detach().t()
        with full_precision():
            for t in range(real.shape[1]):
                launch.run(t, t + 1)
                torch.mm(arrays.sent, weights, out=arrays.caused)
    # The GPU is waited for here: whether SLAYER's code must run instead is for the host to know.
    exact = int(arrays.seen.max()) < 1 << kernels.MAGNITUDE_BITS
    return Passed(arrays.out, arrays.voltages, arrays.currents, modes) if exact else None


def _modes(layer: GpuLayer, tensors: GpuTensors) -> ForwardModes:
    learn = tensors.need_gradient
    decays_learn = learn and (learns(tensors.current_decay) or learns(tensors.voltage_decay))
    return ForwardModes(
        recurrent=tensors.feedback is not None,
        noisy=layer.noise is not None,
        spiking=layer.dynamics.spiking,
        keeps_voltages=learn and (layer.dynamics.spiking or decays_learn),
        keeps_currents=decays_learn,
    )


def _arrays(layer: GpuLayer, tensors: GpuTensors, real: torch.Tensor, modes: ForwardModes) -> ForwardArrays:
    sent = real.new_zeros(len(real), real.shape[2])
    bias = sent[0] if tensors.bias is None else tensors.bias.detach() * layer.dynamics.scale
    nothing = absent(real, torch.int32)
    return ForwardArrays(
        real=real,
        caused=torch.zeros_like(sent),
        keep_current=layer.keep[0],
        keep_voltage=layer.keep[1],
        bias=bias.to(torch.int32),
        current=layer.state[0],
        voltage=layer.state[1],
        noise=absent(real) if layer.noise is None else layer.noise,
        shifts=layer.shifts,
        currents=torch.empty_like(real, dtype=torch.int32) if modes.keeps_currents else nothing,
        voltages=torch.empty_like(real, dtype=torch.int32) if modes.keeps_voltages else nothing,
        out=torch.zeros_like(real),
        sent=sent,
        seen=torch.zeros_like(layer.state[0]),
    )
