"""A NIR graph as a network, where every number in it is an integer of ours; anything else is an error, node by node."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from lapilli.netx_exports.errors import NetworkError, UnsupportedError
from lapilli.netx_exports.files import PathLike
from lapilli.netx_exports.hdf5.fields import Fields
from lapilli.netx_exports.hdf5.problems import Problems
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.nir.connections import Connection, read_connection
from lapilli.netx_exports.nir.ends import check_output, end_shape, own_shape
from lapilli.netx_exports.nir.fields import Node
from lapilli.netx_exports.nir.graph import Path, Structure
from lapilli.netx_exports.nir.layers import Draft, layers_of
from lapilli.netx_exports.nir.neurons import read_neurons
from lapilli.netx_exports.nir.opening import open_nir, opened_graph, tree_of_graph
from lapilli.netx_exports.synapses.kinds import INPUT, Shape


def load_nir(path: PathLike, dt: float | None = None) -> Network:
    """Read a NIR file, from whatever tool. Needs no package `nir`.

    Arguments:
        path: the file.
        dt: seconds in a step; None: what the file's metadata says (`dt`), else 1e-4 s.

    Raises:
        LapilliError: when the file cannot be opened.
        FormatError: when it is no NIR file or contradicts itself, listing every problem with its path in the file.
        UnsupportedError: when it is valid and not exactly a network of ours, listing each number and node.
    """
    problems = Problems()
    return _network(open_nir(path, problems), str(path), dt, problems)


def from_nir(graph: Any, dt: float | None = None) -> Network:
    """The network that a `nir.NIRGraph` says.

    Arguments:
        graph: for example what another framework exports.
        dt: as in `load_nir`.

    Raises:
        FormatError, UnsupportedError: as `load_nir`.
        LapilliError: when `graph` is something else.
    """
    problems = Problems()
    return _network(tree_of_graph(graph, problems), "NIR graph", dt, problems)


def _network(root: Fields | None, subject: str, dt: float | None, problems: Problems) -> Network:
    structure, step, metadata, readout = opened_graph(root, subject, dt, problems)
    # What overflows is none of our numbers and is found to be none.
    with np.errstate(all="ignore"):
        drafts, shapes = _drafts(structure, step)
    problems.raise_if_any(subject)
    layers = layers_of(drafts)
    problems.raise_if_any(subject)
    try:
        return Network(shapes[INPUT], tuple(layers), metadata, readout=readout)
    except NetworkError as error:
        raise UnsupportedError(subject, error.problems) from None


def _drafts(structure: Structure, dt: float) -> tuple[list[Draft], dict[str, Shape]]:
    """Every layer that can be read, and the shape of every source; the problems of the others are reported."""
    shapes: dict[str, Shape] = {}
    if (input_shape := end_shape(structure.input)) is not None:
        shapes[INPUT] = input_shape
    drafts = []
    for layer in structure.layers:
        name, paths = layer.neurons.name, layer.paths
        feeding = [_connection(path, shapes, dt) for path in paths if path.source != name]
        shape = next((one.shape for one in feeding if one is not None), None) or own_shape(layer.neurons)
        if shape is None:
            if not feeding:
                layer.neurons.voltage.unsupported("must say how many neurons it is: one `r` for each")
            continue
        shapes[name] = shape
        # Again in the order of the paths: the layer's own come in between.
        read = [_connection(path, shapes, dt) if path.source == name else feeding.pop(0) for path in paths]
        connections = tuple(one for one in read if one is not None)
        for one in connections:
            if one.shape != shape:
                one.weighted.unsupported(f"gives {one.shape} to neurons of shape {shape}")
        folded = _folded(layer.neurons.voltage, shape, connections)
        neuron = None if folded is None else read_neurons(layer.neurons, shape, folded, dt)
        if folded is not None and neuron is not None:
            drafts.append(Draft(name, folded, neuron, connections))
    last = structure.layers[-1].neurons.name
    if last in shapes:
        check_output(structure, last, shapes[last])
    return drafts, shapes


def _connection(path: Path, shapes: Mapping[str, Shape], dt: float) -> Connection | None:
    # A source without a shape has been reported.
    return read_connection(path.source, shapes[path.source], path.nodes, dt) if path.source in shapes else None


def _folded(node: Node, shape: Shape, connections: Sequence[Connection]) -> Shape | None:
    """The shape that flat neurons have here, a convolution's or as metadata says, or None after reporting why not."""
    form = node.fields.child("metadata") if node.fields.has("metadata") else None
    folded = next((one.arriving for one in connections if one.synapse.spatial), shape)
    if form is not None and form.has("shape"):
        said = form.shape()
        if said is not None and prod(said) != prod(shape):
            form.wrong("shape", f"must be of {prod(shape)} neurons, got {said}")
            return None
        return said
    return folded
