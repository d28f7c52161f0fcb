"""NIR's nodes between one layer's neurons and the next's as one synapse: flattening, delays, one node with weights."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from lapilli.netx_exports.hdf5.fields import Fields
from lapilli.netx_exports.network import MAX_NEURONS
from lapilli.netx_exports.nir.fields import Node, check_zero, multiples, reals, steps
from lapilli.netx_exports.nir.meaning import WEIGHT_UNIT, Ints
from lapilli.netx_exports.synapses.fitting import lossless_dense
from lapilli.netx_exports.synapses.kinds import (
    MAX_DELAY,
    WEIGHT_EXP_RANGE,
    WEIGHT_RANGE,
    ConvSynapse,
    IdentitySynapse,
    Shape,
    Synapse,
)

WEIGHTED = {"Linear", "Affine", "Scale", "Conv2d"}
"""NIR's nodes with weights that have a meaning here."""

UNWEIGHTED = {"Flatten", "Delay"}
"""Nodes that may stand before and after them."""

_LOW, _HIGH = WEIGHT_RANGE["mixed"]
_LARGEST_EXPONENT = WEIGHT_EXP_RANGE[1]
_LARGEST_STEPS = 1 << 10
_COMMON = {"type", "metadata"}
_NO_BIAS = "for a connection has no bias here"


@dataclass(frozen=True)
class Connection:
    """What lies between the neurons of a source and those of a layer.

    Arguments:
        weighted: the node with the weights.
        synapse: of that node, without delays.
        arriving: shape of what the weights give.
        shape: of what arrives at the layer, flattened or not.
        before, after: steps that delays take on each side of the weights, one for all or one for each neuron there.
    """

    weighted: Node
    synapse: Synapse
    arriving: Shape
    shape: Shape
    before: Ints
    after: Ints

    @property
    def least_steps(self) -> int:
        """Steps of the quickest way through."""
        return int(self.before.min() + self.after.min())

    def delayed(self, implied: int) -> Synapse | None:
        """The synapse, its delays what the graph's take beyond `implied` steps; or None after reporting why not."""
        delays = self._delays()
        if delays is None:
            return None
        delays = delays - implied
        if delays.min() < 0 or delays.max() > MAX_DELAY:
            found = sorted({int(delays.min()) + implied, int(delays.max()) + implied})
            took = "…".join(map(str, found))
            self.weighted.unsupported(f"delays around it must take {implied}…{implied + MAX_DELAY} steps, got {took}")
            return None
        return self.synapse.with_delays(delays)

    def _delays(self) -> Ints | None:
        """(targets or channels, sources), each axis 1 where all are the same; None after reporting."""
        if self.synapse.delay_axes == 2:
            return self.after.reshape(-1, 1) + self.before.reshape(1, -1)
        by_channel = self.synapse.delay_axes == 1
        channels = self.arriving[0] if by_channel and self.after.size > 1 else 1
        after = self.after.reshape(channels, -1)
        if np.ptp(self.before) or np.any(after != after[:, :1]):
            one = "for each channel, behind it" if by_channel else "for all neurons"
            self.weighted.unsupported(f"delays around it must be one {one}")
            return None
        return after[:, :1] + self.before.flat[0]


def read_connection(source: str, source_shape: Shape, nodes: Sequence[Node], dt: float) -> Connection | None:
    """The connection over `nodes`, in the order of the signal, or None after reporting why not.

    Arguments:
        source: "input" or a layer's name.
        source_shape: its shape.
        nodes: of the types `UNWEIGHTED` and, exactly one of them, `WEIGHTED`.
        dt: seconds in a step.
    """
    place = [node.kind in WEIGHTED for node in nodes].index(True)
    before = _passed(nodes[:place], source_shape, dt)
    synapse = None if before is None else _SYNAPSES[nodes[place].kind](nodes[place], source, before[0])
    if before is None or synapse is None:
        return None
    arriving = synapse.output_shape(before[0])
    if min(arriving) < 1 or prod(arriving) > MAX_NEURONS:
        nodes[place].unsupported(f"gives neurons of shape {arriving}")
        return None
    after = _passed(nodes[place + 1 :], arriving, dt)
    return None if after is None else Connection(nodes[place], synapse, arriving, after[0], before[1], after[1])


def _passed(nodes: Sequence[Node], shape: Shape, dt: float) -> tuple[Shape, Ints] | None:
    """Shape behind nodes without weights, and the steps that they take, or None after reporting why not."""
    total = np.zeros((), np.int64)
    for node in nodes:
        if node.kind == "Delay":
            node.fields.refuse_unknown({*_COMMON, "delay"})
            took = steps(node.fields, "delay", shape, dt, _LARGEST_STEPS)
            if took is None:
                return None
            total = total + took
        else:
            if not flattens(node, shape):
                return None
            total = total.reshape(-1) if total.ndim > 1 else total
            shape = (prod(shape),)
    return shape, total


def flattens(node: Node, shape: Shape) -> bool:
    """Whether a Flatten makes (N,) of all that arrives; what it does otherwise is reported."""
    fields = node.fields
    fields.refuse_unknown({*_COMMON, "start_dim", "end_dim", "input_type"})
    start, end = fields.integer("start_dim"), fields.integer("end_dim")
    said = fields.shape("input_type") if fields.has("input_type") else shape
    if start is None or end is None or said is None:
        return False
    if said != shape:
        fields.wrong("input_type", f"must be {shape}, which arrives, got {said}")
    if start not in (0, -len(shape)) or end not in (-1, len(shape) - 1):
        node.unsupported(f"must flatten everything (start_dim 0, end_dim -1), got {start} and {end}")
        return False
    return said == shape


def _dense(node: Node, source: str, shape: Shape) -> Synapse | None:
    fields = node.fields
    fields.refuse_unknown({*_COMMON, "weight"} | ({"bias"} if node.kind == "Affine" else set()))
    if len(shape) != 1:
        node.unsupported(f"reads neurons of shape {shape} without a Flatten before it")
    stored = fields.group.datasets.get("weight")
    n_out = len(stored) if isinstance(stored, np.ndarray) and stored.ndim else 0
    if node.kind == "Affine":
        check_zero(fields, "bias", [(), (1,), (n_out,)], _NO_BIAS)
    found = _weights(fields, "weight", [(n_out, prod(shape))], _LARGEST_EXPONENT)
    if found is None or len(shape) != 1:
        return None
    return replace(lossless_dense(source, found[0]), weight_exp=found[1])


def _identity(node: Node, source: str, shape: Shape) -> Synapse | None:
    node.fields.refuse_unknown({*_COMMON, "scale"})
    found = _weights(node.fields, "scale", list(dict.fromkeys([(), (1,), shape])), _LARGEST_EXPONENT)
    if found is None:
        return None
    weights, exponent = found
    if np.ptp(weights):
        node.fields.unsupported("scale", "must be the same for all neurons")
        return None
    return IdentitySynapse(source, int(weights.flat[0]), exponent)


def _convolution(node: Node, source: str, shape: Shape) -> Synapse | None:
    fields = node.fields
    fields.refuse_unknown({*_COMMON, "input_shape", "weight", "stride", "padding", "dilation", "groups", "bias"})
    if len(shape) != 3:
        node.unsupported(f"reads neurons of shape {shape}, not (C, H, W)")
    if fields.has("input_shape") and (said := fields.shape("input_shape")) not in (None, shape[1:]):
        fields.wrong("input_shape", f"must be {shape[1:]}, which arrives, got {said}")
    stride, dilation = pair(fields, "stride", 1), pair(fields, "dilation", 1)
    groups = fields.integer("groups", low=1, high=127)
    stored = stored_shape(fields, "weight", 4)
    if stored is None or len(shape) != 3:
        return None
    check_zero(fields, "bias", [(), (1,), stored[:1]], _NO_BIAS)
    found = _weights(fields, "weight", [stored], 0)
    padding = None if stride is None or dilation is None else padding_of(fields, stored[2:], stride, dilation)
    if found is None or stride is None or padding is None or dilation is None or groups is None:
        return None
    synapse = ConvSynapse(source, found[0], stride, padding, dilation, groups)
    problems = synapse.problems(shape, synapse.output_shape(shape))
    for text in problems:
        node.unsupported(text)
    return None if problems else synapse


_SYNAPSES = {"Linear": _dense, "Affine": _dense, "Scale": _identity, "Conv2d": _convolution}


def stored_shape(fields: Fields, name: str, n_dimensions: int) -> Shape | None:
    """Shape of the numbers `name`, or None after reporting why there is none of so many dimensions."""
    stored = fields.group.datasets.get(name)
    if not isinstance(stored, np.ndarray):
        # Says what it is instead.
        reals(fields, name, [])
    elif stored.ndim == n_dimensions:
        return stored.shape
    else:
        fields.wrong(name, f"must have {n_dimensions} dimensions, got shape {stored.shape}")
    return None


def _weights(fields: Fields, name: str, shapes: Sequence[Shape], largest: int) -> tuple[Ints, int] | None:
    """(integers in -256…255, exponent) of the weights `name`; the exponent as metadata says, else the smallest."""
    numbers = reals(fields, name, shapes)
    values = multiples(fields, name, numbers, WEIGHT_UNIT, _LOW << largest, _HIGH << largest)
    if values is None:
        return None
    form = fields.child("metadata") if largest and fields.has("metadata") else None
    exponents: Sequence[int] = range(largest + 1)
    if form is not None and form.has("weight_exp"):
        said = form.integer("weight_exp", low=WEIGHT_EXP_RANGE[0], high=largest)
        if said is None:
            return None
        exponents = (said,)
    for exponent in exponents:
        weights = values >> exponent if exponent >= 0 else values << -exponent
        exact = exponent <= 0 or np.all(weights << exponent == values)
        if exact and np.all((weights >= _LOW) & (weights <= _HIGH)):
            return weights, exponent
    power = f"2**{exponents[0]}" if len(exponents) == 1 else f"one power of 2 up to 2**{largest}"
    fields.unsupported(name, f"must be -256…255 times {power}, in units of 1/64")
    return None


def padding_of(
    fields: Fields, kernel: Shape, stride: tuple[int, int], dilation: tuple[int, int]
) -> tuple[int, int] | None:
    """(height, width) of what is added on each side; "valid" is nothing, "same" what keeps the sides as they are."""
    stored = fields.group.datasets.get("padding")
    if isinstance(stored, np.ndarray) or stored not in (b"valid", b"same"):
        return pair(fields, "padding", 0)
    if stored == b"valid":
        return 0, 0
    added = [(taps - 1) * apart for taps, apart in zip(kernel, dilation)]
    if stride != (1, 1):
        fields.unsupported("padding", f"same keeps the sides only with a stride of 1, got {stride}")
    elif any(both % 2 for both in added):
        fields.unsupported("padding", f"same would add more on one side than on the other of a kernel of {kernel}")
    else:
        return added[0] // 2, added[1] // 2
    return None


def pair(fields: Fields, name: str, low: int) -> tuple[int, int] | None:
    """(height, width) from one number or two."""
    numbers = fields.integers(name, low=low, high=127, ndim=(0, 1))
    if numbers is None:
        return None
    if numbers.size > 2:
        fields.wrong(name, f"must be one number or (height, width), got shape {numbers.shape}")
        return None
    values = numbers.reshape(-1)
    return int(values[0]), int(values[-1])
