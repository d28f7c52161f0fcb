"""The contract: a network as integers. Training produces it, files store it, simulators run it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from types import MappingProxyType
from typing import Any

from lapilli.netx_exports.arrays import sides_of, update_digest
from lapilli.netx_exports.clock import EVERY_STEP, Clock
from lapilli.netx_exports.errors import LapilliError, NetworkError
from lapilli.netx_exports.neurons.neuron import Neuron
from lapilli.netx_exports.readout import Readout, from_metadata, other_metadata
from lapilli.netx_exports.summary import layer_line, network_html, network_line, network_table
from lapilli.netx_exports.synapses.synapse import INPUT, Shape, Synapse

MAX_NEURONS = 1 << 24
"""Neurons in one layer or input; a file that asks for more is refused before memory is taken."""


MAX_NAME = 250
"""Characters in a layer's name."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A population of neurons of one kind and the synapses that feed it.

    Arguments:
        name: unique in the network, not "input".
        shape: (N,) or (C, H, W); neurons are numbered in C order.
        neuron: the neuron kind with its parameters.
        synapses: one or more; their currents add up before the neuron.
        clock: the steps in which the neurons act.
    """

    name: str
    shape: Shape
    neuron: Neuron
    synapses: tuple[Synapse, ...]
    clock: Clock = EVERY_STEP

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", sides_of(self.shape))
        object.__setattr__(self, "synapses", tuple(self.synapses))

    def __repr__(self) -> str:
        return layer_line(self)

    @property
    def size(self) -> int:
        """Number of neurons."""
        return prod(self.shape)

    @property
    def recurrent(self) -> bool:
        """Whether the layer feeds itself."""
        return any(synapse.source == self.name for synapse in self.synapses)

    def port_of(self, synapse: Synapse) -> str:
        """Which of the neurons' ports a synapse feeds."""
        return self.neuron.ports[0] if synapse.port is None else synapse.port

    def fed_shape(self, synapse: Synapse) -> Shape:
        """Shape of the sums that a synapse feeds: the layer's, or (sums,) where each neuron takes several."""
        sums = self.neuron.sums_of(self.port_of(synapse))
        return self.shape if sums == 1 else (sums * self.size,)


@dataclass(frozen=True, eq=False)
class Network:
    """A spiking network as integers: frozen and valid from its construction on.

    Time: a spike of step t reaches its target's neurons in step t + 1 + delay (t + delay by a synapse of `steps` 0). In
    each step a layer adds up, for each port of its neurons, the currents of its synapses, and updates its neurons, if
    its clock lets it act. All state and all synapses start empty.

    Arguments:
        input_shape: (N,) or (C, H, W).
        layers: in an order in which every source but the layer itself comes earlier.
        metadata: facts about the network that change nothing of what runs (JSON values only). A "readout" with its
            "kind" and "average_outputs", which had their place here once, become the readout where it has them.
        graded_input: whether input events carry values that weights are multiplied by; otherwise an event is a spike.
        readout: how a class is decided; None: the network does not say.

    Raises:
        NetworkError: with every problem found.
    """

    input_shape: Shape
    layers: tuple[Layer, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    graded_input: bool = False
    readout: Readout | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "input_shape", sides_of(self.input_shape))
        object.__setattr__(self, "layers", tuple(self.layers))
        if problems := list(_problems(self)):
            raise NetworkError("network", problems)
        metadata = json.loads(json.dumps(dict(self.metadata)))
        said = from_metadata(metadata)
        # Files and scripts of before may say there what no output layer can do; such metadata stay what they were.
        if said is not None and not said.problems(self.output.neuron, self.output.size):
            if self.readout not in (None, said):
                raise NetworkError("network", [f"readout: is {self.readout}, but metadata say {said}"])
            object.__setattr__(self, "readout", said)
            metadata = other_metadata(metadata)
        object.__setattr__(self, "metadata", MappingProxyType(metadata))

    def __repr__(self) -> str:
        return network_line(self)

    def _repr_html_(self) -> str:
        return network_html(self)

    def summary(self) -> str:
        """A table of the layers: neurons, what each reads, stored and non-zero weights."""
        return network_table(self)

    def layer(self, name: str) -> Layer:
        """A layer by its name.

        Raises:
            LapilliError: for another name, naming those that there are.
        """
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise LapilliError(f"no layer {name!r}; layers are {', '.join(layer.name for layer in self.layers)}")

    @property
    def output(self) -> Layer:
        """The last layer."""
        return self.layers[-1]

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """Shape of every source: the input and all layers, by name."""
        return MappingProxyType({INPUT: self.input_shape, **{layer.name: layer.shape for layer in self.layers}})

    @cached_property
    def graded_sources(self) -> frozenset[str]:
        """Names of the sources whose events carry values: the input if it is graded, and layers of such neurons."""
        layers = {layer.name for layer in self.layers if layer.neuron.graded}
        return frozenset({INPUT, *layers} if self.graded_input else layers)

    @cached_property
    def multiplied_sources(self) -> frozenset[str]:
        """Those of the graded sources whose values are to be multiplied by weights: not those of a sign alone."""
        signed = {layer.name for layer in self.layers if layer.neuron.signed}
        return self.graded_sources - signed

    @cached_property
    def counters(self) -> tuple[str, ...]:
        """Names of what its kinds count beside updates, events and operations (`Counts.named`)."""
        parts = ((layer.neuron, *layer.synapses) for layer in self.layers)
        return tuple(dict.fromkeys(name for of_layer in parts for part in of_layer for name in part.counters))

    @property
    def n_inputs(self) -> int:
        """Number of input neurons."""
        return prod(self.input_shape)

    @cached_property
    def depth(self) -> int:
        """Steps between an input event and the latest first answer of the output layer it can cause.

        Longest path over layers, recurrence not counted, the largest delay of each synapse counted: a sample of T
        steps is answered completely, but for what neurons remember, after T + depth steps.
        """
        reached = {INPUT: 0}
        for layer in self.layers:
            reached[layer.name] = max(
                (synapse.latest(reached[synapse.source]) for synapse in layer.synapses if synapse.source != layer.name),
                default=0,
            )
        return reached[self.output.name]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, of everything that changes what runs or is decided.

        Names are in it, metadata is not.
        """
        if self.readout is None:
            return self.run_fingerprint
        decided = (self.run_fingerprint, self.readout.kind, self.readout.classes)
        return hashlib.sha256(repr(decided).encode()).hexdigest()

    @cached_property
    def run_fingerprint(self) -> str:
        """As `fingerprint`, of what runs alone, without the readout.

        States of a run and records of learning hold it, and so do tables that were made before the readout was a part
        of the network.
        """
        digest = hashlib.sha256()
        digest.update(repr((self.input_shape, self.graded_input)).encode())
        for layer in self.layers:
            digest.update(repr((layer.name, layer.shape, len(layer.synapses))).encode())
            layer.neuron.update_digest(digest)
            if layer.clock != EVERY_STEP:
                update_digest(digest, layer.clock.period, layer.clock.phase)
            for synapse in layer.synapses:
                synapse.update_digest(digest)
                if (port := layer.port_of(synapse)) != layer.neuron.ports[0]:
                    update_digest(digest, port)
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        """Whether the other network runs and decides the same, metadata aside."""
        return isinstance(other, Network) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)


def _problems(network: Network) -> "list[str]":
    found = [f"input_shape: {problem}" for problem in _shape_problems(network.input_shape)]
    if not network.layers:
        found.append("layers: a network needs at least one layer")
    try:
        json.dumps(dict(network.metadata), allow_nan=False)
    except (TypeError, ValueError) as error:
        found.append(f"metadata: must be JSON values ({error})")
    shapes = {INPUT: network.input_shape}
    neurons: dict[str, Neuron] = {}
    for layer in network.layers:
        problems = _layer_problems(layer, shapes, neurons | {layer.name: layer.neuron}, network)
        found += [f"layer {layer.name!r}: {problem}" for problem in problems]
        shapes[layer.name], neurons[layer.name] = layer.shape, layer.neuron
    if isinstance(network.readout, Readout) and network.layers:
        output = network.output
        found += [f"readout: {problem}" for problem in network.readout.problems(output.neuron, output.size)]
    elif network.readout is not None and network.layers:
        found.append(f"readout: must be a Readout, got {network.readout!r}")
    return found


def _layer_problems(
    layer: Layer, shapes: Mapping[str, Shape], neurons: Mapping[str, Neuron], network: Network
) -> "list[str]":
    found = [f"shape: {problem}" for problem in _shape_problems(layer.shape)]
    if not 1 <= len(layer.name) <= MAX_NAME or not layer.name.isprintable() or "/" in layer.name:
        found.append(f"name: must be 1…{MAX_NAME} printable characters without a slash, got {layer.name!r:.80}")
    if layer.name in shapes:
        found.append("name: already taken")
    if found:
        return found
    found += layer.neuron.problems(layer.shape) + layer.clock.problems()
    taken = [port for port in map(layer.port_of, layer.synapses) if port in layer.neuron.taking]
    found += [f"synapses: port {port!r}: at most one synapse may feed it" for port in sorted(_repeated(taken))]
    if not layer.synapses:
        found.append("synapses: a layer needs at least one")
    if sum(not synapse.weighted for synapse in layer.synapses) > 1:
        found.append("synapses: at most one may be direct")
    for index, synapse in enumerate(layer.synapses):
        where = f"synapse {index} from {synapse.source!r}"
        if synapse.source != layer.name and synapse.source not in shapes:
            found.append(f"{where}: source must be the input, an earlier layer or the layer itself")
            continue
        if synapse.source == layer.name and not synapse.steps:
            found.append(f"{where}: a layer cannot feed itself in the same step")
        if not synapse.weighted and not network.graded_input:
            found.append(f"{where}: a direct synapse needs graded_input=True")
        if (port := layer.port_of(synapse)) not in layer.neuron.ports:
            ports = ", ".join(layer.neuron.ports)
            found.append(f"{where}: port: neurons of model {layer.neuron.model} have the ports {ports}, got {port!r}")
        between = synapse.neuron_problems(neurons.get(synapse.source), layer.neuron, port)
        found += [f"{where}: {problem}" for problem in between]
        source_shape = layer.shape if synapse.source == layer.name else shapes[synapse.source]
        found += [f"{where}: {problem}" for problem in synapse.problems(source_shape, layer.fed_shape(synapse))]
    return found


def _repeated(names: list[str]) -> set[str]:
    return {name for name in names if names.count(name) > 1}


def _shape_problems(shape: Shape) -> "list[str]":
    if len(shape) not in (1, 3) or any(not isinstance(side, int) or side < 1 for side in shape):
        return [f"must be (N,) or (C, H, W) with positive sizes, got {shape}"]
    if prod(shape) > MAX_NEURONS:
        return [f"{prod(shape)} neurons are more than {MAX_NEURONS}"]
    return []
