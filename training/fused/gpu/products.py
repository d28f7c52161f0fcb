"""Products of spikes and quantised weights on a GPU, whose sums are exact.

Quantised weights are multiples of one unit, so single precision adds them exactly in any order, as long as nothing is
rounded before: TF32 is off in here, and so is cuDNN, whose Winograd and FFT convolutions transform the weights. A
convolution is one product of patches, with time folded into the batch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from lapilli.training.fused.convolution import Geometry

PATCHES = 1 << 26
"""Numbers in the patches that are laid out at a time: 256 MiB."""


@contextmanager
def full_precision() -> Iterator[None]:
    """Products in single precision throughout: no TF32, no cuDNN."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.backends.cudnn.flags(enabled=False, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


class DenseProduct(torch.autograd.Function):
    """(rows, neurons) of inputs (rows, inputs) and weights (neurons, inputs)."""

    @staticmethod
    def forward(ctx: Any, inputs: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """The product."""
        ctx.save_for_backward(inputs, weight)
        with full_precision():
            return torch.mm(inputs, weight.t())

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Gradients of both."""
        inputs, weight = ctx.saved_tensors
        needs_inputs, needs_weight = ctx.needs_input_grad
        with full_precision():
            of_inputs = torch.mm(gradient, weight) if needs_inputs else None
            of_weight = torch.mm(gradient.t(), inputs) if needs_weight else None
        return of_inputs, of_weight


def patches(geometry: Geometry, images: torch.Tensor) -> torch.Tensor:
    """What outputs see of (images, rows, columns, channels): (groups, images * outputs, taps * channels)."""
    (down, right), stride, dilation = geometry.padding, geometry.stride, geometry.dilation
    padded = torch.nn.functional.pad(images, (0, 0, right, right, down, down)).contiguous()
    image, row, column, channel = padded.stride()
    sizes = (geometry.groups, len(images), *geometry.outputs[1:], *geometry.kernel, geometry.of_group)
    steps = (row * stride[0], column * stride[1], row * dilation[0], column * dilation[1])
    return padded.as_strided(sizes, (channel * geometry.of_group, image, *steps, channel)).flatten(4).flatten(1, 3)


def fold(geometry: Geometry, shares: torch.Tensor) -> torch.Tensor:
    """The way back of `patches`: what comes together at each place, (images, rows, columns, channels)."""
    (_, rows, columns), (down, right) = geometry.inputs, geometry.padding
    parts = shares.reshape(geometry.groups, -1, *geometry.outputs[1:], *geometry.kernel, geometry.of_group)
    by_tap = parts.permute(4, 5, 1, 2, 3, 0, 6).flatten(5)
    total = shares.new_zeros(by_tap.shape[2], rows + 2 * down, columns + 2 * right, by_tap.shape[5])
    for i in range(geometry.kernel[0]):
        for j in range(geometry.kernel[1]):
            total[:, _places(geometry, 0, i), _places(geometry, 1, j)] += by_tap[i, j]
    return total[:, down : down + rows, right : right + columns]


def _places(geometry: Geometry, axis: int, tap: int) -> slice:
    """Rows or columns that a tap of all outputs sees."""
    first, stride = tap * geometry.dilation[axis], geometry.stride[axis]
    return slice(first, first + stride * (geometry.outputs[1 + axis] - 1) + 1, stride)


class ConvProduct(torch.autograd.Function):
    """(images, rows, columns, outputs) of images (images, rows, columns, channels) and kernels, as torch has them."""

    @staticmethod
    def forward(ctx: Any, images: torch.Tensor, kernels: torch.Tensor, geometry: Geometry) -> torch.Tensor:
        """The convolution."""
        ctx.save_for_backward(images, kernels)
        ctx.geometry = geometry
        weights = _by_tap(geometry, kernels)
        out = images.new_empty(len(images), *geometry.outputs[1:], len(kernels))
        with full_precision():
            for part in _parts(geometry, images):
                found = torch.bmm(patches(geometry, images[part]), weights)
                out[part] = found.transpose(0, 1).reshape(out[part].shape)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Gradients of both; the patches are laid out again, for they take far more room than the images."""
        images, kernels = ctx.saved_tensors
        geometry, (needs_images, needs_kernels, _) = ctx.geometry, ctx.needs_input_grad
        weights = _by_tap(geometry, kernels)
        of_images = torch.empty_like(images) if needs_images else None
        of_weights = torch.zeros_like(weights, dtype=torch.float64) if needs_kernels else None
        with full_precision():
            for part in _parts(geometry, images):
                arriving = gradient[part].reshape(-1, geometry.groups, weights.shape[2]).transpose(0, 1)
                if of_images is not None:
                    of_images[part] = fold(geometry, torch.bmm(arriving, weights.transpose(1, 2)))
                if of_weights is not None:
                    of_weights += torch.bmm(patches(geometry, images[part]).transpose(1, 2), arriving)
        return of_images, None if of_weights is None else _by_kernel(geometry, of_weights.to(images.dtype)), None


def _by_tap(geometry: Geometry, kernels: torch.Tensor) -> torch.Tensor:
    """Kernels (outputs, inputs of a group, rows, columns) as (groups, taps * inputs, outputs of a group)."""
    return kernels.permute(0, 2, 3, 1).reshape(geometry.groups, -1, kernels[0].numel()).transpose(1, 2)


def _by_kernel(geometry: Geometry, weights: torch.Tensor) -> torch.Tensor:
    """The way back of `_by_tap`."""
    by_output = weights.transpose(1, 2).reshape(-1, *geometry.kernel, geometry.of_group)
    return by_output.permute(0, 3, 1, 2)


def _parts(geometry: Geometry, images: torch.Tensor) -> list[slice]:
    """Images whose patches are laid out at a time."""
    (_, rows, columns), (height, width) = geometry.outputs, geometry.kernel
    number = max(1, PATCHES // (rows * columns * height * width * images.shape[3]))
    return [slice(first, first + number) for first in range(0, len(images), number)]
