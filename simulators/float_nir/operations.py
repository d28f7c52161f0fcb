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
    sent = values[sample, channel, row, column]
    in_group, out_group = values.shape[1] // layer.groups, len(layer.weight) // layer.groups
    weights = layer.weight.reshape(layer.groups, out_group, *layer.weight.shape[1:])
    total = np.zeros(prod(shape))
    for tap in np.ndindex(*layer.weight.shape[2:]):
        places = [_met(layer, axis, tap[axis], (row, column)[axis], shape[2 + axis]) for axis in (0, 1)]
        meets = np.flatnonzero((places[0] >= 0) & (places[1] >= 0))
        group, of_group = np.divmod(channel[meets], in_group)
        targets = group[:, None] * out_group + np.arange(out_group)
        flat = (sample[meets, None] * shape[1] + targets) * shape[2] + places[0][meets, None]
        flat = flat * shape[3] + places[1][meets, None]
        added = weights[group, :, of_group, tap[0], tap[1]] * sent[meets, None]
        total += np.bincount(flat.reshape(-1), added.reshape(-1), len(total))
    return np.asarray(total.reshape(shape) + layer.bias[:, None, None])


def _met(layer: Convolution, axis: int, tap: int, place: npt.NDArray[np.intp], size: int) -> npt.NDArray[np.intp]:
    """Target position that each source position meets through a tap of the kernel; -1: none."""
    target, rest = np.divmod(place + layer.padding[axis] - layer.dilation[axis] * tap, layer.stride[axis])
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
