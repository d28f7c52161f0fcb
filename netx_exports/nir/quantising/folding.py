"""The operations between two layers as one: pools become part of the weights beside them.

A sum over k x k positions before a convolution is one convolution with a larger kernel and stride; before a dense layer
its weights are repeated. Both give the same sums, in the same step.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from lapilli.netx_exports.nir.floating.operations import Convolution, Linear, Operation, Pool, Scaling
from lapilli.netx_exports.nir.meaning import Floats
from lapilli.netx_exports.synapses.kinds import Shape

Weighted = Linear | Convolution | Scaling

_OF_EACH_CHANNEL = 0
"""Groups of a pool, whose one kernel is that of every channel."""


def folded(operations: Sequence[Operation], shape: Shape) -> Weighted | str:
    """The one operation with weights that gives the same, or why there is none.

    Arguments:
        operations: of a connection; delays and flattening are left to the caller.
        shape: of the source.
    """
    shapes = [shape]
    for operation in operations:
        shapes.append(operation.output_shape(shapes[-1]))
    pools = [(one, before) for one, before in zip(operations, shapes) if isinstance(one, Pool)]
    for operation in operations:
        if isinstance(operation, Linear):
            return reduce(_before_dense, reversed(pools), operation)
        if isinstance(operation, Scaling):
            return _scaled(operation, pools)
    moved = [(one, before) for one, before in zip(operations, shapes) if isinstance(one, (Pool, Convolution))]
    found = _as_convolution(moved[0][0])
    for operation, before in moved[1:]:
        then = _as_convolution(operation)
        if problem := _joint_problem(found, then, shape, before):
            return problem
        found = _joined(found, then)
    if found.groups != _OF_EACH_CHANNEL:
        return found
    channels = shape[0]
    return replace(found, weight=np.repeat(found.weight, channels, 0), bias=np.zeros(channels), groups=channels)


def _as_convolution(operation: Operation) -> Convolution:
    if isinstance(operation, Pool):
        kernel = np.full((1, 1, *operation.kernel), operation.factor)
        return Convolution(kernel, np.zeros(1), operation.stride, operation.padding, groups=_OF_EACH_CHANNEL)
    assert isinstance(operation, Convolution)
    return operation


def _joint_problem(first: Convolution, second: Convolution, shape: Shape, between: Shape) -> str:
    """Why no convolution does what two do one after the other; "" where one does.

    Arguments:
        first, second: of them; `first` may stand for several.
        shape: of what the first reads.
        between: of what it gives.
    """
    for axis in (0, 1):
        step, pad = first.stride[axis], first.padding[axis]
        reaches = _extent(first, axis) > step + pad or between[1 + axis] * step - pad < shape[1 + axis]
        if second.padding[axis] and reaches:
            return "has a padding where a pool leaves positions out or shares them, so that they are no convolution"
    if np.any(first.bias) and any(second.padding):
        return "has a bias before a pool with padding, so that they are no convolution"
    return ""


def _joined(first: Convolution, second: Convolution) -> Convolution:
    """One convolution that does what both do; at least one of them is a pool."""
    bias = first.bias * second.weight.sum() if np.any(first.bias) else second.bias
    stride = (first.stride[0] * second.stride[0], first.stride[1] * second.stride[1])
    padding = (
        first.padding[0] + first.stride[0] * second.padding[0],
        first.padding[1] + first.stride[1] * second.padding[1],
    )
    return Convolution(_product(first, second), bias, stride, padding, groups=max(first.groups, second.groups))


def _product(first: Convolution, second: Convolution) -> Floats:
    """Kernel of both: at each position of the second's stands the first's, a stride of the first apart."""
    out, into = np.broadcast_shapes(first.weight.shape[:2], second.weight.shape[:2])
    apart = [second.dilation[axis] * first.stride[axis] for axis in (0, 1)]
    height, width = (_extent(first, axis) + (second.weight.shape[2 + axis] - 1) * apart[axis] for axis in (0, 1))
    weight = np.zeros((out, into, height, width))
    for y2, x2 in np.ndindex(*second.weight.shape[2:]):
        for y1, x1 in np.ndindex(*first.weight.shape[2:]):
            y, x = y2 * apart[0] + y1 * first.dilation[0], x2 * apart[1] + x1 * first.dilation[1]
            weight[:, :, y, x] += first.weight[..., y1, x1] * second.weight[..., y2, x2]
    return weight


def _extent(layer: Convolution, axis: int) -> int:
    """Positions that a kernel spans."""
    return layer.dilation[axis] * (layer.weight.shape[2 + axis] - 1) + 1


def _before_dense(layer: Linear, pooled: tuple[Pool, Shape]) -> Linear:
    """The dense layer that reads what the pool before it reads."""
    pool, shape = pooled
    channels, height, width = pool.output_shape(shape)
    weight = layer.weight.reshape(-1, channels, height, width) * pool.factor
    (down, right), (step_y, step_x) = pool.padding, pool.stride
    spread = np.zeros((len(weight), channels, shape[1] + 2 * down, shape[2] + 2 * right))
    for y, x in np.ndindex(*pool.kernel):
        rows, columns = slice(y, y + step_y * height, step_y), slice(x, x + step_x * width, step_x)
        spread[:, :, rows, columns] += weight
    inner = spread[:, :, down : down + shape[1], right : right + shape[2]]
    return Linear(inner.reshape(len(weight), -1), layer.bias)


def _scaled(scaling: Scaling, pools: Sequence[tuple[Pool, Shape]]) -> Weighted | str:
    if np.ptp(scaling.scale):
        return "must scale all neurons by one number"
    return "has no integer equivalent beside a pool" if pools else scaling
