"""Shapes that a graph says at its ends and where no connection tells them."""

from math import prod

import numpy as np

from lapilli.netx_exports.network import MAX_NEURONS
from lapilli.netx_exports.nir.connections import flattens
from lapilli.netx_exports.nir.fields import Node
from lapilli.netx_exports.nir.graph import Structure
from lapilli.netx_exports.nir.neurons import NeuronNodes
from lapilli.netx_exports.synapses.kinds import Shape


def check_output(structure: Structure, last: str, shape: Shape) -> None:
    """Report an output that is not the last layer; a Flatten before it moves no neuron."""
    of_whom = f"{last!r}"
    for node in structure.behind:
        if not flattens(node, shape):
            return
        shape, of_whom = (prod(shape),), f"{last!r}, which {node.name!r} flattens"
    if end_shape(structure.output) not in (None, shape):
        structure.output.unsupported(f"must have the shape {shape} of {of_whom}")


def end_shape(node: Node) -> Shape | None:
    """Of the input or the output, or None after reporting why not."""
    node.fields.refuse_unknown({"type", "metadata", "shape"})
    shape = node.fields.shape()
    if shape is not None and (len(shape) not in (1, 3) or prod(shape) > MAX_NEURONS):
        node.fields.unsupported("shape", f"must be (N,) or (C, H, W) of at most {MAX_NEURONS} neurons, got {shape}")
        return None
    return shape


def own_shape(nodes: NeuronNodes) -> Shape | None:
    """Of the neurons' parameters, for layers whose connections do not tell."""
    numbers = nodes.voltage.fields.group.datasets.get("r")
    if not isinstance(numbers, np.ndarray) or numbers.ndim not in (1, 3) or not numbers.size:
        return None
    return numbers.shape
