"""Convolutions: events that meet kernels, gradients of kernels, and of the patches that outputs see.

Places in an image are (row, column), and the channels of a place lie side by side.
"""

from typing import Any, NamedTuple

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]

from lapilli.simulators.compiled import compiled, intrinsic, spliced
from lapilli.training.fused.kernels.records import events_of, value_of
from lapilli.training.fused.kernels.vectors import arrays_of, in_all_lanes, pointer


class Taps(NamedTuple):
    """Where events go.

    Arguments:
        places: channel, row and column of each source, int32 (inputs, 3).
        rows: for each row of the input and each of its taps, the row of the kernel and the row of the output, int32
            (rows, taps, 2); columns: the same of columns.
        n_rows, n_columns: how many taps each row and column has, int32 (rows), (columns).
    """

    places: Any
    rows: Any
    n_rows: Any
    columns: Any
    n_columns: Any


class Sizes(NamedTuple):
    """Sizes of a convolution.

    Arguments:
        inputs, width: input channels and channels of a group.
        kernel_rows, kernel_columns: of the kernel.
        rows, columns, channels: of the output.
    """

    inputs: int
    kernel_rows: int
    kernel_columns: int
    width: int
    rows: int
    columns: int
    channels: int


@intrinsic(prefer_literal=True)
def _add_vector(typing, width, target, at, source, begin, factor):
    """Add `factor` times `width` neighbours of `source` to those of `target`, in one vector."""
    if not isinstance(width, numba.types.IntegerLiteral):
        return None

    def generate(context, builder, signature, values):
        vector = ir.VectorType(ir.FloatType(), width.literal_value)
        to, rows = arrays_of(context, builder, signature, values, 1, 3)
        place = pointer(builder, to.data, values[2], vector)
        row = builder.load(pointer(builder, rows.data, values[4], vector), align=4)
        added = builder.fmul(row, in_all_lanes(builder, values[5], vector))
        builder.store(builder.fadd(builder.load(place, align=4), added), place, align=4)
        return context.get_dummy_value()

    return numba.types.void(width, target, at, source, begin, factor), generate


@spliced
def _add_row(width, target, at, source, begin, factor):
    """Add `factor` times a row of `source` to one of `target`."""
    i = np.int64(0)
    while i + 16 <= width:
        _add_vector(16, target, at + i, source, begin + i, factor)
        i += 16
    if i + 8 <= width:
        _add_vector(8, target, at + i, source, begin + i, factor)
        i += 8
    if i + 4 <= width:
        _add_vector(4, target, at + i, source, begin + i, factor)
        i += 4
    while i < width:
        target[at + i] += factor * source[begin + i]
        i += 1


@compiled
def convolve(events, taps, sizes, weights, out):
    """What arrives at the neurons of a sample.

    Arguments:
        events: `Events` of the sample; taps: `Taps`; sizes: `Sizes`.
        weights: (input channels, kernel rows, kernel columns, channels of a group), flat, single precision.
        out: (steps, rows * columns * channels), single precision.
    """
    for step in range(len(out)):
        image = out[step]
        image[:] = 0
        first, last = events_of(events, step)
        for event in range(first, last):
            source = events.sources[event]
            channel, y, x = np.int64(taps.places[source, 0]), taps.places[source, 1], taps.places[source, 2]
            value = value_of(events, event)
            begin = channel // sizes.inputs * sizes.width
            for a in range(taps.n_rows[y]):
                kernel = (channel * sizes.kernel_rows + taps.rows[y, a, 0]) * sizes.kernel_columns
                line = begin + taps.rows[y, a, 1] * sizes.columns * sizes.channels
                for b in range(taps.n_columns[x]):
                    weight = (kernel + taps.columns[x, b, 0]) * sizes.width
                    target = line + taps.columns[x, b, 1] * sizes.channels
                    _add_row(sizes.width, image, target, weights, weight, value)


@compiled
def kernel_gradients(events, taps, sizes, gradients, found):
    """Add the gradients (steps, rows, columns, channels), flat, of what arrives in a sample to those of the weights.

    Arguments, where not as in `convolve`:
        found: as `weights`.
    """
    size = sizes.rows * sizes.columns * sizes.channels
    for step in range(len(events.starts) - 1):
        first, last = events_of(events, step)
        for event in range(first, last):
            source = events.sources[event]
            channel, y, x = np.int64(taps.places[source, 0]), taps.places[source, 1], taps.places[source, 2]
            value = value_of(events, event)
            begin = step * size + channel // sizes.inputs * sizes.width
            for a in range(taps.n_rows[y]):
                kernel = (channel * sizes.kernel_rows + taps.rows[y, a, 0]) * sizes.kernel_columns
                line = begin + taps.rows[y, a, 1] * sizes.columns * sizes.channels
                for b in range(taps.n_columns[x]):
                    weight = (kernel + taps.columns[x, b, 0]) * sizes.width
                    target = line + taps.columns[x, b, 1] * sizes.channels
                    _add_row(sizes.width, found, weight, gradients, target, value)


@compiled
def fold(patches, kernel_rows, kernel_columns, stride, padding, dilation, images):
    """Add patches to the places of the input that they were taken from.

    Arguments:
        patches: (images, output rows, output columns, kernel rows * kernel columns * channels).
        stride, padding, dilation: (rows, columns) each.
        images: (images, rows, columns, channels).
    """
    n_images, rows, columns, channels = images.shape
    flat_images, flat_patches = images.reshape(images.size), patches.reshape(patches.size)
    one = np.float32(1)
    for n in range(n_images):
        for y in range(patches.shape[1]):
            for x in range(patches.shape[2]):
                patch = ((n * patches.shape[1] + y) * patches.shape[2] + x) * patches.shape[3]
                for a in range(kernel_rows):
                    row = y * stride[0] - padding[0] + a * dilation[0]
                    if row < 0 or row >= rows:
                        continue
                    for b in range(kernel_columns):
                        column = x * stride[1] - padding[1] + b * dilation[1]
                        if column < 0 or column >= columns:
                            continue
                        target = ((n * rows + row) * columns + column) * channels
                        source = patch + (a * kernel_columns + b) * channels
                        _add_row(channels, flat_images, target, flat_patches, source, one)
