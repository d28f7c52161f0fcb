"""A layer's weights with their batch norm, and the integers that both make together."""

from typing import NamedTuple

import numpy as np
import torch

from lapilli.training.networks.spikescr.functions.neurons import Moments

EPSILON = 1e-5
"""Added to variances, as torch's batch norms do."""

HEAD_UNIT = 64
"""A readout's weight of 1 as an integer: voltages are then in SLAYER's unit, of which a softmax is taken."""

_SMALLEST_THRESHOLD = 16
_WEIGHTS = (-256, 254)
_BIASES = (-256, 255)
_BIAS_EXPONENTS = 8


class Folded(NamedTuple):
    """A layer as integers, in float32.

    Arguments:
        weight: even, -256…254, so that 8 bits hold them.
        bias: (channels), multiples of 2^exponent that 9 bits hold.
        threshold: (channels), a power of two.
        exponent: of the biases.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    threshold: torch.Tensor
    exponent: int


class Norm(torch.nn.Module):
    """A batch norm's parameters and running statistics; what it does is part of the neurons' kernels.

    Arguments:
        width: channels.
        momentum: share of a batch in the running statistics.
    """

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, width: int, momentum: float) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(width))
        self.shift = torch.nn.Parameter(torch.zeros(width))
        self.momentum = momentum
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))

    @torch.no_grad()
    def add(self, of_batch: Moments, bias: torch.Tensor | None) -> None:
        """Add a batch, whose values came without `bias`, to the running statistics."""
        mean, variance = (torch.from_numpy(found.astype(np.float32)).to(self.running_mean.device) for found in of_batch)
        self.running_mean.lerp_(mean if bias is None else mean + bias, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


class NormedLayer(torch.nn.Module):
    """Weights, a bias where the published layer has one, and a batch norm.

    A bias in front of batch statistics cancels, so that it gets no gradient there; with frozen ones it is learned.

    Arguments:
        shape: of the weights: (channels, inputs), (taps, channels, inputs), or (taps, channels) of `diagonal` ones.
        bias: whether there is one.
        momentum: of the norm.
        diagonal: whether each channel reads itself alone.
    """

    def __init__(self, shape: tuple[int, ...], bias: bool, momentum: float, diagonal: bool = False) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.empty(shape))
        self.channel_axis = len(shape) - 1 if diagonal else len(shape) - 2
        width = shape[self.channel_axis]
        # As torch sees its convolutions: a depthwise one has one input channel for each output.
        taps = 1 if len(shape) == 2 and not diagonal else shape[0]
        fan_in, fan_out = taps * (1 if diagonal else shape[-1]), taps * width
        torch.nn.init.uniform_(self.weight, -((6 / (fan_in + fan_out)) ** 0.5), (6 / (fan_in + fan_out)) ** 0.5)
        self.bias: torch.nn.Parameter | None = None
        if bias:
            self.bias = torch.nn.Parameter(torch.empty(width).uniform_(-(fan_in**-0.5), fan_in**-0.5))
        self.norm = Norm(width, momentum)

    @property
    def width(self) -> int:
        """Channels."""
        return self.weight.shape[self.channel_axis]

    def frozen(self) -> Moments:
        """Mean and variance of what arrives without the bias, from the running statistics."""
        mean = self.norm.running_mean if self.bias is None else self.norm.running_mean - self.bias
        return Moments(*(found.detach().double().cpu().numpy() for found in (mean, self.norm.running_var)))

    def folded(self, largest: int) -> Folded:
        """The integers, from the running statistics; gradients pass through rounding as if it were not there.

        Arguments:
            largest: threshold.
        """
        factor = self.norm.scale / torch.sqrt(self.norm.running_var + EPSILON)
        shape = [1] * self.weight.dim()
        shape[self.channel_axis] = -1
        weight = self.weight * factor.reshape(shape)
        mean = self.norm.running_mean if self.bias is None else self.norm.running_mean - self.bias
        bias = self.norm.shift - mean * factor
        threshold = _threshold(weight, largest)
        exponent = _bias_exponent(bias * threshold)
        return Folded(
            _whole(weight * threshold, 2, _WEIGHTS),
            _whole(bias * threshold, 1 << exponent, (_BIASES[0] << exponent, _BIASES[1] << exponent)),
            torch.full_like(factor, threshold),
            exponent,
        )


def whole_weights(weight: torch.Tensor, unit: int) -> torch.Tensor:
    """Weights as 8 bits hold them, times `unit`; gradients pass."""
    return _whole(weight * unit, 2, _WEIGHTS)


def _threshold(weight: torch.Tensor, largest: int) -> int:
    """The largest power of two with which no weight leaves its range, within limits."""
    reach, threshold = float(weight.detach().abs().max()), largest
    while threshold > _SMALLEST_THRESHOLD and reach * threshold > _WEIGHTS[1]:
        threshold //= 2
    return threshold


def _bias_exponent(bias: torch.Tensor) -> int:
    reach = float(bias.detach().abs().max())
    return next((e for e in range(_BIAS_EXPONENTS) if reach <= _BIASES[1] << e), _BIAS_EXPONENTS - 1)


def _whole(values: torch.Tensor, step: int, limits: tuple[int, int]) -> torch.Tensor:
    rounded = (torch.round(values.detach() / step) * step).clamp(*limits)
    return values + (rounded - values.detach()) if values.requires_grad else rounded
