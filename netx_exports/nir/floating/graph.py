"""A float network: layers in the order in which a step runs them, each with what feeds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lapilli.netx_exports.hdf5.problems import Problems
from lapilli.netx_exports.nir.fields import Node
from lapilli.netx_exports.nir.floating.operations import Delaying, Operation
from lapilli.netx_exports.nir.meaning import Floats
from lapilli.netx_exports.readout import Readout
from lapilli.netx_exports.synapses.kinds import INPUT, Shape


@dataclass(frozen=True, eq=False)
class FloatConnection:
    """What lies between a source and a layer.

    Arguments:
        source: "input" or a layer's name.
        operations: in the order of the signal.
        node: that with the weights, or the pool in its place, which errors name.
    """

    source: str
    operations: tuple[Operation, ...]
    node: Node

    def output_shape(self, shape: Shape) -> Shape:
        """Shape of what arrives at the layer, from that of the source."""
        for operation in self.operations:
            shape = operation.output_shape(shape)
        return shape

    @property
    def latest(self) -> int:
        """Steps that it takes at most."""
        return sum(int(one.steps.max()) for one in self.operations if isinstance(one, Delaying))


@dataclass(frozen=True, eq=False)
class FloatNeurons:
    """Neurons of a layer in a form for steps; each array has the layer's shape.

    In a step, with x = what arrives:

        i = (1 - current_decay) i + current_gain x      the x itself where there is no current
        v = (1 - voltage_decay) v + voltage_gain i + pull
        a spike where v > threshold

    What a spike does to v, the graph does not say.

    Arguments:
        current_decay, current_gain: of the current; None: there is none.
        voltage_decay, voltage_gain: of the voltage.
        pull: what the leak voltage adds in each step.
        threshold, reset: of a spike, and the voltage after it where it does not lose the threshold; None: no spikes,
            the voltage is sent.
        subtracts: whether metadata say that a spike takes the threshold off the voltage.
    """

    current_decay: Floats | None
    current_gain: Floats | None
    voltage_decay: Floats
    voltage_gain: Floats
    pull: Floats
    threshold: Floats | None
    reset: Floats | None
    subtracts: bool = False


@dataclass(frozen=True, eq=False)
class FloatLayer:
    """Neurons of one node and what feeds them.

    Arguments:
        name: of the node.
        shape: in the graph.
        neurons: of it.
        connections: what feeds them; what arrives adds up.
        node: which errors name.
    """

    name: str
    shape: Shape
    neurons: FloatNeurons
    connections: tuple[FloatConnection, ...]
    node: Node


@dataclass(frozen=True, eq=False)
class FloatGraph:
    """A NIR graph in real numbers.

    Arguments:
        input_shape: (N,) or (C, H, W).
        layers: sources first; the last one is the output.
        subject: what errors name: the file.
        problems: where errors of nodes are collected.
        metadata, readout: as of a network, where the graph is one of ours.
    """

    input_shape: Shape
    layers: tuple[FloatLayer, ...]
    subject: str
    problems: Problems
    metadata: Mapping[str, Any]
    readout: Readout | None

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """Shape of the input and of each layer, in the graph."""
        return {INPUT: self.input_shape} | {layer.name: layer.shape for layer in self.layers}

    @property
    def latest(self) -> int:
        """Steps between an input event and the latest first answer of the output that it can cause."""
        reached = {INPUT: 0}
        for layer in self.layers:
            others = [one for one in layer.connections if one.source != layer.name]
            reached[layer.name] = max((reached[one.source] + one.latest for one in others), default=0)
        return reached[self.layers[-1].name]
