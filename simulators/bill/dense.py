"""Amounts of the same network as a dense, non-spiking one: the baseline that a spiking network must beat."""

from collections.abc import Iterator, Mapping
from math import prod

from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.one_step import steps_of_an_image
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.simulators.bill.kinds import Amount
from lapilli.simulators.bill.widths import OWN_WIDTHS, Widths

RULES = (
    "dense baseline: the same layers and weights, every connection computed in every pass, zeros too, by one "
    "multiplication and accumulation",
    "dense baseline: weights as wide as the spiking network's; activations of ceil(log2(T + 1)) bits, at most 8, as "
    "many as tell the spike counts of T steps apart (Yan et al., arXiv 2409.08290)",
    "dense baseline: each operation reads a weight and an activation; sums stay in a register; each neuron adds a "
    "bias, rectifies, rescales and writes its activation once in a pass; no weight is read once for several positions "
    "of a convolution, neither here nor in the spiking network",
    "dense baseline: copies of a cell, which hand their states over, are one cell there; its gates are counted as one "
    "neuron a unit, so that the baseline is too small rather than too large",
    "dense baseline: a network that sees the windows of a map one after the other passes each of them through its "
    "layers of windows",
    "one pass: a static sample is shown once; one pass a step: the input changes from step to step, so the non-spiking "
    "network, recurrent where the spiking one is, runs once for each step of the input, steps after its end not",
)
"""What the amounts assume."""


def dense_amounts(network: Network, passes: int, n_steps: int, widths: Widths = OWN_WIDTHS) -> list[Amount]:
    """What the dense network does.

    Arguments:
        network: the spiking network.
        passes: forward passes over all samples.
        n_steps: steps of the spiking network, which set the width of the activations.
        widths: that replace the network's own.
    """
    bits, times = widths.of_activation(n_steps), steps_of_an_image(network)
    again = {layer.name for layer in network.layers if _repeats(layer)}
    layers = [layer for layer in network.layers if layer.name not in again]
    written = Amount(INPUT, "event_access", network.n_inputs * passes, "", bits, network.n_inputs * bits, False)
    return [
        written,
        *(amount for layer in layers for amount in _layer_amounts(network, layer, again, times, passes, bits, widths)),
    ]


def is_recurrent(network: Network) -> bool:
    """Whether a layer feeds itself, so that one pass cannot stand for a sample."""
    return any(synapse.source == layer.name for layer in network.layers for synapse in layer.synapses)


def _repeats(layer: Layer) -> bool:
    """Whether a layer takes over from another: a copy of a cell that a dense network has once."""
    takes_over = any(not synapse.reads_events and synapse.source != layer.name for synapse in layer.synapses)
    return takes_over and not layer.neuron.windows


def _layer_amounts(
    network: Network,
    layer: Layer,
    again: set[str],
    times: Mapping[str, int],
    passes: int,
    bits: int,
    widths: Widths,
) -> Iterator[Amount]:
    for synapse in layer.synapses:
        if synapse.source in again or not synapse.reads_events:
            continue
        shape, fed = network.shapes[synapse.source], layer.fed_shape(synapse)
        operations = int(synapse.connections(shape, fed).sum()) * passes * times[synapse.source]
        source_memory = len(synapse.connections(shape, fed)) * bits
        if synapse.weighted:
            width = widths.of_weight(synapse)
            memory = synapse.n_stored_weights(prod(fed)) * width
            yield Amount(layer.name, "multiply_accumulate", operations, synapse.kind, of_events=False)
            yield Amount(layer.name, "weight_access", operations, synapse.kind, width, memory, False)
        yield Amount(layer.name, "event_access", operations, synapse.kind, bits, source_memory, False)
    neurons, state = layer.size * passes * times[layer.name], widths.of_state
    yield Amount(layer.name, "neuron_update", neurons, of_events=False)
    yield Amount(layer.name, "state_multiply", neurons, of_events=False)
    yield Amount(layer.name, "state_add", 2 * neurons, of_events=False)
    yield Amount(layer.name, "state_access", neurons, "", state, layer.size * state, False)
    yield Amount(layer.name, "event_access", neurons, "", bits, layer.size * bits, False)
