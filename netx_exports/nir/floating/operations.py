"""What a graph does between the neurons of one layer and those of the next, as real numbers."""

from dataclasses import dataclass
from math import prod

import numpy as np

from lapilli.netx_exports.nir.meaning import Floats, Ints
from lapilli.netx_exports.synapses.kinds import Shape

Pair = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Linear:
    """Each neuron reads all: `weight` (out, in), `bias` (out,)."""

    weight: Floats
    bias: Floats

    def output_shape(self, shape: Shape) -> Shape:
        """(out,)."""
        return self.weight.shape[:1]


@dataclass(frozen=True, eq=False)
class Convolution:
    """Cross-correlation: `weight` (out, in / groups, height, width), `bias` (out,), the rest as in `ConvSynapse`."""

    weight: Floats
    bias: Floats
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    def output_shape(self, shape: Shape) -> Shape:
        """(C, H, W)."""
        return (len(self.weight), *sides(shape[1:], self.weight.shape[2:], self.stride, self.padding, self.dilation))


@dataclass(frozen=True, eq=False)
class Scaling:
    """Each neuron times its own number: `scale`, of the shape of what arrives."""

    scale: Floats

    def output_shape(self, shape: Shape) -> Shape:
        """As it arrives."""
        return shape


@dataclass(frozen=True, eq=False)
class Pool:
    """The sum over a window of each channel, times `factor`: 1, or one over the window's size for a mean."""

    kernel: Pair
    stride: Pair
    padding: Pair
    factor: float

    def output_shape(self, shape: Shape) -> Shape:
        """(C, H, W)."""
        return (shape[0], *sides(shape[1:], self.kernel, self.stride, self.padding, (1, 1)))

    def convolution(self, channels: int) -> Convolution:
        """The convolution of each channel with itself alone that is the same."""
        weight = np.full((channels, 1, *self.kernel), self.factor)
        return Convolution(weight, np.zeros(channels), self.stride, self.padding, groups=channels)


@dataclass(frozen=True, eq=False)
class Flattening:
    """(N,) in C order."""

    def output_shape(self, shape: Shape) -> Shape:
        """(N,)."""
        return (prod(shape),)


@dataclass(frozen=True, eq=False)
class Delaying:
    """Each neuron later by its own whole number of `steps`, of the shape of what arrives."""

    steps: Ints

    def output_shape(self, shape: Shape) -> Shape:
        """As it arrives."""
        return shape


Operation = Linear | Convolution | Scaling | Pool | Flattening | Delaying


def sides(shape: Shape, kernel: Shape, stride: Pair, padding: Pair, dilation: Pair) -> Shape:
    """(height, width) that a window moved over (height, width) gives."""
    return tuple(
        (size + 2 * pad - apart * (taps - 1) - 1) // step + 1
        for size, taps, step, pad, apart in zip(shape, kernel, stride, padding, dilation)
    )
