"""Lowering a network to a program."""

from itertools import chain

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import UnsupportedError
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.simulators.fast.aligned import aligned_zeros
from lapilli.simulators.fast.draft import Draft, Order, Pool
from lapilli.simulators.fast.kernels.sums import SHIFT_LEFT
from lapilli.simulators.fast.neurons.kinds import FAST_NEURONS
from lapilli.simulators.fast.program import Int32, Lowered, Program
from lapilli.simulators.fast.records import Accumulator, LayerRecord, Operation, Source, table
from lapilli.simulators.fast.refusals import fast_refusals
from lapilli.simulators.fast.synapses.kinds import ACCUMULATIONS, FAST_SYNAPSES

_MODELS = {model: number for number, model in enumerate(FAST_NEURONS)}


def lower(network: Network) -> Lowered:
    """Lower a network. Memory is a small multiple of its weights; a convolution is not unrolled.

    Raises:
        UnsupportedError: when the kernels know no such neurons or synapses.
    """
    if refusals := fast_refusals(network):
        raise UnsupportedError("backend fast", refusals)
    orders = {INPUT: np.arange(network.n_inputs)} | {layer.name: _order(layer) for layer in network.layers}
    draft = Draft(network, orders)
    for layer in network.layers:
        for synapse in layer.synapses:
            op = draft.operation(layer, synapse)
            chosen = FAST_SYNAPSES[synapse.kind].lower(draft, layer, synapse, op)
            op.kind = next(number for number, known in enumerate(ACCUMULATIONS) if known is chosen)
    return Lowered(_program(draft), tuple(orders[layer.name] for layer in network.layers))


def _order(layer: Layer) -> Order:
    """C-order index of each neuron in the program's order."""
    natural = np.arange(layer.size)
    if any(synapse.spatial for synapse in layer.synapses):
        return np.moveaxis(natural.reshape(layer.shape), 0, -1).reshape(-1)
    return natural


def _program(draft: Draft) -> Program:
    """The arrays of a network whose synapses are all in the draft."""
    layers = draft.network.layers
    n_states = max(2, *(len(layer.neuron.states) for layer in layers))
    longest = max([op.lag + op.spread - 2 for op in draft.ops] + [axons.longest for axons in draft.axons])
    slots = 1 << (max(0, longest) + 1).bit_length()
    readers = [[number for number, op in enumerate(draft.ops) if op.source == s] for s in range(len(draft.orders))]
    # Operations behind axons read these from here on.
    sources = _sources(draft, slots, [len(of_source) for of_source in readers])
    shared = Pool(np.int64)
    records = [_layer(draft, number, layer, shared) for number, layer in enumerate(layers)]
    placed = _placed(draft, table(LayerRecord, records))
    return Program(
        n_states=n_states,
        slots=slots,
        sources=table(Source, sources),
        layers=placed,
        ops=table(Operation, draft.ops),
        sums=table(Accumulator, draft.sums),
        neuron_parameters=_neuron_parameters(draft),
        layer_parameters=shared.join(),
        rest=np.array([_rest(layer, n_states) for layer in layers], np.int32),
        weights8=draft.weights8.join(),
        weights16=draft.weights16.join(),
        tables=draft.tables.join(),
        fan_out=draft.fan_out.join(),
        readers=np.array(list(chain.from_iterable(readers)), np.int64),
        n_sums=draft.memory.sums,
        n_lines=draft.memory.lines,
        n_rings=draft.memory.rings,
        n_spares=draft.memory.spares,
        n_counted=sum(len(part.counters) for layer in layers for part in (layer.neuron, *layer.synapses)),
    )


def _sources(draft: Draft, slots: int, n_readers: list[int]) -> list[Source]:
    """Rows of the input, of the layers and of their axons; lets the operations behind axons read these."""
    graded = draft.network.graded_sources
    sources = [Source(len(order), graded=int(name in graded)) for name, order in draft.orders.items()]
    for source, readers, first in zip(sources, n_readers, _begins(n_readers)):
        source.n_readers, source.first_reader = readers, first
    axons = sorted(draft.axons, key=lambda found: found.op.source)
    n_axons = [sum(found.op.source == number for found in axons) for number in range(len(sources))]
    for source, count, first in zip(sources, n_axons, _begins(n_axons)):
        source.n_axons, source.first_axons = count, len(draft.orders) + first
    for found in axons:
        sources.append(Source(sources[found.op.source].n, delay_at=found.delay_at))
        found.op.source = len(sources) - 1
    for source, at in zip(sources, _begins([source.n * slots for source in sources])):
        source.at = at
    return sources


def _layer(draft: Draft, number: int, layer: Layer, shared: Pool) -> LayerRecord:
    """The row of a layer, without its places among the others."""
    kind = FAST_NEURONS[layer.neuron.model]
    row = LayerRecord(
        n=layer.size,
        padded=draft.padded[number],
        model=_MODELS[layer.neuron.model],
        parameters_at=shared.add(kind.shared(layer.neuron)),
        ports_at=draft.ports_at[number],
        port_entries=sum(map(layer.neuron.sums_of, layer.neuron.ports)) * draft.padded[number],
        period=layer.clock.period,
        phase=layer.clock.phase,
        n_states=len(layer.neuron.states),
    )
    sums = [found for found in draft.sums if found.layer == number]
    handed = any(op.carries for op in draft.ops if op.layer == number)
    row.fed_late = int(handed or any(found.line_at >= 0 or found.ring_at >= 0 for found in sums))
    if kind.shifts and len(sums) == 1 and sums[0] == _shifted_only(sums[0]):
        row.late_shift = sums[0].shift
    return row


def _shifted_only(found: Accumulator) -> Accumulator:
    """An accumulator at the same place that does nothing but shift left."""
    return Accumulator(found.layer, found.port, SHIFT_LEFT, found.shift, found.padded, found.port_at, found.at)


def _placed(draft: Draft, layers: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """Layers, operations and accumulators one after the other: the rows with where each layer's begin."""
    layers["at"] = _begins(layers["padded"])
    layers["counted_at"] = _counters_of_layers(draft)
    for rows, count, first in ((draft.ops, "n_ops", "first_op"), (draft.sums, "n_sums", "first_sum")):
        layers[count] = np.bincount([row.layer for row in rows], minlength=len(layers))
        layers[first] = _begins(layers[count])
    return layers


def _counters_of_layers(draft: Draft) -> list[int]:
    """Where the counters of each layer's neurons begin; lets operations know where theirs do, behind those."""
    ops, parts = iter(draft.ops), [part for layer in draft.network.layers for part in (layer.neuron, *layer.synapses)]
    begins = iter(_begins([len(part.counters) for part in parts]))
    of_layers = []
    for layer in draft.network.layers:
        of_layers.append(next(begins))
        for _ in layer.synapses:
            next(ops).counted_at = next(begins)
    return of_layers


def _neuron_parameters(draft: Draft) -> Int32:
    """Parameters of each neuron, (parameters, padded neurons); 0 in the padding."""
    layers = draft.network.layers
    of_layers = [FAST_NEURONS[layer.neuron.model].per_neuron(layer.neuron, layer.shape) for layer in layers]
    found = aligned_zeros((max(1, *map(len, of_layers)), sum(draft.padded)), np.int32)
    for rows, at, layer in zip(of_layers, _begins(draft.padded), layers):
        for row, values in enumerate(rows):
            found[row, at : at + layer.size] = values[draft.orders[layer.name]]
    return found


def _rest(layer: Layer, n_states: int) -> list[int]:
    """The value at rest of each state of a layer's neurons."""
    values = [layer.neuron.rest.get(state, 0) for state in layer.neuron.states]
    return values + [0] * (n_states - len(values))


def _begins(sizes: npt.ArrayLike) -> list[int]:
    """Where each of several runs of these sizes begins when they lie end to end."""
    sizes = np.asarray(sizes, np.int64)
    return (np.cumsum(sizes) - sizes).tolist()
