"""Operations between layers on a batch of samples, in real numbers."""

from collections import deque
from math import prod

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.nir.floating.operations import (
    Convolution,
    Delaying,
    Flattening,
    Linear,
    Operation,
    Pool,
    Scaling,
)
from lapilli.netx_exports.nir.meaning import Floats

Held = deque[Floats]
"""What arrived in the last steps, for a delay."""


def passed(operation: Operation, values: Floats, held: Held) -> Floats:
    """What an operation gives in a step.

    Arguments:
        operation: one of a float network.
        values: what arrives: (samples, *shape).
        held: kept by the caller from step to step, empty before the first.
    """
    if isinstance(operation, Linear):
        return np.asarray(values @ operation.weight.T + operation.bias)
    if isinstance(operation, Convolution):
        return convolved(operation, values)
    if isinstance(operation, Pool):
        return convolved(operation.convolution(values.shape[1]), values)
    if isinstance(operation, Scaling):
        return values * operation.scale
    if isinstance(operation, Delaying):
        return _delayed(operation, values, held)
    assert isinstance(operation, Flattening)
    return values.reshape(len(values), -1)


def convolved(layer: Convolution, values: Floats) -> Floats:
    """Cross-correlation of (samples, C, H, W).

    What is 0 costs nothing: few neurons spike in a step.
    """
    shape = (len(values), *layer.output_shape(values.shape[1:]))
    sample, channel, row, column = np.nonzero(values)
    in_group, out_group = values.shape[1] // layer.groups, len(layer.weight) // layer.groups
    group, of_group = np.divmod(channel, in_group)
    kernels = layer.weight.reshape(layer.groups, out_group, *layer.weight.shape[1:])[group, :, of_group]
    added = kernels * values[sample, channel, row, column][:, None, None, None]
    first = (sample * shape[1] + group * out_group)[:, None] + np.arange(out_group)
    rows, columns = _met(layer, 0, row, shape[2])[:, None, :, None], _met(layer, 1, column, shape[3])[:, None, None, :]
    place = (first[:, :, None, None] * shape[2] + rows) * shape[3] + columns
    # What meets no target is added to a place behind them all.
    place = np.where((rows >= 0) & (columns >= 0), place, prod(shape))
    total = np.bincount(place.reshape(-1), added.reshape(-1), prod(shape) + 1)[:-1]
    return np.asarray(total.reshape(shape) + layer.bias[:, None, None])


def _met(layer: Convolution, axis: int, place: npt.NDArray[np.intp], size: int) -> npt.NDArray[np.intp]:
    """Target position that each source position meets through each tap of the kernel: (positions, taps); -1: none."""
    taps = np.arange(layer.weight.shape[2 + axis]) * layer.dilation[axis]
    target, rest = np.divmod(place[:, None] + layer.padding[axis] - taps, layer.stride[axis])
    return np.where((rest == 0) & (target >= 0) & (target < size), target, -1)


def _delayed(operation: Delaying, values: Floats, held: Held) -> Floats:
    longest = int(operation.steps.max())
    if not held:
        held.extend([np.zeros_like(values)] * longest)
    held.append(values)
    past = np.stack(held)
    if len(held) > longest:
        held.popleft()
    return np.take_along_axis(past, (longest - operation.steps)[None, None], axis=0)[0]
