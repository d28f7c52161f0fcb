"""Synapses that learn: what a layer's input gives, what changes its weights, what goes back through it.

All three are written out, so that a rule can use them without a graph of operations being kept.
"""

from math import prod, sqrt

import torch
from torch.nn import functional
from torch.nn.grad import conv2d_input, conv2d_weight

from lapilli.training.stllr.rounding import round_at_random_

_STEP, _LEAST, _MOST = 2 / 64, -256 / 64, 254 / 64


class Synapse(torch.nn.Module):
    """Weights and how they are used; subclasses say what they connect.

    Arguments:
        shape: of the weights, neurons or output channels first.
        scale: factor on torch's usual first weights.
        standardised: whether the weights of a neuron are used with mean 0 and a learned length.
        integer: whether they are rounded to 8 bits, as SLAYER does: multiples of 2/64, -4…3.97.
    """

    def __init__(self, shape: tuple[int, ...], scale: float, standardised: bool, integer: bool) -> None:
        super().__init__()
        bound = scale / sqrt(prod(shape[1:]))
        self.weight = torch.nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
        self.gain = torch.nn.Parameter(torch.ones(shape[0], *[1] * (len(shape) - 1))) if standardised else None
        self._integer = integer

    def used(self) -> torch.Tensor:
        """The weights as neurons meet them; autograd leads from them back to what is learned."""
        weight: torch.Tensor = self.weight
        if self.gain is not None:
            dims = tuple(range(1, weight.dim()))
            variance, mean = torch.var_mean(weight, dims, correction=0, keepdim=True)
            weight = self.gain * (weight - mean) / torch.sqrt(variance * prod(weight.shape[1:]) + 1e-4)
        if self._integer:
            # As in SLAYER, gradients pass through the rounding, and not to weights beyond the range.
            weight = _Rounded.apply(weight).clamp(_LEAST, _MOST)  # type: ignore[no-untyped-call]
        return weight

    @torch.no_grad()
    def round_at_random(self, generator: torch.Generator) -> None:
        """Make the weights those that 8 bits can hold, each rounded at random; nothing finer is kept."""
        round_at_random_(self.weight, _STEP, generator)
        self.weight.clamp_(_LEAST, _MOST)

    def currents(self, values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """What reaches the neurons, (samples, *neurons), of values (samples, *sources)."""
        raise NotImplementedError

    def add_outer(
        self, total: torch.Tensor, error: torch.Tensor, values: torch.Tensor, factor: float, weight: torch.Tensor
    ) -> None:
        """Add to `total`, in the shape of the weights, `factor` times error times value of every connection."""
        raise NotImplementedError

    def back(self, error: torch.Tensor, weight: torch.Tensor, shape: torch.Size) -> torch.Tensor:
        """The neurons' errors as errors of the sources, in `shape`."""
        raise NotImplementedError


class DenseSynapse(Synapse):
    """All to all; sources of any shape are a row."""

    def __init__(self, sources: int, neurons: int, scale: float, standardised: bool, integer: bool) -> None:
        super().__init__((neurons, sources), scale, standardised, integer)

    def currents(self, values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """A product of matrices."""
        return values.flatten(1) @ weight.t()

    def add_outer(
        self, total: torch.Tensor, error: torch.Tensor, values: torch.Tensor, factor: float, weight: torch.Tensor
    ) -> None:
        """A product of matrices, added up in place."""
        total.addmm_(error.t(), values.flatten(1), alpha=factor)

    def back(self, error: torch.Tensor, weight: torch.Tensor, shape: torch.Size) -> torch.Tensor:
        """A product of matrices."""
        return (error @ weight).view(shape)


class ConvSynapse(Synapse):
    """A convolution over (C, H, W)."""

    def __init__(
        self, channels: tuple[int, int], kernel: int, stride: int, padding: int, scale: float, standardised: bool,
        integer: bool,
    ) -> None:  # fmt: skip
        super().__init__((channels[1], channels[0], kernel, kernel), scale, standardised, integer)
        self.stride, self.padding = stride, padding

    def currents(self, values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """A cross-correlation."""
        return functional.conv2d(values, weight, None, self.stride, self.padding)

    def add_outer(
        self, total: torch.Tensor, error: torch.Tensor, values: torch.Tensor, factor: float, weight: torch.Tensor
    ) -> None:
        """The gradient of a convolution's weights."""
        found = conv2d_weight(values, list(weight.shape), error, self.stride, self.padding)  # type: ignore[no-untyped-call]
        total.add_(found, alpha=factor)

    def back(self, error: torch.Tensor, weight: torch.Tensor, shape: torch.Size) -> torch.Tensor:
        """The gradient of a convolution's input."""
        return conv2d_input(list(shape), weight, error, self.stride, self.padding)  # type: ignore[no-untyped-call]


class _Rounded(torch.autograd.Function):
    """Multiples of SLAYER's step of weights; the gradient passes as it is."""

    @staticmethod
    def forward(ctx: object, weight: torch.Tensor) -> torch.Tensor:
        """Rounded, halves to even."""
        return torch.round(weight / _STEP) * _STEP

    @staticmethod
    def backward(ctx: object, *gradients: torch.Tensor) -> torch.Tensor:
        """As if nothing were rounded."""
        return gradients[0]
