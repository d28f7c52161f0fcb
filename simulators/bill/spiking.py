"""Amounts of a spiking network that ran: from its counts, by stated rules."""

from collections.abc import Iterator
from math import prod

from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.synapses.synapse import INPUT, Synapse
from lapilli.simulators.bill.kinds import Amount
from lapilli.simulators.bill.neuron_arithmetic import arithmetic
from lapilli.simulators.bill.widths import OWN_WIDTHS, Widths
from lapilli.simulators.counting import check_counts
from lapilli.simulators.results import Counts

RULES = (
    "an operation is an event that meets a weight that is not zero: an accumulation for a spike, also for one with a "
    "sign; a multiplication and an accumulation for an event with any other value",
    "an event reads every weight of its row or kernel within the borders, those that are zero too, and for each "
    "operation the sum of the target is read and written",
    "each neuron reads and clears its sum, and reads and writes its states, in every step, spike or none, in the steps "
    "after the end of the sample too",
    "an event is its neuron's number, and its value in the shortest two's complement; it is written once by its sender "
    "and read once by each synapse",
    "each layer has memories of its own for weights, sums, states and events, each as large as it must be; an access "
    "costs its share of a word's bits (neighbours are used together)",
    "the events of the input are written into memory; what made them (sensor, encoder) is not counted",
    "nothing is learned: weights are not written",
    "the memory of an attention is read and written where a key and a value meet; it is read where a query meets what "
    "is not zero; where it forgets, all of it is read and written in every step",
    "a state that is handed over is written by one neuron and read by another, in each step in which the first acts",
    "a window's potential that starts from a product of two entries of a table takes one product; each window of a map "
    "but the first",
)
"""What the amounts assume."""


def spiking_amounts(network: Network, counts: Counts, widths: Widths = OWN_WIDTHS) -> list[Amount]:
    """What the network did, over all samples.

    Raises:
        LapilliError: when the counts are not of this network, or not of any sample.
    """
    check_counts(network, counts)
    return [*_input_amounts(network, counts, widths), *_layer_amounts(network, counts, widths)]


def _input_amounts(network: Network, counts: Counts, widths: Widths) -> Iterator[Amount]:
    yield from _event_accesses(network, counts, INPUT, INPUT, int(counts.sent[:, 0].sum()))


def _layer_amounts(network: Network, counts: Counts, widths: Widths) -> Iterator[Amount]:
    operations = counts.synapse_ops.sum(axis=0)
    sent = dict(zip(network.shapes, counts.sent.sum(axis=0)))
    column = 0
    for number, layer in enumerate(network.layers):
        for synapse in layer.synapses:
            if synapse.reads_events:
                events = counts.neuron_events[list(network.shapes).index(synapse.source)]
                met = int(events @ synapse.connections(network.shapes[synapse.source], layer.fed_shape(synapse)))
                yield from _synapse_amounts(network, layer, synapse, int(operations[column]), met, widths)
                delivered = int(sent[synapse.source])
                yield Amount(layer.name, "event_delivered", delivered, synapse.kind)
                yield from _event_accesses(network, counts, synapse.source, layer.name, delivered)
            column += 1
        yield Amount(layer.name, "event_sent", int(sent[layer.name]))
        yield from _event_accesses(network, counts, layer.name, layer.name, int(sent[layer.name]))
        yield from _update_amounts(layer, int(counts.dendrite_updates[:, number].sum()), widths)
        for name, counter in counts.named.items():
            yield from _named_amounts(layer, name, int(counter[:, number].sum()), widths)


def _synapse_amounts(
    network: Network, layer: Layer, synapse: Synapse, operations: int, met: int, widths: Widths
) -> Iterator[Amount]:
    graded = synapse.source in network.multiplied_sources
    yield Amount(layer.name, "multiply_accumulate" if graded else "accumulate", operations, synapse.kind)
    if stored := synapse.n_stored_weights(prod(layer.fed_shape(synapse))):
        bits = widths.of_weight(synapse)
        yield Amount(layer.name, "weight_access", met, synapse.kind, bits, stored * bits)
    yield Amount(layer.name, "sum_access", 2 * operations, synapse.kind, widths.of_state, _sum_memory(layer, widths))


def _sum_memory(layer: Layer, widths: Widths) -> int:
    """Bits of the sums of the next step and of the steps that delays reach."""
    slots = 1 + max(synapse.delay_range[1] for synapse in layer.synapses)
    return _sums(layer) * layer.size * slots * widths.of_state


def _sums(layer: Layer) -> int:
    """Sums of a neuron that synapses with weights feed: one, or several where a port takes several."""
    fed = {layer.port_of(synapse) for synapse in layer.synapses if synapse.reads_events}
    return max(1, sum(layer.neuron.port_sums.get(port, 0) for port in fed))


def _update_amounts(layer: Layer, updates: int, widths: Widths) -> Iterator[Amount]:
    each = arithmetic(layer)
    for kind, number in (
        ("neuron_update", 1),
        ("state_multiply", each.multiplications),
        ("state_add", each.additions),
    ):
        yield Amount(layer.name, kind, number * updates, of_events=False)
    bits = widths.of_state
    memory = layer.size * (each.accesses - each.accesses // 2) * bits
    yield Amount(layer.name, "state_access", each.accesses * updates, "", bits, memory, of_events=False)
    yield Amount(
        layer.name, "sum_access", 2 * _sums(layer) * updates, "", bits, _sum_memory(layer, widths), of_events=False
    )


def _named_amounts(layer: Layer, name: str, number: int, widths: Widths) -> Iterator[Amount]:
    """What a kind counts by itself, and the states that it reads and writes then."""
    yield Amount(layer.name, name, number)
    of_parts = (layer.neuron.counter_accesses, *(synapse.counter_accesses for synapse in layer.synapses))
    if accesses := max(of_part.get(name, 0) for of_part in of_parts):
        bits, states = widths.of_state, layer.neuron.kept_states
        yield Amount(layer.name, "state_access", accesses * number, "", bits, layer.size * states * bits)


def _event_accesses(network: Network, counts: Counts, source: str, layer: str, events: int) -> Iterator[Amount]:
    """Addresses and values of events of `source`, written or read by `layer`."""
    address = Widths.of_address(network, source)
    place = list(network.shapes).index(source)
    memory = len(counts.neuron_events[place]) * address
    yield Amount(layer, "event_access", events, "", address, memory)
    if values := int(counts.payload_bits[:, place].sum()):
        yield Amount(layer, "event_access", values, "", 1, memory)
