"""Counts against brute force: every pair of an event and a non-zero connection, enumerated one by one."""

from math import prod

import numpy as np
from hypothesis import given, settings
from random_networks import Case, cases

from netx_exports import INPUT, ConvSynapse, DenseSynapse, IdentitySynapse
from netx_exports.network import Network
from netx_exports.neurons import NEURONS
from netx_exports.synapses import Shape, Synapse
from simulators import run
from simulators.counting import fan_out, n_readers


def connections_one_by_one(synapse: Synapse, source_shape: Shape, shape: Shape) -> np.ndarray:
    """Non-zero connections of each source neuron, found by walking over every connection there is."""
    found = np.zeros(prod(source_shape), int)
    if isinstance(synapse, DenseSynapse):
        for target in range(prod(shape)):
            for source in range(prod(source_shape)):
                found[source] += synapse.effective_weights[target, source] != 0
    elif isinstance(synapse, ConvSynapse):
        weights = synapse.effective_weights
        per_group_in, per_group_out = weights.shape[1], weights.shape[0] // synapse.groups
        for channel, y, x in np.ndindex(shape):
            for within, ky, kx in np.ndindex(weights.shape[1:]):
                source_channel = channel // per_group_out * per_group_in + within
                row = y * synapse.stride[0] - synapse.padding[0] + ky * synapse.dilation[0]
                column = x * synapse.stride[1] - synapse.padding[1] + kx * synapse.dilation[1]
                if 0 <= row < source_shape[1] and 0 <= column < source_shape[2] and weights[channel, within, ky, kx]:
                    found[np.ravel_multi_index((source_channel, row, column), source_shape)] += 1
    elif isinstance(synapse, IdentitySynapse):
        found[:] = synapse.weight != 0
    else:
        found[:] = 1
    return found


def connections(network: Network) -> list[list[np.ndarray]]:
    return [
        [connections_one_by_one(synapse, network.shapes[synapse.source], layer.shape) for synapse in layer.synapses]
        for layer in network.layers
    ]


@settings(max_examples=150)
@given(case=cases(max_layers=3, max_samples=2, conv_delays=True, models=tuple(NEURONS)))
def test_counts_equal_enumeration_on_random_networks(case: Case) -> None:
    network = case.network
    result = run(network, case.events, "reference", n_steps=case.n_steps, record=["spikes"], reset=case.reset)
    spikes = {INPUT: case.events.with_steps(case.n_steps)}
    spikes |= {name: recording.spikes for name, recording in result.recordings.items()}
    met = connections(network)
    for sample in range(len(case.events)):
        sent = {name: events.select([sample]).neuron for name, events in spikes.items()}
        for number, layer in enumerate(network.layers):
            operations = received = 0
            for synapse, of_source in zip(layer.synapses, met[number]):
                for neuron in sent[synapse.source]:
                    operations += of_source[neuron]
                    received += 1
            assert result.counts.syn_ops[sample, number] == operations
            assert result.counts.spikes_in[sample, number] == received
            assert result.counts.axon_out[sample, number] == len(sent[layer.name]) * n_readers(network, layer.name)
            assert result.counts.dendrite_updates[sample, number] == layer.size * case.n_steps


def test_fan_out_counts_what_the_chip_stores_as_zero_as_zero() -> None:
    weights = np.array([[1, 2, 0], [3, -1, 0]])
    dropped = DenseSynapse(
        "input", weights, weight_bits=8
    )  # the lowest bit goes: 1 and 3 become 0 and 2, -1 becomes -2
    assert fan_out(dropped, (3,), (2,)).tolist() == [1, 2, 0]
    kept = DenseSynapse("input", weights, weight_bits=9)
    assert fan_out(kept, (3,), (2,)).tolist() == [2, 2, 0]
