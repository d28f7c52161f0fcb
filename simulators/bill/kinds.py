"""Kinds of events that cost energy: the vocabulary that amounts and cost tables share."""

from typing import NamedTuple

from lapilli.netx_exports.neurons.kinds import NEURONS
from lapilli.netx_exports.synapses.kinds import SYNAPSES

OPERATIONS = {
    "accumulate": "a weight added to a sum: a spike meets a weight that is not zero",
    "multiply_accumulate": "a weight times a value added to a sum: a graded event, or an activation of a dense network",
    "event_sent": "an event that a neuron sends, once however many read it",
    "event_delivered": "an event that arrives at a synapse of a layer, once for each synapse that reads its source",
    "neuron_update": "one neuron in one step, as a whole",
    "state_add": "an addition or comparison in a neuron's step",
    "state_multiply": "a multiplication in a neuron's step",
}
"""What is done; a table prices one of it."""

ACCESSES = {
    "weight_access": "a weight read",
    "sum_access": "the sum of a neuron's input read or written",
    "state_access": "a state or bias of a neuron read or written",
    "event_access": "an event, or an activation of a dense network, read or written",
}
"""Accesses to memory; a table prices a word by the size of the memory that holds it."""

COUNTERS: dict[str, str] = {
    name: meaning for part in (*NEURONS.values(), *SYNAPSES.values()) for name, meaning in part.counters.items()
}
"""What lapilli's own neuron and synapse kinds count beside these (`Counts.named`); a table prices one of it."""

KINDS = OPERATIONS | COUNTERS | ACCESSES
"""All kinds, and what one of each is."""


def priced_kinds() -> set[str]:
    """What a table may price: operations, and what any known neuron or synapse kind counts."""
    return {*OPERATIONS, *(name for part in (*NEURONS.values(), *SYNAPSES.values()) for name in part.counters)}


class Amount(NamedTuple):
    """How often something happened in one layer.

    Arguments:
        layer: name of the layer.
        kind: one of `KINDS`, or of the counters of a kind from outside.
        number: how often, over all samples.
        synapse: kind of the synapse it happened at; "" where it happened at neurons.
        bits: width of what is accessed; 0 for operations.
        memory_bits: size of the memory accessed; 0 for operations.
        of_events: whether it happens because of events, and not in every step anyway.
    """

    layer: str
    kind: str
    number: int
    synapse: str = ""
    bits: int = 0
    memory_bits: int = 0
    of_events: bool = True
