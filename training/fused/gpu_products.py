"""Products of spikes and quantised weights on a GPU, whose sums are exact.

Quantised weights are multiples of one unit, so single precision adds them exactly in any order, as long as nothing is
rounded before: TF32 is off in here, and so is cuDNN, whose Winograd and FFT convolutions transform the weights. A
convolution is one product of patches, with time folded into the batch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

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


@dataclass(frozen=True)
class Window:
    """Sizes of a convolution, (rows, columns) each; `groups` of channels."""

    images: tuple[int, int]
    outputs: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int

    def patches(self, images: torch.Tensor) -> torch.Tensor:
        """What outputs see of (images, rows, columns, channels): (groups, images * outputs, taps * channels)."""
        down, right = self.padding
        padded = torch.nn.functional.pad(images, (0, 0, right, right, down, down)).contiguous()
        image, row, column, channel = padded.stride()
        strides = (row * self.stride[0], column * self.stride[1], row * self.dilation[0], column * self.dilation[1])
        sizes = (len(images), *self.outputs, *self.kernel, images.shape[3])
        seen = padded.as_strided(sizes, (image, *strides, channel)).unflatten(5, (self.groups, -1))
        rows = len(images) * self.outputs[0] * self.outputs[1]
        return seen.permute(5, 0, 1, 2, 3, 4, 6).reshape(self.groups, rows, -1)

    def folded(self, patches: torch.Tensor) -> torch.Tensor:
        """The way back: sums (images, rows, columns, channels) of (groups, images * outputs, taps * channels)."""
        (rows, columns), (down, right) = self.images, self.padding
        parts = patches.unflatten(2, (*self.kernel, -1)).unflatten(1, (-1, *self.outputs))
        by_tap = parts.permute(4, 5, 1, 2, 3, 0, 6).flatten(5)
        total = patches.new_zeros(by_tap.shape[2], rows + 2 * down, columns + 2 * right, by_tap.shape[5])
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                total[:, self._places(0, i), self._places(1, j)] += by_tap[i, j]
        return total[:, down : down + rows, right : right + columns]

    def _places(self, axis: int, tap: int) -> slice:
        """Rows or columns that a tap of all outputs sees."""
        first = tap * self.dilation[axis]
        return slice(first, first + self.stride[axis] * (self.outputs[axis] - 1) + 1, self.stride[axis])

    def by_tap(self, kernels: torch.Tensor) -> torch.Tensor:
        """Kernels (outputs, inputs of a group, rows, columns) as (groups, taps * inputs, outputs of a group)."""
        return kernels.permute(0, 2, 3, 1).reshape(self.groups, -1, kernels[0].numel()).transpose(1, 2)

    def by_kernel(self, weights: torch.Tensor) -> torch.Tensor:
        """The way back of `by_tap`."""
        return weights.transpose(1, 2).flatten(0, 1).unflatten(1, (*self.kernel, -1)).permute(0, 3, 1, 2)


class ConvProduct(torch.autograd.Function):
    """(images, rows, columns, outputs) of images (images, rows, columns, channels) and kernels, as torch has them."""

    @staticmethod
    def forward(ctx: Any, images: torch.Tensor, kernels: torch.Tensor, window: Window) -> torch.Tensor:
        """The convolution."""
        ctx.save_for_backward(images, kernels)
        ctx.window = window
        weights = window.by_tap(kernels)
        out = images.new_empty(len(images), *window.outputs, len(kernels))
        with full_precision():
            for part in _parts(images, window):
                found = torch.bmm(window.patches(images[part]), weights)
                out[part] = found.transpose(0, 1).reshape(out[part].shape)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Gradients of both; the patches are laid out again, for they take far more room than the images."""
        images, kernels = ctx.saved_tensors
        window, (needs_images, needs_kernels, _) = ctx.window, ctx.needs_input_grad
        weights = window.by_tap(kernels)
        of_images = torch.empty_like(images) if needs_images else None
        of_weights = torch.zeros_like(weights, dtype=torch.float64) if needs_kernels else None
        with full_precision():
            for part in _parts(images, window):
                arriving = gradient[part].flatten(0, 2).unflatten(1, (window.groups, -1)).transpose(0, 1)
                if of_images is not None:
                    of_images[part] = window.folded(torch.bmm(arriving, weights.transpose(1, 2)))
                if of_weights is not None:
                    of_weights += torch.bmm(window.patches(images[part]).transpose(1, 2), arriving)
        return of_images, None if of_weights is None else window.by_kernel(of_weights.float()), None


def _parts(images: torch.Tensor, window: Window) -> list[slice]:
    """Images whose patches are laid out at a time."""
    of_image = window.outputs[0] * window.outputs[1] * window.kernel[0] * window.kernel[1] * images.shape[3]
    number = max(1, PATCHES // of_image)
    return [slice(first, first + number) for first in range(0, len(images), number)]
