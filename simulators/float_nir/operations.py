"""Operations between layers on a batch of samples, in real numbers."""

from collections import deque

import numpy as np

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
        return values @ operation.weight.T + operation.bias
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
    """Cross-correlation of (samples, C, H, W)."""
    (down, right), (high, wide) = layer.padding, layer.weight.shape[2:]
    padded = np.pad(values, ((0, 0), (0, 0), (down, down), (right, right)))
    extent = tuple(apart * (taps - 1) + 1 for apart, taps in zip(layer.dilation, (high, wide)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, extent, (2, 3))
    windows = windows[:, :, :: layer.stride[0], :: layer.stride[1], :: layer.dilation[0], :: layer.dilation[1]]
    parts = zip(np.split(windows, layer.groups, axis=1), np.split(layer.weight, layer.groups))
    summed = [np.tensordot(seen, weight, ((1, 4, 5), (1, 2, 3))) for seen, weight in parts]
    return np.moveaxis(np.concatenate(summed, axis=-1) + layer.bias, -1, 1)


def _delayed(operation: Delaying, values: Floats, held: Held) -> Floats:
    longest = int(operation.steps.max())
    if not held:
        held.extend([np.zeros_like(values)] * longest)
    held.append(values)
    past = np.stack(held)
    if len(held) > longest:
        held.popleft()
    return np.take_along_axis(past, (longest - operation.steps)[None, None], axis=0)[0]
