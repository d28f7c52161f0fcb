"""Convolutions of SLAYER: events that meet kernels where they are few, else one convolution with time in the batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from lapilli.training.fused.arrivals import Arrivals, on_cpu, quantised, together
from lapilli.training.fused.events import InputEvents, KeptEvents, exact_sums, input_events
from lapilli.training.fused.kernels.convolution import Sizes, Taps, convolve, fold, kernel_gradients
from lapilli.training.fused.source import Array
from lapilli.training.fused.threads import over_samples
from lapilli.training.loop.denormals import flushing
from lapilli.training.networks.slayer import slayer

FORWARD_DENSITY = 0.1
"""Share of inputs that are active above which a dense convolution takes less time than the events' kernels."""

STEPS_AT_ONCE = 64
"""Steps whose patches are held at once on the way back."""


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
    shape = torch.Size((len(values), *geometry.outputs, values.shape[-1]))
    if events is not None:
        source = Convolution(geometry, layout)
        found = Arrivals(shape, values, kernels, events, channels_last=True, source=source)
    elif exact_sums(values, geometry.fan_in):
        found = Arrivals(shape, real=_folded(geometry, values, kernels), channels_last=True)
    else:
        return Arrivals.of_numbers(synapse(values))
    return found if all_alike(neuron) else Arrivals.of_numbers(_shaped(found))


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
    parts = [conv_arrivals(synapse, neuron, values) for synapse, values in zip(synapses, inputs)]
    return together(
        [part and Arrivals(part.shape, real=_numbers(part), channels_last=part.channels_last) for part in parts]
    )


def _numbers(part: Arrivals) -> torch.Tensor:
    """What arrives by a convolution, (samples, neurons, steps)."""
    if part.real is not None:
        return part.real
    found: torch.Tensor = _EventConvolution.apply(part.source, part.events, part.values, part.weight)  # type: ignore[no-untyped-call]
    return found


def _shaped(part: Arrivals) -> torch.Tensor:
    return part.form.shaped(_numbers(part).transpose(1, 2))


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
def _all_taps(geometry: Geometry, layout: str) -> Taps:
    """Where each source lies, and where its events go."""
    places = np.stack(np.meshgrid(*(np.arange(size) for size in geometry.inputs), indexing="ij"), -1)
    if layout == "channels last":
        places = places.transpose(1, 2, 0, 3)
    parts = (geometry.kernel, geometry.stride, geometry.padding, geometry.dilation)
    sizes = zip(geometry.inputs[1:], geometry.outputs[1:], *parts)
    (rows, n_rows), (columns, n_columns) = (_taps(*size) for size in sizes)
    return Taps(np.ascontiguousarray(places.reshape(-1, 3), np.int32), rows, n_rows, columns, n_columns)


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


@dataclass(frozen=True)
class Convolution:
    """A convolution of events, a sample at a time; neurons lie as (rows, columns, channels), see `layer.Source`.

    Arguments:
        geometry: sizes.
        layout: order of the axes of inputs, "channels last" or "channels first".
    """

    geometry: Geometry
    layout: str

    def prepared(self, weight: torch.Tensor) -> Array:
        """(input channels, kernel rows, kernel columns, channels of a group)."""
        kernels = weight.detach().reshape(self.geometry.groups, -1, *weight.shape[1:])
        return kernels.permute(0, 2, 3, 4, 1).flatten(0, 1).contiguous().numpy()

    def arrive(self, events: InputEvents, weights: Array, real: Array) -> None:
        """Write what arrives in a sample, (steps, neurons), in SLAYER's unit."""
        convolve(events.record, _all_taps(self.geometry, self.layout), self._sizes, weights.ravel(), real)

    def add_weight_gradient(self, events: InputEvents, arriving: Array, found: Array) -> None:
        """Add to the gradient of prepared weights: a sum for each sample, so that long sums do not round."""
        taps, of_sample = _all_taps(self.geometry, self.layout), np.zeros(found.shape, np.float32)
        kernel_gradients(events.record, taps, self._sizes, arriving.ravel(), of_sample.ravel())
        found += of_sample

    def weight_gradient(self, found: Array, weight: torch.Tensor) -> torch.Tensor:
        """The gradient of kernels from that of prepared weights."""
        inputs = self.geometry.inputs[0] // self.geometry.groups
        total = torch.from_numpy(found).float().reshape(self.geometry.groups, inputs, *found.shape[1:])
        return total.permute(0, 4, 1, 2, 3).reshape(weight.shape)

    def no_value_gradient(self, n_samples: int, n_steps: int) -> torch.Tensor:
        """Zeros (samples, steps, rows, columns, channels)."""
        channels, rows, columns = self.geometry.inputs
        return torch.zeros(n_samples, n_steps, rows, columns, channels)

    def add_value_gradient(self, arriving: torch.Tensor, weight: torch.Tensor, found: torch.Tensor) -> None:
        """By a product that gives what each output owes to its patch, a few steps at a time: patches are large."""
        geometry = self.geometry
        taps, of_group = geometry.kernel[0] * geometry.kernel[1], geometry.inputs[0] // geometry.groups
        # (groups, channels of a group, taps * input channels of a group)
        weights = weight.detach().permute(0, 2, 3, 1).reshape(geometry.groups, -1, taps * of_group)
        for by_step, images in zip(*(torch.split(part, STEPS_AT_ONCE) for part in (arriving, found))):
            outputs = by_step.reshape(-1, geometry.groups, weights.shape[1])
            patches = torch.matmul(outputs.transpose(0, 1), weights)
            patches = patches.reshape(geometry.groups, -1, taps, of_group).permute(1, 2, 0, 3)
            by_place = patches.reshape(len(by_step), *geometry.outputs[1:], taps * geometry.inputs[0]).contiguous()
            _fold(by_place.numpy(), geometry, images.numpy())

    def value_gradient(self, found: torch.Tensor) -> torch.Tensor:
        """(samples, channels, rows, columns, steps)."""
        return found.permute(0, 4, 2, 3, 1)

    @property
    def _sizes(self) -> Sizes:
        channels, rows, columns = self.geometry.outputs
        return Sizes(
            self.geometry.of_group, *self.geometry.kernel, channels // self.geometry.groups, rows, columns, channels
        )


class _EventConvolution(torch.autograd.Function):
    """What arrives by a convolution, (samples, neurons, steps), where something else follows than the neurons."""

    @staticmethod
    def forward(
        ctx: Any, source: Convolution, events: InputEvents, values: torch.Tensor, weight: torch.Tensor
    ) -> torch.Tensor:
        kept = KeptEvents.of(events)
        ctx.source, ctx.shape = source, kept.shape
        ctx.save_for_backward(weight, *kept.tensors)
        out = torch.empty(events.n_samples, events.n_steps, int(np.prod(source.geometry.outputs)))
        weights, real = source.prepared(weight), out.numpy()

        def work(part: int, first: int, last: int) -> None:
            for sample in range(first, last):
                source.arrive(events.of_sample(sample), weights, real[sample])

        over_samples(events.n_samples, work)
        return out.transpose(1, 2)

    @staticmethod
    @torch.autograd.function.once_differentiable
    @flushing
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        weight, *parts = ctx.saved_tensors
        source, kept = ctx.source, KeptEvents(ctx.shape, tuple(parts))
        arriving = gradient.transpose(1, 2).contiguous()
        *_, needs_values, needs_weight = ctx.needs_input_grad

        def work(part: int, first: int, last: int) -> Array:
            found = np.zeros(source.prepared(weight).shape)
            for sample in range(first, last):
                source.add_weight_gradient(kept.of_sample(sample), arriving[sample].numpy(), found)
            return found

        of_values = of_weight = None
        if needs_values:
            found = source.no_value_gradient(*arriving.shape[:2])
            for sample in range(len(arriving)):
                source.add_value_gradient(arriving[sample], weight, found[sample])
            of_values = source.value_gradient(found)
        if needs_weight:
            of_weight = source.weight_gradient(sum(over_samples(len(arriving), work)), weight)
        return None, None, of_values, of_weight


def _fold(patches: Array, geometry: Geometry, images: Array) -> None:
    options = (*geometry.kernel, geometry.stride, geometry.padding, geometry.dilation)

    def work(part: int, first: int, last: int) -> None:
        fold(patches[first:last], *options, images[first:last])

    over_samples(len(images), work)
