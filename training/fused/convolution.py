"""Convolutions of SLAYER: events that meet kernels where they are few, else one convolution with time in the batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch.nn.grad import conv2d_weight

from training.fused import convolution_kernels
from training.fused.arrivals import Arrivals, on_cpu, quantised, together
from training.fused.denormals import flushing
from training.fused.events import InputEvents, exact_sums, input_events
from training.fused.layer import Array, over_samples
from training.slayer import slayer

FORWARD_DENSITY = 0.1
"""Share of inputs that are active above which a dense convolution takes less time than the events' kernels."""

GRADIENT_DENSITY = 0.1
"""The same for the gradient of the kernels."""


@dataclass(frozen=True)
class Geometry:
    """Sizes of a convolution: images as (channels, rows, columns), all else as (rows, columns)."""

    inputs: tuple[int, int, int]
    outputs: tuple[int, int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int

    @property
    def of_group(self) -> int:
        """Channels that a neuron sees."""
        return self.inputs[0] // self.groups

    @property
    def options(self) -> tuple[Any, ...]:
        """As torch's functions take them."""
        return self.stride, self.padding, self.dilation, self.groups

    @property
    def fan_in(self) -> int:
        """Connections of a neuron that is far from the border."""
        return self.inputs[0] // self.groups * self.kernel[0] * self.kernel[1]


def conv_arrivals(synapse: Any, neuron: Any, values: torch.Tensor) -> Arrivals | None:
    """What a convolution of SLAYER sends to its neurons, as numbers.

    Where the order of additions could matter, SLAYER's own product is taken.

    Arguments:
        synapse: of SLAYER.
        neuron: quantises the weights.
        values: (samples, channels, rows, columns, steps).

    Returns:
        None where it is for SLAYER to refuse the input, or to run on another device.
    """
    if not on_cpu(values) or values.dim() != 5:
        return None
    weight = quantised(synapse, slayer.synapse.Conv, neuron, values.device)
    if weight is None:
        return Arrivals.of_numbers(synapse(values))
    geometry = geometry_of(synapse, values.shape)
    if geometry is None:
        return None
    flat, layout = _flat(values)
    events = input_events(flat, geometry.fan_in, FORWARD_DENSITY)
    kernels = weight.squeeze(-1)
    if events is not None:
        real = _EventConvolution.apply(geometry, layout, events, values, kernels)  # type: ignore[no-untyped-call]
    elif exact_sums(values, geometry.fan_in):
        real = _folded(geometry, values, kernels)
    else:
        return Arrivals.of_numbers(synapse(values))
    shape = torch.Size((len(values), *geometry.outputs, values.shape[-1]))
    found = Arrivals(shape, real=real, channels_last=True)
    return found if all_alike(neuron) else Arrivals.of_numbers(found.shaped(real))


def multi_conv_arrivals(synapses: Any, neuron: Any, inputs: Sequence[torch.Tensor]) -> Arrivals | None:
    """What several convolutions of SLAYER send to the same neurons, as numbers.

    Arguments:
        synapses: of SLAYER.
        neuron: quantises the weights.
        inputs: (samples, channels, rows, columns, steps) for each synapse.

    Returns:
        None where it is for SLAYER to refuse the inputs, or to run on another device.
    """
    if len(inputs) != len(synapses):
        return None
    return together([conv_arrivals(synapse, neuron, values) for synapse, values in zip(synapses, inputs)])


def all_alike(neuron: Any) -> bool:
    """Whether it does not matter in which order the neurons lie."""
    drops = neuron.drop is not None and neuron.drop.training
    shared = neuron.current_decay.numel() == 1 and neuron.voltage_decay.numel() == 1
    return shared and not drops and not neuron.persistent_state


def geometry_of(synapse: Any, shape: torch.Size) -> Geometry | None:
    """None where SLAYER must refuse an image."""
    parts = (synapse.kernel_size, synapse.stride, synapse.padding, synapse.dilation)
    kernel, stride, padding, dilation = ((part[0], part[1]) for part in parts)
    rows, columns = (
        (shape[2 + axis] + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1) // stride[axis] + 1
        for axis in range(2)
    )
    plain = all(part[2] == usual for part, usual in zip(parts, (1, 1, 0, 1))) and synapse.padding_mode == "zeros"
    if shape[1] != synapse.in_channels or min(rows, columns) < 1 or not plain or synapse.bias is not None:
        return None
    inputs, outputs = (shape[1], shape[2], shape[3]), (synapse.out_channels, rows, columns)
    return Geometry(inputs, outputs, kernel, stride, padding, dilation, synapse.groups)


def _flat(values: torch.Tensor) -> tuple[torch.Tensor, str]:
    """Inputs (samples, inputs, steps), and the order of their axes; no copy of what another fused block gave."""
    by_step = values.permute(0, 4, 2, 3, 1)
    if by_step.is_contiguous():
        return by_step.flatten(2).transpose(1, 2), "channels last"
    return values.flatten(1, 3), "channels first"


def _folded(geometry: Geometry, values: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
    """The convolution of images of all samples and steps, (samples, neurons, steps)."""
    images = _images(values.permute(0, 4, 2, 3, 1))
    found = torch.conv2d(images, kernels, None, *geometry.options)
    by_place = found.permute(0, 2, 3, 1).reshape(len(values), values.shape[-1], -1)
    return by_place.transpose(1, 2)


def _images(by_step: torch.Tensor) -> torch.Tensor:
    """(samples, steps, rows, columns, channels) as (samples * steps, channels, rows, columns).

    Copied on purpose: with the channels of a place side by side, also where the strides only look so because there is
    one channel, torch 2.3.1's convolutions for CPUs give wrong sums or crash for some shapes.
    """
    return by_step.flatten(0, 1).permute(0, 3, 1, 2).clone(memory_format=torch.contiguous_format)


@lru_cache(maxsize=64)
def _tables(geometry: Geometry, layout: str) -> tuple[Array, ...]:
    """Where each source lies, and where its events go: what the kernels need."""
    places = np.stack(np.meshgrid(*(np.arange(size) for size in geometry.inputs), indexing="ij"), -1)
    if layout == "channels last":
        places = places.transpose(1, 2, 0, 3)
    parts = (geometry.kernel, geometry.stride, geometry.padding, geometry.dilation)
    sizes = zip(geometry.inputs[1:], geometry.outputs[1:], *parts)
    taps = [part for size in sizes for part in _taps(*size)]
    return (np.ascontiguousarray(places.reshape(-1, 3), np.int32), *taps)


def _taps(size: int, out: int, kernel: int, stride: int, padding: int, dilation: int) -> tuple[Array, Array]:
    taps = np.zeros((size, kernel, 2), np.int32)
    numbers = np.zeros(size, np.int32)
    for place in range(size):
        for tap in range(kernel):
            target, beside = divmod(place + padding - tap * dilation, stride)
            if beside == 0 and 0 <= target < out:
                taps[place, numbers[place]] = tap, target
                numbers[place] += 1
    return taps, numbers


class _EventConvolution(torch.autograd.Function):
    """What arrives, (samples, neurons, steps), neurons as (rows, columns, channels)."""

    @staticmethod
    def forward(
        ctx: Any, geometry: Geometry, layout: str, events: InputEvents, values: torch.Tensor, kernels: torch.Tensor
    ) -> torch.Tensor:
        ctx.geometry, ctx.layout, ctx.shape = geometry, layout, (events.n_samples, events.n_channels, events.n_steps)
        ctx.save_for_backward(events.starts, events.sources, events.graded, kernels)
        channels, rows, columns = geometry.outputs
        out = torch.empty(events.n_samples, events.n_steps, rows, columns, channels)
        arrays, tables = _arrays(events), _tables(geometry, layout)
        weights = _by_input(kernels, geometry.groups).numpy()

        shape = _shape(geometry, events)

        def work(part: int, first: int, last: int) -> None:
            convolution_kernels.convolve(first, last, *arrays, *tables, shape, weights.ravel(), out.numpy().ravel())

        over_samples(events.n_samples, work)
        return out.flatten(2).transpose(1, 2)

    @staticmethod
    @torch.autograd.function.once_differentiable
    @flushing
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        starts, sources, graded, kernels = ctx.saved_tensors
        n_samples, n_channels, n_steps = ctx.shape
        events = InputEvents(n_samples, n_channels, n_steps, starts, sources, graded)
        channels, rows, columns = ctx.geometry.outputs
        by_step = gradient.transpose(1, 2).contiguous().reshape(n_samples, n_steps, rows, columns, channels)
        *_, needs_values, needs_kernels = ctx.needs_input_grad
        of_values = _value_gradient(ctx.geometry, by_step, kernels) if needs_values else None
        of_kernels = _kernel_gradient(ctx.geometry, ctx.layout, by_step, events, kernels) if needs_kernels else None
        return None, None, None, of_values, of_kernels


def _value_gradient(geometry: Geometry, by_step: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
    """By a product that gives what each output owes to its patch, sample by sample, so that it stays in the cache."""
    channels, rows, columns = geometry.inputs
    n_samples, n_steps = by_step.shape[:2]
    found = torch.zeros(n_samples, n_steps, rows, columns, channels)
    taps, of_group = geometry.kernel[0] * geometry.kernel[1], channels // geometry.groups
    # (groups, channels of a group, taps * input channels of a group)
    weights = kernels.detach().permute(0, 2, 3, 1).reshape(geometry.groups, -1, taps * of_group)

    for sample in range(n_samples):
        outputs = by_step[sample].reshape(-1, geometry.groups, weights.shape[1])
        patches = torch.matmul(outputs.transpose(0, 1), weights)
        patches = patches.reshape(geometry.groups, -1, taps, of_group).permute(1, 2, 0, 3)
        by_place = patches.reshape(n_steps, *by_step.shape[2:4], taps * channels).contiguous()
        _fold(by_place.numpy(), geometry, found[sample].numpy())
    return found.permute(0, 4, 2, 3, 1)


def _fold(patches: Array, geometry: Geometry, images: Array) -> None:
    options = (*geometry.kernel, geometry.stride, geometry.padding, geometry.dilation)

    def work(part: int, first: int, last: int) -> None:
        convolution_kernels.fold(patches[first:last], *options, images[first:last])

    over_samples(len(images), work)


def _kernel_gradient(
    geometry: Geometry, layout: str, by_step: torch.Tensor, events: InputEvents, kernels: torch.Tensor
) -> torch.Tensor:
    if events.density > GRADIENT_DENSITY:
        channels, rows, columns = geometry.inputs
        size = events.n_samples, events.n_steps
        if layout == "channels last":
            images = events.dense().reshape(*size, rows, columns, channels)
        else:
            images = events.dense().reshape(*size, channels, rows, columns).permute(0, 1, 3, 4, 2)
        return conv2d_weight(  # type: ignore[no-untyped-call]
            _images(images), kernels.shape, _images(by_step), *geometry.options
        )
    arrays, tables = _arrays(events), _tables(geometry, layout)
    shape = _by_input(kernels, geometry.groups).shape

    sizes = _shape(geometry, events)

    gradients = by_step.numpy().ravel()

    def work(part: int, first: int, last: int) -> Array:
        # A sum for each sample, so that long sums of small numbers do not round.
        total = np.zeros(shape)
        for sample in range(first, last):
            found = np.zeros(shape, np.float32)
            convolution_kernels.kernel_gradients(sample, sample + 1, *arrays, *tables, sizes, gradients, found.ravel())
            total += found
        return total

    total = torch.from_numpy(sum(over_samples(events.n_samples, work))).float()
    inputs = geometry.inputs[0] // geometry.groups
    return total.reshape(geometry.groups, inputs, *shape[1:]).permute(0, 4, 1, 2, 3).reshape(kernels.shape)


def _by_input(kernels: torch.Tensor, groups: int) -> torch.Tensor:
    """(input channels, kernel rows, kernel columns, channels of a group)."""
    return kernels.detach().reshape(groups, -1, *kernels.shape[1:]).permute(0, 2, 3, 4, 1).flatten(0, 1).contiguous()


def _arrays(events: InputEvents) -> tuple[Array, Array, Array]:
    return events.starts.numpy(), events.sources.numpy(), events.graded.numpy()


def _shape(geometry: Geometry, events: InputEvents) -> tuple[int, ...]:
    channels, rows, columns = geometry.outputs
    kernel = (geometry.inputs[0] // geometry.groups, *geometry.kernel, channels // geometry.groups)
    return (*kernel, events.n_steps, rows, columns, channels)
