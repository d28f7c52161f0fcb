"""A network as a NIR graph and as a NIR file, for other frameworks; what NIR cannot say is an error."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from lapilli.netx_exports.errors import LapilliError, UnsupportedError
from lapilli.netx_exports.files import PathLike, replacing
from lapilli.netx_exports.installing import how_to_install
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.nir.meaning import DT, check_dt, implied_steps, lags, nir_shapes
from lapilli.netx_exports.nir.nodes import neuron_nodes, synapse_nodes
from lapilli.netx_exports.nir.refusals import nir_refusals
from lapilli.netx_exports.synapses.kinds import INPUT


def save_nir(network: Network, path: PathLike, dt: float = DT) -> None:
    """Write a network as a NIR file that `load_nir` reads back as an equal network.

    The same network gives the same bytes.

    Arguments:
        network: what to write.
        path: the file, usually `*.nir`.
        dt: seconds in a step; it scales the time constants and changes nothing of what runs.

    Raises:
        UnsupportedError: when NIR cannot say the network exactly, listing every reason.
        LapilliError: when `nir` is not installed or the file cannot be written.
    """
    image = io.BytesIO()
    _nir_package().write(image, to_nir(network, dt))
    with replacing(path) as temporary:
        temporary.write_bytes(image.getvalue())


def to_nir(network: Network, dt: float = DT) -> Any:
    """The network as a `nir.NIRGraph`: what `save_nir` writes.

    A layer's neurons are the node of the layer's name; where current and voltage are nodes of their own, the
    voltage's. The graph answers `nir_meaning.lags(network)[network.output.name]` steps before the network does.

    Arguments:
        network, dt: as in `save_nir`.

    Raises:
        UnsupportedError: when NIR cannot say the network exactly, listing every reason.
        LapilliError: when `nir` is not installed.
    """
    nir = _nir_package()
    if problems := nir_refusals(network):
        raise UnsupportedError("network as NIR", problems)
    metadata: dict[str, Any] = {"dt": check_dt(dt)}
    if network.metadata:
        text = json.dumps(dict(network.metadata), sort_keys=True).encode()
        metadata["lapilli"] = np.frombuffer(text, np.uint8)
    if network.readout is not None:
        text = json.dumps(network.readout.as_json(), sort_keys=True).encode()
        metadata["lapilli_readout"] = np.frombuffer(text, np.uint8)
    drawing = _draw(nir, network, dt)
    return nir.NIRGraph(drawing.nodes, drawing.edges, metadata)


def _nir_package() -> Any:
    try:
        import nir
    except ImportError as error:
        raise LapilliError(f"writing NIR needs nir: {how_to_install('nir')}") from error
    return nir


@dataclass
class _Drawing:
    """A graph in the making; the order of its edges is the order of layers and synapses."""

    layers: frozenset[str]
    nodes: dict[str, Any] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)

    def put(self, name: str, node: Any) -> str:
        """Add a node that is no layer under this name, or a longer one where it is taken."""
        while name in self.nodes or name in self.layers:
            name += "_"
        self.nodes[name] = node
        return name

    def feed(self, source: str, names: Sequence[str], target: str) -> None:
        """Let each of `names` be fed by the one before it."""
        self.edges += pairwise([source, *names, target])


def _draw(nir: Any, network: Network, dt: float) -> _Drawing:
    drawing = _Drawing(frozenset(layer.name for layer in network.layers))
    drawing.put(INPUT, nir.Input(np.array(network.input_shape)))
    lag, shapes = lags(network), nir_shapes(network)
    for layer in network.layers:
        current, voltage = neuron_nodes(nir, layer, shapes[layer.name], dt)
        entry = layer.name if current is None else drawing.put(f"{layer.name}_current", current)
        for index, synapse in enumerate(layer.synapses):
            implied = implied_steps(lag, synapse.source, layer.name)
            parts = synapse_nodes(nir, synapse, shapes[synapse.source], shapes[layer.name], implied, dt)
            names = [drawing.put(f"{layer.name}_{role}{index}", node) for role, node in parts]
            drawing.feed(synapse.source, names, entry)
        if current is not None:
            drawing.feed(entry, [], layer.name)
        drawing.nodes[layer.name] = voltage
    last = network.output
    drawing.feed(last.name, [], drawing.put("output", nir.Output(np.array(shapes[last.name]))))
    return drawing
