"""Spiking LSTM in networks and files: what is wrong is named, what is saved comes back, what cannot hold it refuses."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from random_lstm import random_lstm

from lapilli.netx_exports import (
    INPUT,
    Clock,
    ConvSynapse,
    CubaLif,
    DenseSynapse,
    FormatError,
    HandOverSynapse,
    LapilliError,
    Layer,
    Network,
    NetworkError,
    SpikingLstm,
    UnsupportedError,
    inspect,
    load,
    save,
    to_nir,
)
from lapilli.netx_exports.chip.problems import chip_problems
from lapilli.netx_exports.netx.stock import stock_problems
from lapilli.netx_exports.schedules import Front, LstmCell, LstmReadout, pipelined
from lapilli.simulators import run
from lapilli.simulators.bench.spiking_lstm_network import spectrograms, spiking_lstm_network
from lapilli.simulators.bill import bill_of, load_table
from lapilli.simulators.bill.dense import dense_amounts
from lapilli.simulators.bill.spiking import spiking_amounts

UNITS = 3


def neuron(**changes: Any) -> SpikingLstm:
    parameters: dict[str, Any] = {"thresholds": [256] * 4, "clamp": 256}
    return SpikingLstm(**(parameters | changes))


def two_copies(**changes: Any) -> Network:
    """A pipeline with something else in its second copy."""
    cell = LstmCell("cell", neuron(), DenseSynapse(INPUT, np.ones((12, 2))), DenseSynapse(INPUT, np.ones((12, 3))))
    readout = LstmReadout(CubaLif(9, 4096, 4096), DenseSynapse(INPUT, np.ones((2, 3))))
    network = pipelined(Front((2,)), [cell], readout, 2)
    first, second, last = network.layers
    return replace(network, layers=(first, replace(second, **changes), last))


WRONG_NEURONS: dict[str, dict[str, Any]] = {
    "thresholds: must be whole numbers in 1…131071, got 0": {"thresholds": [1, 1, 0, 1]},
    "thresholds: must be 4 integers": {"thresholds": [1, 1, 1]},
    "clamp: must be whole numbers in 1…131071": {"clamp": 0},
    "clamp: must be one integer": {"clamp": [1, 2, 3]},
    "decays: must be whole numbers in 0…4096": {"decays": [0, 0, 0, 4097]},
    "decays: must be 4 integers": {"decays": 0},
    "starts: must be 3 integers": {"starts": [1, 2, 3, 4]},
    "starts: must be whole numbers": {"starts": [0, 0, 1 << 17]},
    r"gate_bias: shape must be \(\) or \(12,\)": {"gate_bias": [1, 2, 3]},
}


@pytest.mark.parametrize("sentence", WRONG_NEURONS)
def test_wrong_parameters_are_named(sentence: str) -> None:
    with pytest.raises(NetworkError, match=f"layer 'cell.1': {sentence}"):
        two_copies(neuron=neuron(**WRONG_NEURONS[sentence]))


ONES = np.ones((12, 3))
WRONG_SYNAPSES = {
    "weights: shape must be (12, 3), got (3, 3)": DenseSynapse("cell.0", np.ones((3, 3)), port="input"),
    "port: neurons of model LSTM have the ports input, recurrent, membranes, got 'gate'": DenseSynapse(
        "cell.0", ONES, port="gate"
    ),
    "port: 'membranes' takes what neurons hand over, got a synapse of the kind dense": DenseSynapse(
        "cell.0", ONES, port="membranes"
    ),
    "carried: the source hands over nothing, got 'currents'": HandOverSynapse(INPUT, "currents", "input"),
    "carried: the source hands over currents, membranes, got 'cells'": HandOverSynapse("cell.0", "cells", "input"),
    "carried: the port 'membranes' takes membranes, got 'currents'": HandOverSynapse("cell.0", "currents", "membranes"),
    "shape: must be (1, 1, 1) for this convolution, got (12,)": ConvSynapse(INPUT, np.ones((1, 1, 1, 1))),
}


@pytest.mark.parametrize("sentence", WRONG_SYNAPSES)
def test_wrong_synapses_are_named(sentence: str) -> None:
    base = two_copies()
    shape = (1, 1, 1) if "convolution" in sentence else (2,)
    layers = [base.layers[0], replace(base.layers[1], synapses=(WRONG_SYNAPSES[sentence],)), base.layers[2]]
    if shape != (2,):
        layers[0] = replace(layers[0], synapses=(DenseSynapse(INPUT, np.ones((12, 1))), layers[0].synapses[1]))
    with pytest.raises(NetworkError) as error:
        Network(shape, tuple(layers))
    assert f"layer 'cell.1': synapse 0 from {WRONG_SYNAPSES[sentence].source!r}: {sentence}" in error.value.problems


def test_other_contradictions_are_named() -> None:
    twice = (HandOverSynapse("cell.0", "membranes", "membranes"), HandOverSynapse("cell.1", "membranes", "membranes"))
    with pytest.raises(NetworkError, match="port 'membranes': at most one synapse may feed it"):
        two_copies(synapses=twice)
    with pytest.raises(NetworkError, match=r"units are of a layer of shape \(N,\), got \(3, 1, 1\)"):
        two_copies(shape=(3, 1, 1))
    with pytest.raises(NetworkError, match="clock: period must be an integer in 1…65536, got 0"):
        two_copies(clock=Clock(0, 1))
    with pytest.raises(NetworkError, match="clock: phase must be an integer in 0…65536, got -1"):
        two_copies(clock=Clock(1, -1))
    wide = Layer("wide", (4,), CubaLif(1, 1, 1), (HandOverSynapse("cell.0", "currents", "input"),))
    with pytest.raises(NetworkError, match="port: 'input' takes 1 sums of a neuron, not 4"):
        Network((2,), (two_copies().layers[0], wide))
    other = replace(two_copies().layers[1], shape=(5,), synapses=(HandOverSynapse("cell.0", "currents", "input"),))
    with pytest.raises(NetworkError, match="source: must have as many neurons as the layer, got 3"):
        Network((2,), (two_copies().layers[0], other))


def test_networks_come_back_from_files(tmp_path: Path) -> None:
    for seed in range(12):
        network = random_lstm(seed).network
        save(network, tmp_path / "network.net")
        again = load(tmp_path / "network.net")
        assert again == network
        assert [layer.clock for layer in again.layers] == [layer.clock for layer in network.layers]
    assert two_copies(clock=Clock(1, 3)) != two_copies(clock=Clock(1, 4))


def test_copies_share_their_weights_in_files(tmp_path: Path) -> None:
    network = spiking_lstm_network(0)
    save(network, tmp_path / "network.net")
    with h5py.File(tmp_path / "network.net") as file:
        weights = {file[f"lapilli/layers/{copy}/synapses/1/weights"].id for copy in (0, 1)}
    assert len(weights) == 1
    found = inspect(tmp_path / "network.net")
    assert found.n_weights == 512 * 40 + 2 * 512 * 128 + 2 * 11 * 128
    assert found.n_weights_once == 512 * 40 + 512 * 128 + 11 * 128
    # The readout's synapse from copy 0 has a delay, 6 bits a weight.
    assert found.loihi2.synapse_bits - found.synapse_bits_once == 8 * (512 * 128 + 11 * 128)


HOSTILE: dict[str, tuple[str, Any]] = {
    "clock": ("layers/1/clock", [0, 1]),
    "must be a period of at least 1 and a phase": ("layers/1/clock", [1, 2, 3]),
    "must be whole numbers": ("layers/1/clock", [1, 1 << 40]),
    "carried": ("layers/1/synapses/0/carried", b"everything"),
    "source": ("layers/1/synapses/0/source", b"readout"),
    "thresholds": ("layers/0/neuron/thresholds", [1, 2, 3, 1 << 30]),
    "gate_bias": ("layers/0/neuron/gate_bias", np.zeros((2, 2), int)),
    "starts": ("layers/0/neuron/starts", np.zeros(0, int)),
    "clamp": ("layers/0/neuron/clamp", 0.5),
    "unknown here": ("layers/0/neuron/secret", 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(name: str, tmp_path: Path) -> None:
    save(two_copies(), tmp_path / "good.net")
    shutil.copy(tmp_path / "good.net", tmp_path / "bad.net")
    place, value = HOSTILE[name]
    with h5py.File(tmp_path / "bad.net", "r+") as file:
        path = f"lapilli/{place}"
        if path in file:
            del file[path]
        file[path] = value
    with pytest.raises(FormatError, match=name):
        load(tmp_path / "bad.net")


def test_plain_netx_nir_and_the_chip_refuse_by_name() -> None:
    network = two_copies()
    assert "layer 'cell.0': has neurons of model LSTM, which NetX does not know" in stock_problems(network)
    assert "layer 'cell.1': has a clock, which NetX does not know" in stock_problems(network)
    assert "layer 'cell.1': has a hand_over synapse, which NetX does not know" in stock_problems(network)
    with pytest.raises(UnsupportedError, match=r"'cell.1': clock: NIR's neurons act in every step"):
        to_nir(network)
    with pytest.raises(UnsupportedError, match=r"'cell.0': neuron: NIR has no model that is exactly LSTM"):
        to_nir(network)
    problems = chip_problems(network)
    assert "layer 'cell.0': neurons of model LSTM are not driven on the chip by this version" in problems
    assert "layer 'cell.1': clock: the chip's neurons act in every step" in problems
    clocked = Network((2,), (Layer("a", (2,), CubaLif(1, 1, 1), (DenseSynapse(INPUT, ONES[:2, :2]),), Clock(2, 0)),))
    assert stock_problems(clocked) == ("layer 'a': has a clock, which NetX does not know",)


def test_signed_events_are_accumulated_and_hand_overs_counted_apart() -> None:
    """Enumerated: events of copies times their weights, products of the graded input once, eight states a unit."""
    network, events = spiking_lstm_network(0), spectrograms(2, 0)
    n_steps = 98 + network.output.clock.phase
    counts = run(network, events, "fast", n_steps=n_steps, record=("spikes",)).counts
    amounts = spiking_amounts(network, counts)

    def total(kind: str, layer: str | None = None, synapse: str | None = None) -> int:
        return sum(
            one.number
            for one in amounts
            if one.kind == kind and layer in (None, one.layer) and synapse in (None, one.synapse)
        )

    inputs = events.neuron
    feed = network.layers[0].synapses[0].effective_weights
    assert total("multiply_accumulate") == int((feed != 0).sum(axis=0)[inputs].sum())
    sent = counts.sent.sum(axis=0)
    nonzero = network.layers[0].synapses[1].effective_weights != 0
    expected = sum(int(nonzero.sum(axis=0) @ counts.neuron_events[1 + copy]) for copy in (0, 1))
    assert total("accumulate", synapse="dense") - total("accumulate", "readout") == expected
    assert sent[1] > 0
    assert sent[2] > 0
    # Copy 0 acts from step 1 on, and hands over in each step that is run.
    assert total("handed_values") == 8 * 128 * (n_steps - 1) * len(events)
    assert total("event_delivered", synapse="hand_over") == 0
    assert total("neuron_update", "lstm.1") == 128 * (n_steps - 2) * len(events)
    assert counts.spikes_in[:, 1].tolist() == counts.sent[:, 2].tolist()
    assert counts.axon_out[:, 1].tolist() == (2 * counts.sent[:, 2]).tolist()


def test_the_baseline_has_each_cell_once() -> None:
    network = spiking_lstm_network(0)
    products = sum(one.number for one in dense_amounts(network, 98, 98) if one.kind == "multiply_accumulate")
    assert products == 98 * (512 * 40 + 512 * 128 + 11 * 128)


@pytest.mark.parametrize("name", ["horowitz-45nm-int8", "horowitz-45nm-fp32", "loihi1"])
def test_tables_bill_it_or_say_why_not(name: str) -> None:
    network, events = spiking_lstm_network(0), spectrograms(2, 0)
    counts = run(network, events, "fast", n_steps=98 + network.output.clock.phase).counts
    (bill,) = bill_of(network, counts, 98, [load_table(name)]).tables
    if name == "loihi1":
        assert bill.spiking is None
        assert "multiply_accumulate" in bill.not_billed["spiking"]
    else:
        assert bill.spiking is not None
        assert 0 < bill.baselines["dense, one pass a step"].ratio < 10


def test_learning_refuses_clocks() -> None:
    from lapilli.simulators.learning.parts import learning_part

    readout = CubaLif((1 << 18) - 1, 4096, 100)
    layer = Layer("a", (2,), readout, (DenseSynapse(INPUT, np.ones((2, 2))),), Clock(1, 2))
    with pytest.raises(LapilliError, match="layer 'a' has a clock"):
        learning_part(Network((2,), (layer,)), ["a"])


def test_what_is_handed_over_and_where_to_is_in_the_fingerprint() -> None:
    pairs = [("currents", "input"), ("currents", "recurrent"), ("membranes", "input"), ("membranes", "membranes")]
    found = {two_copies(synapses=(HandOverSynapse("cell.0", carried, port),)).fingerprint for carried, port in pairs}
    assert len(found) == len(pairs)
