"""A `Network` as a graph of Lava Processes: what the tables of neuron and synapse kinds build, connected."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.proc.sparse.process import Sparse
from lava.utils.weightutils import SignMode
from scipy.sparse import csr_matrix

from lapilli.lava_models.neurons.kinds import LAVA_NEURONS, LayerReset, handed_port, input_port, neuron_process
from lapilli.lava_models.synapses.kinds import LAVA_SYNAPSES
from lapilli.lava_models.synapses.wire import Wire
from lapilli.netx_exports.clock import EVERY_STEP
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.synapses.synapse import INPUT

# Any positive number makes Lava multiply by the payload; it does not enforce the width.
GRADED_BITS = 24


@dataclass(frozen=True)
class BuiltLayer:
    """The Processes of a layer.

    Arguments:
        layer: what they compute.
        neuron: of its neurons.
        synapses: of its synapses, in their order; None where there is none.
    """

    layer: Layer
    neuron: AbstractProcess
    synapses: tuple[AbstractProcess | None, ...]

    def counters(self) -> Iterator[tuple[str, Var]]:
        """(counter, Var that counts it) of the layer's kinds; a name may come several times."""
        for name, var in LAVA_NEURONS[self.layer.neuron.model].counters.items():
            yield name, getattr(self.neuron, var)
        for synapse, process in zip(self.layer.synapses, self.synapses):
            for name, var in LAVA_SYNAPSES[synapse.kind].counters.items():
                yield name, getattr(process, var)


def build(network: Network, source: OutPort, resets: Mapping[str, LayerReset]) -> dict[str, BuiltLayer]:
    """Build and connect the graph.

    All neurons are flat in C order; only Conv sees (W, H, C).

    Arguments:
        network: without `lava_refusals`.
        source: port that sends the input, (inputs,).
        resets: periodic resets by layer name; layers not named never reset.

    Returns:
        The Processes of each layer, by name.
    """
    senders = {INPUT: source}
    clocks = {layer.name: layer.clock for layer in network.layers}
    neurons: dict[str, AbstractProcess] = {}
    built = {}
    for layer in network.layers:
        neuron = neuron_process(layer, resets.get(layer.name))
        senders[layer.name], neurons[layer.name] = neuron.s_out, neuron
        processes = []
        for synapse in layer.synapses:
            message_bits = GRADED_BITS if synapse.source in network.graded_sources else 0
            entry = input_port(neuron, layer, layer.port_of(synapse))
            sender = senders[synapse.source] if synapse.reads_events else _handing(synapse, neurons)
            n_sums, clock = prod(layer.fed_shape(synapse)), clocks.get(synapse.source, EVERY_STEP)
            wire = Wire(sender, network.shapes[synapse.source], layer, entry, message_bits, n_sums, clock)
            processes.append(LAVA_SYNAPSES[synapse.kind].connect(synapse, wire))
        if {synapse.source for synapse in layer.synapses} == {layer.name}:
            _tie(source, network.n_inputs, layer, neuron)
        built[layer.name] = BuiltLayer(layer, neuron, tuple(processes))
    return built


def _handing(synapse: Any, neurons: Mapping[str, AbstractProcess]) -> OutPort:
    """Port by which the source of a hand-over hands over."""
    return handed_port(neurons[synapse.source], synapse.carried)


def _tie(source: OutPort, n_inputs: int, layer: Layer, neuron: AbstractProcess) -> None:
    """Connect a layer that only feeds itself to the source, without weights: Lava runs only what is connected."""
    n_sums = layer.size * layer.neuron.sums_of(layer.neuron.ports[0])
    process = Sparse(weights=csr_matrix((n_sums, n_inputs), dtype=np.int32), sign_mode=SignMode.MIXED)
    source.connect(process.s_in)
    process.a_out.connect(input_port(neuron, layer, layer.neuron.ports[0]))
