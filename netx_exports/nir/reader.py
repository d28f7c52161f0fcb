"""A NIR graph as a network, where every number in it is an integer of ours; anything else is an error, node by node."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from lapilli.netx_exports.errors import FormatError, LapilliError, NetworkError, UnsupportedError
from lapilli.netx_exports.files import PathLike
from lapilli.netx_exports.hdf5.fields import Fields
from lapilli.netx_exports.hdf5.problems import Problems
from lapilli.netx_exports.hdf5.tree import Group, Values, read_tree
from lapilli.netx_exports.json_text import read_json
from lapilli.netx_exports.network import MAX_NEURONS, Layer, Network
from lapilli.netx_exports.neurons.kinds import CubaLif
from lapilli.netx_exports.nir.connections import Connection, flattens, read_connection
from lapilli.netx_exports.nir.fields import Node, reals
from lapilli.netx_exports.nir.graph import Path, Structure, read_structure
from lapilli.netx_exports.nir.meaning import DT, check_dt, implied_steps
from lapilli.netx_exports.nir.neurons import NeuronNodes, read_neurons
from lapilli.netx_exports.readout import Readout
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
    # Not by `nir.read`: libhdf5 takes memory as the file says, and runs endlessly on some damaged ones.
    file = Fields(read_tree(path, frozenset({"node"}), problems), problems)
    if not file.has("node") and (file.has("layer") or file.has("lapilli")):
        raise FormatError(str(path), ["a NetX file, not NIR; `lapilli export` makes a NIR file of it, named *.net"])
    root = file.child("node")
    return _network(root, str(path), dt, problems)


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
    return _network(_tree_of_graph(graph, problems), "NIR graph", dt, problems)


def _tree_of_graph(graph: Any, problems: Problems) -> Fields:
    """As the file that `nir.write` makes of it, so that one reader does for both."""
    if not (hasattr(graph, "nodes") and hasattr(graph, "edges") and hasattr(graph, "to_dict")):
        raise LapilliError(f"graph: must be a nir.NIRGraph (nir 1.0.4 or newer), got {type(graph).__name__}")
    return Fields(_group(graph.to_dict(), ""), problems)


def _group(content: Mapping[str, Any], path: str) -> Group:
    groups = {
        str(name): _group(value, f"{path}/{name}" if path else str(name))
        for name, value in content.items()
        if isinstance(value, Mapping)
    }
    # A file has no dataset for None either.
    datasets = {
        str(name): _dataset(value)
        for name, value in content.items()
        if not isinstance(value, Mapping) and value is not None
    }
    return Group(path, groups, datasets)


def _dataset(value: Any) -> Values | bytes:
    if isinstance(value, (str, bytes)):
        return value.encode() if isinstance(value, str) else value
    try:
        array = np.asarray(value)
    except ValueError:
        # Lists of unequal lengths: whoever looks for numbers finds none.
        return np.array([None])
    return np.char.encode(array, "utf-8") if array.dtype.kind == "U" else array


def _network(root: Fields | None, subject: str, dt: float | None, problems: Problems) -> Network:
    problems.raise_if_any(subject)
    assert root is not None
    form = root.child("metadata") if root.has("metadata") else None
    step, metadata, readout = _dt(form, dt), _json_object(form, "lapilli"), _readout(form)
    structure = read_structure(root)
    problems.raise_if_any(subject)
    assert structure is not None
    # What overflows is none of our numbers and is found to be none.
    with np.errstate(all="ignore"):
        drafts, shapes = _drafts(structure, step)
    problems.raise_if_any(subject)
    layers = _layers(drafts)
    problems.raise_if_any(subject)
    try:
        return Network(shapes[INPUT], tuple(layers), metadata, readout=readout)
    except NetworkError as error:
        raise UnsupportedError(subject, error.problems) from None


def _dt(form: Fields | None, dt: float | None) -> float:
    if dt is not None or form is None or not form.has("dt"):
        return check_dt(DT if dt is None else dt)
    said = reals(form, "dt", [(), (1,)])
    if said is not None and not said.values > 0:
        form.wrong("dt", f"must be a positive number of seconds, got {said.values}")
        return DT
    return DT if said is None else float(said.values.reshape(()))


def _readout(form: Fields | None) -> Readout | None:
    said = _json_object(form, "lapilli_readout")
    if not {"kind"} <= said.keys() <= {"kind", "classes"}:
        if form is not None and form.has("lapilli_readout"):
            form.wrong("lapilli_readout", "must be an object of kind and classes")
        return None
    return Readout(**said)


def _json_object(form: Fields | None, name: str) -> dict[str, Any]:
    if form is None or not form.has(name):
        return {}
    numbers = form.integers(name, low=0, high=255, dtype=np.uint8, ndim=(1,))
    try:
        found = {} if numbers is None else read_json(numbers.tobytes())
    except ValueError as error:
        form.wrong(name, f"must be JSON ({error})")
        return {}
    if isinstance(found, dict):
        return found
    form.wrong(name, "must be a JSON object")
    return {}


@dataclass(frozen=True)
class _Draft:
    """A layer whose delays are still the graph's."""

    name: str
    shape: Shape
    neuron: CubaLif
    connections: tuple[Connection, ...]


def _drafts(structure: Structure, dt: float) -> tuple[list[_Draft], dict[str, Shape]]:
    """Every layer that can be read, and the shape of every source; the problems of the others are reported."""
    shapes: dict[str, Shape] = {}
    if (input_shape := _end_shape(structure.input)) is not None:
        shapes[INPUT] = input_shape
    drafts = []
    for layer in structure.layers:
        name, paths = layer.neurons.name, layer.paths
        feeding = [_connection(path, shapes, dt) for path in paths if path.source != name]
        shape = next((one.shape for one in feeding if one is not None), None) or _own_shape(layer.neurons)
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
            drafts.append(_Draft(name, folded, neuron, connections))
    last = structure.layers[-1].neurons.name
    if last in shapes:
        _check_output(structure, last, shapes[last])
    return drafts, shapes


def _check_output(structure: Structure, last: str, shape: Shape) -> None:
    """Report an output that is not the last layer; a Flatten before it moves no neuron."""
    of_whom = f"{last!r}"
    for node in structure.behind:
        if not flattens(node, shape):
            return
        shape, of_whom = (prod(shape),), f"{last!r}, which {node.name!r} flattens"
    if _end_shape(structure.output) not in (None, shape):
        structure.output.unsupported(f"must have the shape {shape} of {of_whom}")


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


def _end_shape(node: Node) -> Shape | None:
    node.fields.refuse_unknown({"type", "metadata", "shape"})
    shape = node.fields.shape()
    if shape is not None and (len(shape) not in (1, 3) or prod(shape) > MAX_NEURONS):
        node.fields.unsupported("shape", f"must be (N,) or (C, H, W) of at most {MAX_NEURONS} neurons, got {shape}")
        return None
    return shape


def _own_shape(nodes: NeuronNodes) -> Shape | None:
    """Of the neurons' parameters, for layers whose connections do not tell."""
    numbers = nodes.voltage.fields.group.datasets.get("r")
    if not isinstance(numbers, np.ndarray) or numbers.ndim not in (1, 3) or not numbers.size:
        return None
    return numbers.shape


def _layers(drafts: Sequence[_Draft]) -> list[Layer]:
    """The layers, with the delays that remain when every connection takes a step (`nir_meaning.lags`)."""
    biased = any(draft.neuron.has_bias for draft in drafts)
    lag = {INPUT: 0}
    layers = []
    for draft in drafts:
        others = [one for one in draft.connections if one.synapse.source != draft.name]
        lag[draft.name] = 0 if biased else _lag(others, lag)
        delayed = [one.delayed(implied_steps(lag, one.synapse.source, draft.name)) for one in draft.connections]
        synapses = tuple(synapse for synapse in delayed if synapse is not None)
        layers.append(Layer(draft.name, draft.shape, draft.neuron, synapses))
    return layers


def _lag(connections: Sequence[Connection], lag: Mapping[str, int]) -> int:
    """As `nir_meaning.lags`, or more where another framework's graph takes no time on a longer way."""
    reached = [1 + lag[one.synapse.source] for one in connections]
    needed = [1 + lag[one.synapse.source] - one.least_steps for one in connections]
    return max(min(reached), *needed) if reached else 0
