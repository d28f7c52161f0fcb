"""A layer's weights with their batch norm as 8-bit numbers, and the reach of 8-bit activations."""

from math import floor, log2
from typing import NamedTuple

import torch

EPSILON = 1e-5
"""Added to variances, as torch's batch norms do."""

LARGEST_WEIGHT = 127
WEIGHT_UNITS = (4, 11)
"""Limits of k, where 2^k is a weight of 1.0."""

LARGEST_SUM_UNIT = 14
"""Limit of the unit of a sum, so that float32 and 24 bits hold sums up to 512."""

_UNITS = (0, 8)
_DEFAULT_UNIT = 4
_CALIBRATING = 8
_PACE = 0.05


class Folded(NamedTuple):
    """Weights with their batch norm.

    Arguments:
        weight: real, multiples of 2^-unit unless rounding is off; (outputs, inputs, rows, columns).
        bias: real, not rounded; (outputs).
        unit: a weight of 1.0 is the integer 2^unit.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    unit: int


class Norm(torch.nn.Module):
    """A batch norm's parameters and running statistics.

    Arguments:
        width: channels.
        momentum: share of a batch in the running statistics.
    """

    mean: torch.Tensor
    variance: torch.Tensor

    def __init__(self, width: int, momentum: float) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(width))
        self.shift = torch.nn.Parameter(torch.zeros(width))
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, values: torch.Tensor, of_batch: bool) -> torch.Tensor:
        """Maps (samples, rows, columns, channels), normalised by the batch, or by what was seen so far."""
        normed = torch.nn.functional.batch_norm(
            values.permute(0, 3, 1, 2),
            self.mean,
            self.variance,
            self.scale,
            self.shift,
            of_batch,
            self.momentum,
            EPSILON,
        )
        return normed.permute(0, 2, 3, 1)


class Weighted(torch.nn.Module):
    """Weights of a convolution, and a bias or a batch norm.

    Arguments:
        shape: of the weights, (outputs, inputs, rows, columns).
        stride, padding: of the convolution.
        momentum: of the batch norm; None: a bias instead.
    """

    def __init__(self, shape: tuple[int, int, int, int], stride: int, padding: int, momentum: float | None) -> None:
        super().__init__()
        fan_in = shape[1] * shape[2] * shape[3]
        self.weight = torch.nn.Parameter(torch.randn(shape) * fan_in**-0.5)
        self.stride, self.padding = stride, padding
        self.norm = None if momentum is None else Norm(shape[0], momentum)
        self.bias = torch.nn.Parameter(torch.zeros(shape[0])) if momentum is None else None

    def folded(self, largest_unit: int, rounded: bool) -> Folded:
        """The weights that run, behind frozen statistics; gradients pass through rounding.

        Arguments:
            largest_unit: of the weights.
            rounded: whether they are rounded to 8 bits.
        """
        weight: torch.Tensor = self.weight
        bias: torch.Tensor | None = self.bias
        if self.norm is not None:
            factor = self.norm.scale / torch.sqrt(self.norm.variance + EPSILON)
            weight, bias = weight * factor[:, None, None, None], self.norm.shift - self.norm.mean * factor
        assert bias is not None
        unit = weight_unit(weight, largest_unit)
        return Folded(whole(weight, unit, LARGEST_WEIGHT) if rounded else weight, bias, unit)

    def convolved(self, values: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        """The convolution of maps (samples, rows, columns, channels)."""
        if weight.shape[2:] == (1, 1):
            return torch.nn.functional.linear(values, weight[:, :, 0, 0], bias)
        found = torch.nn.functional.conv2d(values.permute(0, 3, 1, 2), weight, bias, self.stride, self.padding)
        return found.permute(0, 2, 3, 1)


def weight_unit(weight: torch.Tensor, largest: int) -> int:
    """The largest unit with which no weight leaves 8 bits, within limits."""
    low, high = WEIGHT_UNITS
    reach = float(weight.detach().abs().max())
    fitting = floor(log2(LARGEST_WEIGHT / reach)) if reach > 0 else high
    return max(low, min(fitting, high, largest))


def whole(values: torch.Tensor, unit: int, limit: int) -> torch.Tensor:
    """Numbers rounded to multiples of 2^-unit, of at most `limit` such; gradients pass as if they were not."""
    rounded = (values.detach() * 2.0**unit + 0.5).floor().clamp(-limit, limit) * 2.0**-unit
    return values + (rounded - values.detach()) if values.requires_grad else rounded


class Reach(torch.nn.Module):
    """How far the activations of a layer reach, as their root mean square over the last batches; 0: not seen yet.

    Arguments:
        sigmas: root mean squares that 8 bits must hold.
    """

    root: torch.Tensor

    def __init__(self, sigmas: float) -> None:
        super().__init__()
        self.sigmas = sigmas
        self.register_buffer("root", torch.zeros(()))

    @property
    def seen(self) -> bool:
        """Whether there were activations."""
        return bool(self.root > 0)

    @property
    def unit(self) -> int:
        """The largest unit with which 8 bits hold them, within limits."""
        low, high = _UNITS
        if not self.seen:
            return _DEFAULT_UNIT
        return max(low, min(floor(log2(127 / (self.sigmas * float(self.root)))), high))

    @torch.no_grad()
    def see(self, total: torch.Tensor, skip: torch.Tensor | None) -> None:
        """Look at sums of a training batch, of some of its samples."""
        some = total[:_CALIBRATING] if skip is None else total[:_CALIBRATING] + skip[:_CALIBRATING]
        now = torch.linalg.vector_norm(some) / some.numel() ** 0.5
        self.root.lerp_(now, _PACE if self.seen else 1.0)
