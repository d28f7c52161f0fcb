"""The network of integers that is nearest to a float network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lapilli.netx_exports.errors import NetworkError, UnsupportedError
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.kinds import AdaptiveLif, CubaLif, Neuron
from lapilli.netx_exports.nir.floating.graph import FloatGraph, FloatLayer
from lapilli.netx_exports.nir.layers import Draft, layers_of
from lapilli.netx_exports.nir.meaning import Floats
from lapilli.netx_exports.nir.quantising.choices import Choices
from lapilli.netx_exports.nir.quantising.neurons import (
    Subtraction,
    biases,
    cuba_neurons,
    decay,
    first_push,
    subtracting_neurons,
    subtraction,
)
from lapilli.netx_exports.nir.quantising.scales import LARGEST_WEIGHT, largest_scale, power_of_two
from lapilli.netx_exports.nir.quantising.weights import InThresholds, in_thresholds
from lapilli.netx_exports.synapses.kinds import DenseSynapse, Shape

_PLACEHOLDER = CubaLif(1, 0, 0)
"""Neurons without a bias, so that the graph's layers keep the time in which they run."""


@dataclass(frozen=True, eq=False)
class QuantisedLayer:
    """What became of a layer.

    Arguments:
        name: of it.
        kind: type of its node in the graph.
        scale: integers of a weight that adds one threshold, or 1.0 where there is none, in a step.
        threshold: integers of the threshold; None: the layer does not spike.
        errors: by how much each weight changed, in the graph's units.
    """

    name: str
    kind: str
    scale: float
    threshold: int | None
    errors: Floats


@dataclass(frozen=True, eq=False)
class Quantised:
    """The network, and what became of each layer of the graph."""

    network: Network
    layers: tuple[QuantisedLayer, ...]


@dataclass(frozen=True, eq=False)
class _Plan:
    """A layer whose scale is known."""

    layer: FloatLayer
    connections: tuple[InThresholds, ...]
    scale: float
    threshold: int | None
    subtraction: Subtraction | None

    @property
    def shape(self) -> Shape:
        """Of the layer here: what flat neurons of a convolution were."""
        return next((one.arriving for one in self.connections if len(one.arriving) == 3), self.layer.shape)


def quantise(graph: FloatGraph, choices: Choices) -> Quantised:
    """Round a float network.

    Weights are even integers in -254…254. A layer has one scale: as many of them as are its threshold, or a power of
    two where it has none. Decays are the nearest of 1/4096, biases and leak voltages the nearest of 1/64 of a weight.

    Arguments:
        graph: of real numbers.
        choices: what a spike does, and what the states of the layers reach.

    Raises:
        UnsupportedError: when a node has no integer equivalent, listing each by its name and type.
    """
    check(graph, choices.reset)
    plans = [_plan(layer, graph.shapes, choices) for layer in graph.layers]
    graph.problems.raise_if_any(graph.subject)
    known = [plan for plan in plans if plan is not None]
    drafts = [
        Draft(plan.layer.name, plan.shape, _PLACEHOLDER, tuple(one.integer(plan.scale) for one in plan.connections))
        for plan in known
    ]
    layers = layers_of(drafts)
    neurons = [_neurons(plan) for plan in known]
    graph.problems.raise_if_any(graph.subject)
    layers = [replace(layer, neuron=neuron) for layer, neuron in zip(layers, neurons) if neuron is not None]
    scales = {plan.layer.name: plan.scale for plan in known}
    metadata = {**graph.metadata, "quantised": {"reset": choices.reset, "scales": scales}}
    try:
        network = Network(graph.input_shape, _started(layers, known, graph), metadata, readout=graph.readout)
    except NetworkError as error:
        raise UnsupportedError(graph.subject, error.problems) from None
    return Quantised(network, tuple(_became(plan) for plan in known))


def check(graph: FloatGraph, reset: str) -> None:
    """Refuse neurons that no integers stand for with this reset.

    Raises:
        UnsupportedError: naming each node.
    """
    for layer in graph.layers:
        neurons, node = layer.neurons, layer.node
        if neurons.threshold is None or neurons.reset is None:
            continue
        if not np.all(neurons.threshold > 0):
            node.unsupported(f"{node.kind}: thresholds must be above 0, got {neurons.threshold.min():g}")
        if reset == "zero" and np.any(neurons.reset):
            node.unsupported(f"{node.kind}: v_reset must be 0, to which the voltage returns here")
        if reset == "zero" and neurons.subtracts:
            node.unsupported(f"{node.kind}: metadata say that a spike takes the threshold off, so that it is not zero")
        if reset == "subtract" and neurons.current_decay is not None:
            node.unsupported(f"{node.kind}: only neurons without a current of their own can lose the threshold here")
    graph.problems.raise_if_any(graph.subject)


def _plan(layer: FloatLayer, shapes: Mapping[str, Shape], choices: Choices) -> _Plan | None:
    read = [in_thresholds(layer, one, shapes[one.source]) for one in layer.connections]
    connections = tuple(one for one in read if one is not None)
    if len(connections) < len(read):
        return None
    reach = choices.reach[layer.name]
    subtracts = choices.reset == "subtract"
    reached = reach.endless if subtracts else reach.voltage + reach.current
    heaviest = max(one.largest for one in connections)
    largest = largest_scale(heaviest, max(reached, reach.current))
    if layer.neurons.threshold is None:
        return _Plan(layer, connections, power_of_two(largest), None, None)
    chosen = subtraction(largest, LARGEST_WEIGHT) if subtracts else None
    scale = int(largest) if chosen is None else chosen.scale
    threshold = round(scale * choices.factors.get(layer.name, 1.0))
    if not threshold or (subtracts and chosen is None):
        reason = f"weights are up to {heaviest:.3g} and states up to {reached:.3g} thresholds, too many for 24 bits"
        layer.node.unsupported(f"{layer.node.kind}: {reason}")
        return None
    return _Plan(layer, connections, scale, threshold, chosen)


def _neurons(plan: _Plan) -> Neuron | None:
    arriving = np.sum([one.bias for one in plan.connections], axis=0)
    bias = biases(plan.layer, arriving, plan.scale)
    if bias is None:
        return None
    if plan.subtraction is None:
        return cuba_neurons(plan.layer, plan.shape, bias, plan.threshold)
    return subtracting_neurons(plan.layer, plan.shape, bias, plan.subtraction)


def _started(layers: Sequence[Layer], plans: Sequence[_Plan], graph: FloatGraph) -> tuple[Layer, ...]:
    """The layers, and before them one neuron that brings the offsets of those whose spikes subtract."""
    if all(plan.subtraction is None for plan in plans):
        return tuple(layers)
    name = "start"
    while name in graph.shapes:
        name += "_"
    # It spikes in the first step, and then never: its threshold is reached only without what a spike takes off.
    once = AdaptiveLif(1, 0, 4096, 4096, 0, 0, bias_mant=1)
    # A layer needs a synapse; from the input it would count as a way of its own, and make the network deeper.
    silent = DenseSynapse(name, [[0]])
    started = [_pushed(layer, plan, name) for layer, plan in zip(layers, plans)]
    return (Layer(name, (1,), once, (silent,)), *started)


def _pushed(layer: Layer, plan: _Plan, name: str) -> Layer:
    chosen = plan.subtraction
    if chosen is None:
        return layer
    push = first_push(chosen.offset, int(decay(plan.layer.neurons.voltage_decay).flat[0]))
    weight = 2 * round(push / (2 << chosen.exponent))
    synapse = DenseSynapse(name, np.full((layer.size, 1), -weight), weight_exp=chosen.exponent)
    return replace(layer, synapses=(*layer.synapses, synapse))


def _became(plan: _Plan) -> QuantisedLayer:
    errors = np.concatenate([one.errors(plan.scale).reshape(-1) for one in plan.connections])
    return QuantisedLayer(plan.layer.name, plan.layer.node.kind, plan.scale, plan.threshold, errors)
