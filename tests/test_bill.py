"""The bill against figures worked out one event at a time, and its refusals."""

from collections import Counter
from dataclasses import replace
from math import isclose, prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from random_networks import Case, cases
from test_counting import connections_one_by_one

from lapilli.netx_exports import (
    INPUT,
    ConvSynapse,
    CubaLif,
    DenseSynapse,
    IdentitySynapse,
    LapilliError,
    Layer,
    Network,
)
from lapilli.netx_exports.neurons.kinds import NEURONS, Sigma
from lapilli.simulators import Counts, Events, run
from lapilli.simulators.bill import (
    ASSUMPTIONS,
    NotBilledError,
    bill_of,
    bundled_tables,
    busiest_cores,
    estimate,
    load_table,
)
from lapilli.simulators.bill.bill import ONE_PASS, PASS_A_STEP, spike_rate
from lapilli.simulators.bill.cores import target_operations
from lapilli.simulators.bill.cost_table import CostTable
from lapilli.simulators.bill.dense import dense_amounts
from lapilli.simulators.bill.kinds import ACCESSES, KINDS, Amount
from lapilli.simulators.bill.literature import literature_estimate
from lapilli.simulators.bill.neuron_arithmetic import arithmetic
from lapilli.simulators.bill.spiking import spiking_amounts
from lapilli.simulators.bill.widths import Widths


@given(case=cases(max_layers=3, max_samples=1, models=tuple(NEURONS)))
def test_connections_are_those_of_a_walk_over_all_pairs(case: Case) -> None:
    network = case.network
    for layer in network.layers:
        for synapse in layer.synapses:
            source = network.shapes[synapse.source]
            full = synapse
            if isinstance(synapse, DenseSynapse):
                full = replace(
                    synapse, weights=np.ones(np.shape(synapse.weights), int), sign_mode="mixed", weight_bits=9
                )
            elif isinstance(synapse, ConvSynapse):
                full = replace(synapse, weights=np.ones(np.shape(synapse.weights), int))
            elif isinstance(synapse, IdentitySynapse):
                full = replace(synapse, weight=1)
            expected = connections_one_by_one(full, source, layer.fed_shape(synapse))
            assert synapse.connections(source, layer.fed_shape(synapse)).tolist() == expected.tolist()


def targets_one_by_one(network: Network, layer: Layer, events: dict[str, np.ndarray]) -> np.ndarray:
    """Operations at each neuron of a layer: a walk over all pairs of neurons."""
    found = np.zeros(layer.size, int)
    for synapse in layer.synapses:
        source = network.shapes[synapse.source]
        if isinstance(synapse, DenseSynapse):
            for target in range(prod(layer.fed_shape(synapse))):
                for neuron in range(prod(source)):
                    found[target % layer.size] += int(events[synapse.source][neuron]) * (
                        synapse.effective_weights[target, neuron] != 0
                    )
        elif isinstance(synapse, ConvSynapse):
            weights = synapse.effective_weights
            inside, outside = weights.shape[1], weights.shape[0] // synapse.groups
            for target, (channel, y, x) in enumerate(np.ndindex(layer.shape)):
                for within, ky, kx in np.ndindex(weights.shape[1:]):
                    row = y * synapse.stride[0] - synapse.padding[0] + ky * synapse.dilation[0]
                    column = x * synapse.stride[1] - synapse.padding[1] + kx * synapse.dilation[1]
                    if 0 <= row < source[1] and 0 <= column < source[2] and weights[channel, within, ky, kx]:
                        place = np.ravel_multi_index((channel // outside * inside + within, row, column), source)
                        found[target] += int(events[synapse.source][place])
        elif getattr(synapse, "weight", 1):
            found += events[synapse.source]
    return found


@given(case=cases(max_layers=3, max_samples=2, models=tuple(NEURONS)))
def test_operations_of_each_target_and_of_the_busiest_core(case: Case) -> None:
    network = case.network
    counts = run(network, case.events, n_steps=case.n_steps).counts
    events = dict(zip(network.shapes, counts.neuron_events))
    for number, (layer, busiest) in enumerate(zip(network.layers, busiest_cores(network, counts))):
        operations = target_operations(network, counts, layer)
        assert operations.tolist() == targets_one_by_one(network, layer, events).tolist()
        assert operations.sum() == counts.syn_ops[:, number].sum()
        # Layers as small as these fit into one core, which then does all the work.
        assert busiest.cores == 1
        assert busiest.syn_ops == operations.sum() / len(counts)
        assert busiest.dendrite_updates == layer.size * case.n_steps
        assert busiest.sent == counts.sent[:, number + 1].sum() / len(counts)


def test_the_busiest_of_several_cores() -> None:
    weights = np.zeros((8193, 2), int)
    weights[0], weights[8000:] = 1 << 1, 2
    layer = Layer("wide", (8193,), CubaLif(1, 0, 0), (DenseSynapse(INPUT, weights),))
    network = Network((2,), (layer,))
    counts = run(network, Events.from_dense(np.ones((1, 2, 3), int)), n_steps=3).counts
    (busiest,) = busiest_cores(network, counts)
    assert busiest.cores == 2  # 8,192 neurons on one core
    # Neurons 0…4096 and 4097…8192; of the second half, 193 have inputs, two each, in three steps.
    assert (busiest.syn_ops, busiest.dendrite_updates) == (193 * 2 * 3, 4097 * 3)


def amount(amounts: list[Amount], kind: str, layer: str) -> list[Amount]:
    return [found for found in amounts if (found.kind, found.layer) == (kind, layer)]


@given(case=cases(max_layers=3, max_samples=2, models=tuple(NEURONS)))
def test_amounts_follow_from_events_one_by_one(case: Case) -> None:
    network = case.network
    result = run(network, case.events, "reference", n_steps=case.n_steps, record=["spikes"])
    spikes = {INPUT: case.events.with_steps(case.n_steps)}
    spikes |= {name: recording.spikes for name, recording in result.recordings.items()}
    amounts = spiking_amounts(network, result.counts)
    updates = Counter({layer.name: layer.size * case.n_steps * len(case.events) for layer in network.layers})
    for layer in network.layers:
        met = operations = reads = delivered = 0
        for synapse in layer.synapses:
            of_source = synapse.connections(network.shapes[synapse.source], layer.fed_shape(synapse))
            nonzero = connections_one_by_one(synapse, network.shapes[synapse.source], layer.fed_shape(synapse))
            for neuron in spikes[synapse.source].neuron:
                met += int(of_source[neuron]) * (synapse.kind != "direct")
                operations += int(nonzero[neuron])
            delivered += spikes[synapse.source].n_events
            reads += spikes[synapse.source].n_events
        graded = [synapse.source in network.graded_sources for synapse in layer.synapses]
        by_kind = {kind: sum(found.number for found in amount(amounts, kind, layer.name)) for kind in KINDS}
        assert by_kind["accumulate"] + by_kind["multiply_accumulate"] == operations
        if not all(graded):
            assert by_kind["multiply_accumulate"] <= operations
        if not any(graded):
            assert by_kind["multiply_accumulate"] == 0
        assert by_kind["weight_access"] == met
        assert by_kind["event_delivered"] == delivered
        assert by_kind["event_sent"] == spikes[layer.name].n_events
        wide = sum(
            layer.neuron.port_sums.get(port, 0) for port in {layer.port_of(synapse) for synapse in layer.synapses}
        )
        assert by_kind["sum_access"] == 2 * operations + 2 * updates[layer.name] * max(1, wide)
        assert by_kind["neuron_update"] == updates[layer.name]
        each = arithmetic(layer)
        assert by_kind["state_add"] == each.additions * updates[layer.name]
        number, accesses = network.layers.index(layer), layer.neuron.counter_accesses
        counted = {name: int(result.counts.named[name][:, number].sum()) for name in accesses}
        touched = sum(accesses[name] * counted[name] for name in accesses)
        assert by_kind["state_access"] == each.accesses * updates[layer.name] + touched
        assert all(by_kind[name] == counted[name] for name in accesses)
        assert all(not found.of_events for found in amount(amounts, "neuron_update", layer.name))


def tiny() -> tuple[Network, Counts]:
    """Two inputs, three neurons and one; 4 steps of input and 2 more; in both samples input 0 spikes in step 0."""
    first = DenseSynapse(INPUT, [[2, 4], [0, 4], [2, 0]], weight_bits=8)
    hidden = Layer("hidden", (3,), CubaLif(1, 4096, 0), (first,))
    output = Layer("output", (1,), CubaLif(1, 4096, 0), (DenseSynapse("hidden", [[2, 0, 2]], weight_bits=4),))
    network = Network((2,), (hidden, output))
    dense = np.zeros((2, 2, 4), int)
    dense[:, 0, 0] = 1
    return network, run(network, Events.from_dense(dense), n_steps=6).counts


def test_a_bill_worked_out_by_hand() -> None:
    network, counts = tiny()
    table = load_table("horowitz-45nm-int8")
    spent = estimate(spiking_amounts(network, counts), 2, table)
    # The input spikes once, hidden neurons 0 and 2 then once each, the output once or not: read it from the counts.
    assert counts.sent[0].tolist()[:2] == [1, 2]
    word = 10e-12 / 64  # all memories are small
    updates = 3 * 6
    expected = {
        "accumulate": 2 * 0.03e-12,
        "state_multiply": 2 * updates * 3.1e-12,
        "state_add": 3 * updates * 0.1e-12,
        "weight_access": 3 * 8 * word,  # the zero too
        "sum_access": (2 * 2 + 2 * updates) * 24 * word,
        "state_access": 4 * updates * 24 * word,
        "event_access": (1 * 1 + 2 * 2) * word,  # one input event of 1 bit read, two own of 2 bits written
    }
    hidden = spent.joules["hidden"]
    assert hidden.keys() == expected.keys()
    assert all(isclose(hidden[kind], expected[kind]) for kind in expected), (hidden, expected)
    output = spent.joules["output"]
    assert isclose(output["weight_access"], 2 * 1 * 4 * word)  # bits that the synapse asks for
    assert isclose(spent.joules[INPUT]["event_access"], 1 * 1 * word)
    assert isclose(spent.total, sum(sum(kinds.values()) for kinds in spent.joules.values()))
    fixed = sum(
        of_layer[kind] for of_layer in (hidden, output) for kind in ("state_multiply", "state_add", "state_access")
    )
    assert isclose(spent.fixed, fixed + 2 * (updates + 6) * 24 * word)


def test_the_dense_baselines_worked_out_by_hand() -> None:
    network, counts = tiny()
    bill = bill_of(network, counts, 4, [load_table("horowitz-45nm-int8")])
    (of_table,) = bill.tables
    word = 10e-12 / 64
    bits = 3  # 0…6 spikes
    operations = 3 * 2 + 1 * 3
    once = (
        operations * (0.23e-12 + bits * word)
        + (6 * 8 + 3 * 4) * word
        + 4 * (3.1e-12 + 2 * 0.1e-12 + 24 * word + bits * word)
        + 2 * bits * word
    )
    assert isclose(of_table.baselines[ONE_PASS].estimate.total, once)
    assert isclose(of_table.baselines[PASS_A_STEP].estimate.total, 4 * once)
    for baseline in of_table.baselines.values():
        assert isclose(baseline.ratio, of_table.spiking.total / baseline.estimate.total)
    assert bill.ratios(PASS_A_STEP) == (of_table.baselines[PASS_A_STEP].ratio,) * 2
    assert bill.ratios("no such baseline") is None


def test_at_the_break_even_rate_both_cost_the_same() -> None:
    network, counts = tiny()
    table = load_table("horowitz-45nm-fp32")
    bill = bill_of(network, counts, 40, [table])
    baseline = bill.tables[0].baselines[PASS_A_STEP]
    factor = baseline.break_even / bill.spike_rate
    amounts = spiking_amounts(network, counts, Widths.from_table(table.bits))
    scaled = estimate([found for found in amounts if found.of_events], 2, table).total * factor
    fixed = estimate([found for found in amounts if not found.of_events], 2, table).total
    assert isclose(scaled + fixed, baseline.estimate.total)
    # One pass of so small a network costs less than the spiking network's updates alone.
    assert bill.tables[0].baselines[ONE_PASS].break_even is None


def test_the_spike_rate_is_the_mean_over_connections_and_steps() -> None:
    network, counts = tiny()
    sent = [of_source.tolist() for of_source in counts.neuron_events]
    assert sent[:2] == [[2, 0], [2, 0, 2]]
    assert isclose(spike_rate(network, counts), (2 * 3 + 4 * 1) / ((6 + 3) * 6 * 2))


def test_the_estimate_of_the_literature() -> None:
    network, counts = tiny()
    joules = literature_estimate(network, counts)
    assert isclose(joules["hidden"], 6 * 4.6e-12)
    assert isclose(joules["output"], 3 * 0.9e-12 * 2 / 3)  # two spikes of three neurons


def test_a_recurrent_network_has_no_baseline_of_one_pass() -> None:
    again = DenseSynapse("hidden", np.eye(3, dtype=int) * 2)
    network, _ = tiny()
    hidden = replace(network.layers[0], synapses=(*network.layers[0].synapses, again))
    network = replace(network, layers=(hidden, network.layers[1]))
    counts = run(network, Events.from_dense(np.ones((1, 2, 4), int))).counts
    (of_table,) = bill_of(network, counts, 4, [load_table("horowitz-45nm-fp32")]).tables
    assert set(of_table.baselines) == {PASS_A_STEP}
    assert "a pass for each step" in of_table.not_billed[ONE_PASS]
    passes = dense_amounts(network, 4, 5)
    assert sum(found.number for found in passes if found.kind == "multiply_accumulate") == 4 * (6 + 9 + 3)


def test_graded_events_are_multiplied_and_refused_where_a_chip_has_none() -> None:
    layer = Layer("sums", (2,), Sigma(), (DenseSynapse(INPUT, np.full((2, 2), 2)),))
    network = Network((2,), (layer,), graded_input=True)
    events = Events.from_dense(np.array([[[3, 0], [0, -9]]]))
    counts = run(network, events).counts
    kinds = Counter({found.kind: found.number for found in spiking_amounts(network, counts) if found.synapse})
    assert (kinds["multiply_accumulate"], kinds["accumulate"]) == (4, 0)
    bill = bill_of(network, counts, 2)
    by_name = {of_table.table.name: of_table for of_table in bill.tables}
    assert by_name["loihi1"].spiking is None
    assert "graded spikes" in by_name["loihi1"].not_billed["spiking"]
    assert by_name["horowitz-45nm-int8"].spiking is not None


def test_a_memory_larger_than_the_tables_largest_is_refused() -> None:
    table = load_table("horowitz-45nm-int8")
    fits, larger = (Amount("wide", "weight_access", 1, "dense", 8, 8 * size) for size in (1 << 20, (1 << 20) + 1))
    assert isclose(estimate([fits], 1, table).total, 100e-12 / 8)
    with pytest.raises(NotBilledError, match=r"layer 'wide': weight_access: a memory of 1,048,577 bytes is not in"):
        estimate([larger], 1, table)


@pytest.mark.parametrize(("size", "picojoules"), [(1, 10), (8192, 10), (8193, 20), (32768, 20), (32769, 100)])
def test_larger_memories_cost_more(size: int, picojoules: float) -> None:
    found = estimate([Amount("a", "weight_access", 1, "dense", 64, 8 * size)], 1, load_table("horowitz-45nm-int8"))
    assert isclose(found.total, picojoules * 1e-12)


def changed(counts: Counts, **fields: Any) -> Counts:
    return replace(counts, **fields)


def test_counts_that_cannot_be_billed_are_refused_by_name() -> None:
    network, counts = tiny()
    negative = counts.synapse_ops.copy()
    negative[0, 0] = -1
    nan = np.full(counts.sent.shape, np.nan)
    none = run(network, Events.from_dense(np.zeros((0, 2, 4), int))).counts
    for bad, words in (
        (changed(counts, synapse_ops=negative), "synapse_ops: must be whole numbers"),
        (changed(counts, sent=nan), "sent: must be whole numbers"),
        (changed(counts, payload_bits=counts.payload_bits[:, :1]), "payload_bits: shape must be"),
        (changed(counts, neuron_events=counts.neuron_events[:1]), "neuron_events"),
        (changed(counts, layers=("other", "output")), "of another network"),
        (none, "of no sample"),
    ):
        for use in (spiking_amounts, busiest_cores, literature_estimate, spike_rate):
            with pytest.raises(LapilliError, match=words):
                use(network, bad)
    with pytest.raises(LapilliError, match="input_steps"):
        bill_of(network, counts, 0)


def test_negative_or_unknown_amounts_are_refused() -> None:
    table = load_table("horowitz-45nm-int8")
    with pytest.raises(LapilliError, match="accumulate: must be at least 0, got -1"):
        estimate([Amount("a", "accumulate", -1, "dense")], 1, table)
    with pytest.raises(LapilliError, match="says nothing about 'teleport'"):
        estimate([Amount("a", "teleport", 1)], 1, table)


@pytest.mark.parametrize("name", bundled_tables())
def test_each_bundled_table_says_something_about_every_kind(name: str) -> None:
    table = load_table(name)
    assert isinstance(table, CostTable)
    assert table.name == name
    said = [*table.joules, *table.included, *table.leaves_out, *table.refuses]
    assert sorted([*said, *(ACCESSES if table.memory else ())]) == sorted(KINDS)
    assert len(table.source) > 20
    assert table.remarks


def test_tables_and_assumptions_are_there() -> None:
    assert {"horowitz-45nm-fp32", "horowitz-45nm-int8", "loihi1", "loihi1-sanafe"} <= set(bundled_tables())
    assert not any("loihi2" in name for name in bundled_tables())
    assert len(ASSUMPTIONS) == len(set(ASSUMPTIONS))


def test_a_table_without_products_bills_no_dense_network() -> None:
    network, counts = tiny()
    chip = load_table("odin")
    table = replace(chip, refuses={}, leaves_out={**chip.leaves_out, "multiply_accumulate": "not published"})
    (of_table,) = bill_of(network, counts, 4, [table]).tables
    assert of_table.spiking is not None
    assert not of_table.baselines
    assert "multiply_accumulate: left out: not published" in of_table.not_billed[PASS_A_STEP]


def test_without_any_event_there_is_no_break_even() -> None:
    network, _ = tiny()
    counts = run(network, Events.from_dense(np.zeros((1, 2, 4), int))).counts
    (of_table,) = bill_of(network, counts, 40, [load_table("horowitz-45nm-fp32")]).tables
    assert of_table.baselines[PASS_A_STEP].break_even is None
    assert of_table.spiking.total == of_table.spiking.fixed
