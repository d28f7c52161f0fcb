"""One Lava run as a file: what the parent writes and the worker reads. Arrays and JSON, nothing that executes."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.clock import Clock
from lapilli.netx_exports.extensions import extend, extensions
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.kinds import NEURONS
from lapilli.netx_exports.synapses.kinds import SYNAPSES

Graph = Literal["stock", "builder"]

Arrays = dict[str, npt.NDArray[Any]]


@dataclasses.dataclass(frozen=True)
class LavaJob:
    """One Lava run.

    Arguments:
        graph: "stock": the network is a plain NetX file for lava-dl's reader; "builder": `save_network` wrote it.
        network: path of the network's file.
        n_inputs: number of input neurons.
        graded_input: whether input events carry values.
        n_steps: steps to run.
        layers: names, in the network's order.
        states: of which of them to record the states.
        interval: of the neurons' periodic reset; None: none.
        offsets: of the reset of each layer, as `LIFReset` takes it.
        step, neuron, value: int32, the input's events, sorted by step.
    """

    graph: Graph
    network: str
    n_inputs: int
    graded_input: bool
    n_steps: int
    layers: tuple[str, ...]
    states: tuple[str, ...]
    interval: int | None
    offsets: tuple[int, ...]
    step: npt.NDArray[np.int32]
    neuron: npt.NDArray[np.int32]
    value: npt.NDArray[np.int32]

    def save(self, path: Path) -> None:
        """Write the job."""
        write_tree(path, *_split(self))

    @classmethod
    def load(cls, path: Path) -> "LavaJob":
        """Read a job."""
        fields, arrays = read_tree(path)
        values: dict[str, Any] = {**fields, **arrays}
        for name in ("layers", "states", "offsets"):
            values[name] = tuple(values[name])
        return cls(**values)


def save_network(network: Network, path: Path) -> None:
    """Write a network with everything that Lava gets to see, weights before their low bits are dropped included."""
    layers = []
    arrays: Arrays = {}
    for number, layer in enumerate(network.layers):
        parts = []
        kinds = (layer.neuron.model, *(synapse.kind for synapse in layer.synapses))
        for index, (kind, part) in enumerate(zip(kinds, (layer.neuron, *layer.synapses))):
            fields, part_arrays = _split(part)
            parts.append({"kind": kind, "fields": fields})
            arrays |= {f"{number}/{index}/{name}": array for name, array in part_arrays.items()}
        clock = dataclasses.astuple(layer.clock)
        layers.append({"name": layer.name, "shape": layer.shape, "clock": clock, "parts": parts})
    facts = {"input_shape": network.input_shape, "graded": network.graded_input, "extensions": extensions()}
    write_tree(path, {**facts, "layers": layers}, arrays)


def load_network(path: Path) -> Network:
    """Read what `save_network` wrote, in a process with Lava: kinds from outside are added with their Processes."""
    tree, arrays = read_tree(path)
    for package in tree["extensions"]:
        extend(package, lava=True)
    layers = []
    for number, entry in enumerate(tree["layers"]):
        parts = []
        for index, part in enumerate(entry["parts"]):
            prefix = f"{number}/{index}/"
            own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
            kinds: Mapping[str, Any] = SYNAPSES if index else NEURONS
            parts.append(kinds[part["kind"]](**part["fields"], **own))
        clock = Clock(*entry["clock"])
        layers.append(Layer(entry["name"], tuple(entry["shape"]), parts[0], tuple(parts[1:]), clock))
    return Network(tuple(tree["input_shape"]), tuple(layers), graded_input=tree["graded"])


def _split(record: Any) -> tuple[dict[str, Any], Arrays]:
    values = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    return {name: value for name, value in values.items() if name not in arrays}, arrays


def write_tree(path: Path, tree: dict[str, Any], arrays: Arrays) -> None:
    """Write JSON values and named arrays as one file."""
    text = np.frombuffer(json.dumps(tree).encode(), np.uint8)
    with open(path, "wb") as file:
        np.savez(file, json=text, **{f"array/{name}": array for name, array in arrays.items()})


def read_tree(path: Path) -> tuple[dict[str, Any], Arrays]:
    """Read what `write_tree` wrote."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name.removeprefix("array/"): archive[name] for name in archive.files if name != "json"}
        return json.loads(archive["json"].tobytes()), arrays
