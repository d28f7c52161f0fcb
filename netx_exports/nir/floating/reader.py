"""A NIR file or graph as a float network; what has no integer equivalent by its type is an error, node by node."""

from collections.abc import Mapping
from typing import Any

from lapilli.netx_exports.files import PathLike
from lapilli.netx_exports.hdf5.fields import Fields
from lapilli.netx_exports.hdf5.problems import Problems
from lapilli.netx_exports.nir.ends import check_output, end_shape, own_shape
from lapilli.netx_exports.nir.floating.connections import POOLS, read_float_connection
from lapilli.netx_exports.nir.floating.graph import FloatConnection, FloatGraph, FloatLayer
from lapilli.netx_exports.nir.floating.neurons import read_float_neurons
from lapilli.netx_exports.nir.graph import LayerNodes, Path, Structure
from lapilli.netx_exports.nir.opening import open_nir, opened_graph, tree_of_graph
from lapilli.netx_exports.synapses.kinds import INPUT, Shape


def load_float_nir(path: PathLike, dt: float | None = None) -> FloatGraph:
    """Read the float network of a NIR file. Needs no package `nir`.

    Arguments:
        path: the file.
        dt: seconds in a step; None: what the file's metadata says (`dt`), else 1e-4 s.

    Raises:
        LapilliError: when the file cannot be opened.
        FormatError: when it is no NIR file or contradicts itself, listing every problem with its path in the file.
        UnsupportedError: when a node has no equivalent here, listing each by its name and type.
    """
    problems = Problems()
    return _graph(open_nir(path, problems), str(path), dt, problems)


def from_float_nir(graph: Any, dt: float | None = None) -> FloatGraph:
    """The float network that a `nir.NIRGraph` says, for example one that snnTorch or Norse wrote.

    Arguments:
        graph: of it.
        dt: as in `load_float_nir`.

    Raises:
        FormatError, UnsupportedError: as `load_float_nir`.
        LapilliError: when `graph` is something else.
    """
    problems = Problems()
    return _graph(tree_of_graph(graph, problems), "NIR graph", dt, problems)


def _graph(root: Fields | None, subject: str, dt: float | None, problems: Problems) -> FloatGraph:
    structure, step, metadata, readout = opened_graph(root, subject, dt, problems, POOLS)
    layers, shapes = _layers(structure, step)
    problems.raise_if_any(subject)
    return FloatGraph(shapes[INPUT], tuple(layers), subject, problems, metadata, readout)


def _layers(structure: Structure, dt: float) -> tuple[list[FloatLayer], dict[str, Shape]]:
    """Every layer that can be read, and the shape of every source; the problems of the others are reported."""
    shapes: dict[str, Shape] = {}
    if (input_shape := end_shape(structure.input)) is not None:
        shapes[INPUT] = input_shape
    found = [layer for nodes in structure.layers if (layer := _layer(nodes, shapes, dt)) is not None]
    last = structure.layers[-1].neurons.name
    if last in shapes:
        check_output(structure, last, shapes[last])
    return found, shapes


def _layer(nodes: LayerNodes, shapes: dict[str, Shape], dt: float) -> FloatLayer | None:
    name, node = nodes.neurons.name, nodes.neurons.voltage
    others = {path: _connection(path, shapes, dt) for path in nodes.paths if path.source != name}
    arriving = [one.output_shape(shapes[one.source]) for one in others.values() if one is not None]
    shape = arriving[0] if arriving else own_shape(nodes.neurons)
    if shape is None:
        if not others:
            node.unsupported("must say how many neurons it is: one `r` for each")
        return None
    shapes[name] = shape
    read = [others[path] if path in others else _connection(path, shapes, dt) for path in nodes.paths]
    connections = tuple(one for one in read if one is not None)
    for one in connections:
        if (given := one.output_shape(shapes[one.source])) != shape:
            one.node.unsupported(f"gives {given} to neurons of shape {shape}")
    neurons = read_float_neurons(nodes.neurons, shape, dt)
    return None if neurons is None else FloatLayer(name, shape, neurons, connections, node)


def _connection(path: Path, shapes: Mapping[str, Shape], dt: float) -> FloatConnection | None:
    # A source without a shape has been reported.
    return read_float_connection(path.source, shapes[path.source], path.nodes, dt) if path.source in shapes else None
