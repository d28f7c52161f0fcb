"""NIR's nodes between one layer's neurons and the next's as operations on real numbers."""

from collections.abc import Callable, Mapping, Sequence
from math import prod

import numpy as np

from lapilli.netx_exports.hdf5.fields import Fields
from lapilli.netx_exports.network import MAX_NEURONS
from lapilli.netx_exports.nir.connections import WEIGHTED, flattens, padding_of, pair, stored_shape
from lapilli.netx_exports.nir.fields import Node, each_neuron, reals
from lapilli.netx_exports.nir.floating.graph import FloatConnection
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
from lapilli.netx_exports.synapses.kinds import MAX_DELAY, Shape

POOLS = frozenset({"SumPool2d", "AvgPool2d"})
"""NIR's nodes that pool."""

_COMMON = {"type", "metadata"}
_WINDOW = {"kernel_size", "stride", "padding"}
_CONVOLUTION = {"input_shape", "weight", "stride", "padding", "dilation", "groups", "bias"}


def read_float_connection(source: str, shape: Shape, nodes: Sequence[Node], dt: float) -> FloatConnection | None:
    """The connection over `nodes`, in the order of the signal, or None after reporting why not.

    Arguments:
        source: "input" or a layer's name.
        shape: its shape.
        nodes: as `graph.read_structure` finds them.
        dt: seconds in a step.
    """
    operations = []
    for node in nodes:
        operation = _READERS[node.kind](node, shape, dt)
        if operation is None:
            return None
        shape = operation.output_shape(shape)
        if min(shape) < 1 or prod(shape) > MAX_NEURONS:
            node.unsupported(f"gives neurons of shape {shape}")
            return None
        operations.append(operation)
    named = [node for node in nodes if node.kind in WEIGHTED] or [node for node in nodes if node.kind in POOLS]
    return FloatConnection(source, tuple(operations), named[0])


def _linear(node: Node, shape: Shape, dt: float) -> Operation | None:
    fields = node.fields
    fields.refuse_unknown({*_COMMON, "weight"} | ({"bias"} if node.kind == "Affine" else set()))
    stored = stored_shape(fields, "weight", 2)
    if stored is None:
        return None
    if len(shape) != 1:
        node.unsupported(f"reads neurons of shape {shape} without a Flatten before it")
        return None
    weight = reals(fields, "weight", [(stored[0], prod(shape))])
    bias = _bias(fields, stored[0]) if node.kind == "Affine" else np.zeros(stored[0])
    return None if weight is None or bias is None else Linear(weight.values, bias)


def _convolution(node: Node, shape: Shape, dt: float) -> Operation | None:
    fields = node.fields
    fields.refuse_unknown({*_COMMON, *_CONVOLUTION})
    stored = stored_shape(fields, "weight", 4)
    if stored is None or not _is_image(node, shape):
        return None
    if fields.has("input_shape") and (said := fields.shape("input_shape")) not in (None, shape[1:]):
        fields.wrong("input_shape", f"must be {shape[1:]}, which arrives, got {said}")
    stride, dilation = pair(fields, "stride", 1), pair(fields, "dilation", 1)
    groups = fields.integer("groups", low=1, high=127)
    weight, bias = reals(fields, "weight", [stored]), _bias(fields, stored[0])
    padding = None if stride is None or dilation is None else padding_of(fields, stored[2:], stride, dilation)
    if weight is None or bias is None or stride is None or padding is None or dilation is None or groups is None:
        return None
    if stored[1] * groups != shape[0] or stored[0] % groups:
        node.unsupported(f"{stored[0]} x {stored[1]} channels in {groups} groups do not fit {shape[0]} channels")
        return None
    return Convolution(weight.values, bias, stride, padding, dilation, groups)


def _pool(node: Node, shape: Shape, dt: float) -> Operation | None:
    node.fields.refuse_unknown({*_COMMON, *_WINDOW})
    kernel, stride = pair(node.fields, "kernel_size", 1), pair(node.fields, "stride", 1)
    padding = pair(node.fields, "padding", 0)
    if not _is_image(node, shape) or kernel is None or stride is None or padding is None:
        return None
    return Pool(kernel, stride, padding, 1.0 if node.kind == "SumPool2d" else 1 / prod(kernel))


def _scaling(node: Node, shape: Shape, dt: float) -> Operation | None:
    node.fields.refuse_unknown({*_COMMON, "scale"})
    scale = each_neuron(node.fields, "scale", shape)
    return None if scale is None else Scaling(np.broadcast_to(scale.values, shape))


def _flattening(node: Node, shape: Shape, dt: float) -> Operation | None:
    return Flattening() if flattens(node, shape) else None


def _delaying(node: Node, shape: Shape, dt: float) -> Operation | None:
    """To the nearest step."""
    node.fields.refuse_unknown({*_COMMON, "delay"})
    delay = each_neuron(node.fields, "delay", shape)
    if delay is None:
        return None
    steps = np.rint(np.broadcast_to(delay.values, shape) / dt)
    if steps.min() < 0 or steps.max() > MAX_DELAY:
        found = f"{steps.min():g}…{steps.max():g}"
        node.fields.unsupported("delay", f"must be 0…{MAX_DELAY} steps of dt = {dt:g} s, got {found}")
        return None
    return Delaying(steps.astype(np.int64))


_READERS: Mapping[str, Callable[[Node, Shape, float], Operation | None]] = {
    "Linear": _linear,
    "Affine": _linear,
    "Conv2d": _convolution,
    "Scale": _scaling,
    "SumPool2d": _pool,
    "AvgPool2d": _pool,
    "Flatten": _flattening,
    "Delay": _delaying,
}


def _bias(fields: Fields, n_out: int) -> Floats | None:
    bias = reals(fields, "bias", [(), (1,), (n_out,)])
    return None if bias is None else np.broadcast_to(bias.values, (n_out,))


def _is_image(node: Node, shape: Shape) -> bool:
    if len(shape) != 3:
        node.unsupported(f"reads neurons of shape {shape}, not (C, H, W)")
    return len(shape) == 3
