"""Counts against brute force: every pair of an event and a non-zero connection, enumerated one by one."""

from collections import Counter
from math import prod

import numpy as np
import pytest
from amounts import amount
from hypothesis import given, settings
from random_networks import Case, cases

from lapilli.netx_exports import INPUT, ConvSynapse, CubaLif, DenseSynapse, IdentitySynapse, LapilliError, Layer
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.neurons.kinds import NEURONS
from lapilli.netx_exports.synapses.kinds import Shape, Synapse
from lapilli.simulators import Counts, Events, run
from lapilli.simulators.counting import counts_from_spikes, join_counts, payload_bits, step_counts


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
        [
            connections_one_by_one(synapse, network.shapes[synapse.source], layer.fed_shape(synapse))
            for synapse in layer.synapses
        ]
        for layer in network.layers
    ]


def width(value: int) -> int:
    """Bits of the shortest two's complement, by trying."""
    return next(bits for bits in range(1, 34) if -(1 << (bits - 1)) <= value < 1 << (bits - 1))


def check_counts(case: Case, counts: Counts, spikes: dict[str, Events]) -> None:
    """Every counter against what a walk over all events finds."""
    network = case.network
    met = connections(network)
    readers = Counter(synapse.source for layer in network.layers for synapse in layer.synapses)
    for sample in range(len(case.events)):
        sent = {name: events.select([sample]) for name, events in spikes.items()}
        column = 0
        for number, layer in enumerate(network.layers):
            operations = received = 0
            for index, (synapse, of_source) in enumerate(zip(layer.synapses, met[number])):
                mine = sum(int(of_source[neuron]) for neuron in sent[synapse.source].neuron)
                assert counts.synapses[column] == (layer.name, index, synapse.source, synapse.kind)
                assert counts.synapse_ops[sample, column] == mine
                assert counts.synapse_events[sample, column] == sent[synapse.source].n_events
                operations, received, column = operations + mine, received + sent[synapse.source].n_events, column + 1
            assert counts.syn_ops[sample, number] == operations
            assert counts.spikes_in[sample, number] == received
            assert counts.axon_out[sample, number] == sent[layer.name].n_events * max(1, readers[layer.name])
            assert counts.dendrite_updates[sample, number] == layer.size * case.n_steps
        for number, (name, events) in enumerate(sent.items()):
            assert counts.sent[sample, number] == events.n_events
            values = [1] * events.n_events if events.value is None else events.value.tolist()
            bits = sum(map(width, values)) if name in network.graded_sources else 0
            assert counts.payload_bits[sample, number] == bits
    for number, events in enumerate(spikes.values()):
        of_neurons = Counter(events.neuron.tolist())
        assert counts.neuron_events[number].tolist() == [of_neurons[neuron] for neuron in range(events.n_neurons)]


@pytest.mark.slow
@settings(max_examples=amount(200, 500))
@given(case=cases(max_layers=3, max_samples=2, conv_delays=True, models=tuple(NEURONS)))
def test_counts_equal_enumeration_on_random_networks(case: Case) -> None:
    network, n_steps = case.network, case.n_steps
    result = run(network, case.events, "reference", n_steps=n_steps, record=["spikes"], reset=case.reset)
    spikes = {INPUT: case.events.with_steps(n_steps)}
    spikes |= {name: recording.spikes for name, recording in result.recordings.items()}
    check_counts(case, result.counts, spikes)
    fast = run(network, case.events, "fast", n_steps=n_steps, reset=case.reset)
    assert fast.counts == result.counts
    # Each step on its own: an event of step t counts in step t.
    steps = step_counts(network, spikes, n_steps)
    assert np.array_equal(steps.sent.sum(axis=-1), result.counts.sent)
    assert np.array_equal(steps.synapse_ops.sum(axis=-1), result.counts.synapse_ops)
    for step in range(n_steps):
        now = {name: in_step(events, step) for name, events in spikes.items()}
        of_step = counts_from_spikes(network, now, n_steps)
        assert np.array_equal(steps.sent[..., step], of_step.sent)
        assert np.array_equal(steps.synapse_ops[..., step], of_step.synapse_ops)


def in_step(events: Events, step: int) -> Events:
    """Only the events of one step."""
    dense = np.zeros((len(events), *events.shape, events.n_steps), np.int32)
    dense[..., step] = events.to_dense()[..., step]
    return Events.from_dense(dense)


@given(case=cases(max_layers=2, max_samples=3))
def test_joined_counts_are_those_of_all_samples(case: Case) -> None:
    whole = run(case.network, case.events, n_steps=case.n_steps).counts
    ones = [run(case.network, case.events.select([i]), n_steps=case.n_steps).counts for i in range(len(case.events))]
    assert join_counts(ones) == whole


def test_counts_of_no_run_or_of_two_networks_are_not_joined() -> None:
    one, two = (Network((2,), (Layer(name, (2,), CubaLif(1, 0, 0), (IdentitySynapse(INPUT, 1),)),)) for name in "ab")
    counts = [run(network, Events.from_dense(np.ones((1, 2, 3), int))).counts for network in (one, two)]
    for parts in ([], counts):
        with pytest.raises(LapilliError, match="all of the same network"):
            join_counts(parts)


@pytest.mark.parametrize("value", [0, 1, -1, 2, -2, 127, 128, -128, -129, (1 << 31) - 1, -(1 << 31)])
def test_payload_bits_are_the_shortest_twos_complement(value: int) -> None:
    assert payload_bits(np.array([value])).tolist() == [width(value)]


def test_fan_out_counts_what_the_chip_stores_as_zero_as_zero() -> None:
    weights = np.array([[1, 2, 0], [3, -1, 0]])
    dropped = DenseSynapse(
        "input", weights, weight_bits=8
    )  # the lowest bit goes: 1 and 3 become 0 and 2, -1 becomes -2
    assert dropped.fan_out((3,), (2,)).tolist() == [1, 2, 0]
    kept = DenseSynapse("input", weights, weight_bits=9)
    assert kept.fan_out((3,), (2,)).tolist() == [2, 2, 0]
