"""The inner loops of convolutions in training, compiled by numba: events that meet kernels, and gradients of kernels.

Places in an image are (row, column), and the channels of a place lie side by side. `taps` say where an event goes:
for each row (or column) of the input and each of its taps, the row of the kernel and the row of the output, int32
(rows, taps, 2); `n_taps` says how many each has, int32 (rows).
"""

from typing import Any

import numba
import numba.extending
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]

# These functions allocate nothing, so numba may leave its runtime (and the counting of references) out.
compiled = numba.njit(nogil=True, cache=True, _nrt=False)  # type: ignore[call-overload]
spliced = numba.njit(nogil=True, cache=True, _nrt=False, forceinline=True)  # type: ignore[call-overload]
intrinsic: Any = numba.extending.intrinsic


@intrinsic(prefer_literal=True)
def _add_vector(typing, width, target, at, source, begin, factor):
    """Add `factor` times `width` neighbours of `source` to those of `target`, in one vector."""
    if not isinstance(width, numba.types.IntegerLiteral):
        return None

    def generate(context, builder, signature, values):
        number = width.literal_value
        vector = ir.VectorType(ir.FloatType(), number)
        lanes = ir.VectorType(ir.IntType(32), number)
        places = []
        for which in (1, 3):
            array = context.make_array(signature.args[which])(context, builder, values[which])
            places.append(builder.bitcast(builder.gep(array.data, [values[which + 1]]), vector.as_pointer()))
        same = builder.insert_element(vector(ir.Undefined), values[5], ir.IntType(32)(0))
        same = builder.shuffle_vector(same, vector(ir.Undefined), lanes(None))
        added = builder.fmul(builder.load(places[1], align=4), same)
        builder.store(builder.fadd(builder.load(places[0], align=4), added), places[0], align=4)
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
def convolve(
    starts, sources, graded, places, row_taps, n_row_taps, column_taps, n_column_taps, shape, weights, out
):  # fmt: skip
    """What arrives at the neurons of a sample.

    Arguments:
        starts, sources, graded: events; `starts` those of the sample.
        places: channel, row and column of each source, int32 (inputs, 3).
        row_taps, n_row_taps, column_taps, n_column_taps: where events go.
        shape: input channels of a group, kernel rows and columns, channels of a group; rows, columns and channels of
            the output.
        weights: (input channels, kernel rows, kernel columns, channels of a group), flat, single precision.
        out: (steps, rows * columns * channels), single precision.
    """
    inputs, kernel_rows, kernel_columns, width, _, columns, channels = shape
    for step in range(len(out)):
        image = out[step]
        image[:] = 0
        for event in range(starts[step], starts[step + 1]):
            source = sources[event]
            channel, y, x = np.int64(places[source, 0]), places[source, 1], places[source, 2]
            value = graded[event] if len(graded) else np.float32(1)
            begin = channel // inputs * width
            for a in range(n_row_taps[y]):
                kernel = (channel * kernel_rows + row_taps[y, a, 0]) * kernel_columns
                line = begin + row_taps[y, a, 1] * columns * channels
                for b in range(n_column_taps[x]):
                    weight = (kernel + column_taps[x, b, 0]) * width
                    _add_row(width, image, line + column_taps[x, b, 1] * channels, weights, weight, value)


@compiled
def kernel_gradients(
    starts, sources, graded, places, row_taps, n_row_taps, column_taps, n_column_taps, shape, gradients, found
):  # fmt: skip
    """Add the gradients (steps, rows, columns, channels), flat, of what arrives in a sample to those of the weights.

    Arguments, where not as in `convolve`:
        found: as `weights`.
    """
    inputs, kernel_rows, kernel_columns, width, rows, columns, channels = shape
    size = rows * columns * channels
    for step in range(len(starts) - 1):
        for event in range(starts[step], starts[step + 1]):
            source = sources[event]
            channel, y, x = np.int64(places[source, 0]), places[source, 1], places[source, 2]
            value = graded[event] if len(graded) else np.float32(1)
            begin = step * size + channel // inputs * width
            for a in range(n_row_taps[y]):
                kernel = (channel * kernel_rows + row_taps[y, a, 0]) * kernel_columns
                line = begin + row_taps[y, a, 1] * columns * channels
                for b in range(n_column_taps[x]):
                    weight = (kernel + column_taps[x, b, 0]) * width
                    _add_row(width, found, weight, gradients, line + column_taps[x, b, 1] * channels, value)


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
