"""Pipelined and one copy after the other: the same states and events, and the promised numbers of steps."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from random_lstm import random_dense
from random_neurons import random_lstm_neuron

from lapilli.netx_exports import (
    INPUT,
    Clock,
    CubaLif,
    DenseSynapse,
    HandOverSynapse,
    Layer,
    Network,
    Readout,
    RotarySynapse,
    SpikingLstm,
    TapsSynapse,
    UnsupportedError,
)
from lapilli.netx_exports.inspection import inspect
from lapilli.netx_exports.neurons.kinds import NEVER_SPIKES
from lapilli.netx_exports.schedules import Front, LstmCell, LstmReadout, pipelined, schedule_of, sequential
from lapilli.simulators import Events, run
from lapilli.simulators.lava.client import installed

ELEMENTS = 7


def pipeline(seed: int, n_copies: int, n_cells: int, coded: bool) -> Network:
    """Layers in front of the cells act, with their delays, from the step on in which the first element can be there."""
    rng = np.random.default_rng(seed)
    layers: tuple[Layer, ...] = ()
    size = 5
    if coded:
        synapses = (random_dense(rng, INPUT, 4, 5), random_dense(rng, INPUT, 4, 5, delays=rng.integers(0, 3, (4, 5))))
        layers = (Layer("coded", (4,), CubaLif(30, 3000, 500, 7), synapses, Clock(1, 1)),)
        size = 4
    cells = []
    for number in range(n_cells):
        units = int(rng.integers(2, 6))
        weights = (random_dense(rng, INPUT, 4 * units, n) for n in (size, units))
        cells.append(LstmCell(f"cell{number}", random_lstm_neuron(rng, units), *weights))
        size = units
    outputs = LstmReadout(
        CubaLif(NEVER_SPIKES, 4096, 4096, rng.integers(-9, 9, 3)),
        random_dense(rng, INPUT, 3, size),
        Readout("voltage_sum"),
    )
    return pipelined(Front((5,), True, layers), cells, outputs, n_copies)


def elements(seed: int, n_samples: int = 2) -> Events:
    return Events.from_dense(np.random.default_rng(seed).integers(-30, 31, (n_samples, 5, ELEMENTS)))


def recorded(network: Network, events: Events, n_steps: int, backend: str) -> dict[str, dict[str, Any]]:
    """What each layer sent and held in the steps in which it acted, (samples, neurons, elements)."""
    record = {layer.name: ("spikes", *layer.neuron.states) for layer in network.layers}
    found = run(network, events, backend, n_steps=n_steps, record=record, time_limit_s=120)  # type: ignore[arg-type]
    acted = {}
    for layer in network.layers:
        steps = slice(layer.clock.phase, layer.clock.phase + ELEMENTS * layer.clock.period, layer.clock.period)
        recording = found.recordings[layer.name]
        assert recording.spikes is not None
        acted[layer.name] = {name: state[..., steps] for name, state in recording.states.items()}
        acted[layer.name]["spikes"] = recording.spikes.to_dense()[..., steps]
    return acted


def assert_same(first: dict[str, dict[str, Any]], second: dict[str, dict[str, Any]]) -> None:
    for name, states in first.items():
        for state, values in states.items():
            assert np.array_equal(values, second[name][state]), (name, state)


def both(network: Network, events: Events, backend: str) -> int:
    """Compares both schedules; returns how many events of the cells were compared."""
    schedule = schedule_of(network)
    assert schedule is not None
    slow, period = sequential(network), schedule.n_copies
    quick_steps = network.output.clock.phase + ELEMENTS
    slow_steps = network.output.clock.phase + (ELEMENTS - 1) * period + 1
    found = recorded(network, events, quick_steps, backend)
    assert_same(found, recorded(slow, events.spaced(period), slow_steps, backend))
    return sum(int(np.count_nonzero(found[layer.name]["spikes"])) for layer in network.layers if layer.neuron.handed)


@pytest.mark.parametrize("backend", ["reference", "fast"])
def test_both_schedules_give_the_same(backend: str) -> None:
    compared = 0
    for seed in range(24):
        network = pipeline(seed, 1 + seed % 5, 1 + seed % 2, coded=seed % 3 == 0)
        compared += both(network, elements(seed), backend)
    assert compared > 500


@pytest.mark.lava
@pytest.mark.skipif(not installed("lava.magma"), reason="lava-nc is not installed")
def test_both_schedules_give_the_same_in_lava() -> None:
    assert both(pipeline(2, 3, 1, coded=False), elements(2, 1), "lava") > 0
    network = pipeline(3, 2, 2, coded=True)
    events = elements(3, 1)
    assert_same(*(recorded(network, events, network.output.clock.phase + ELEMENTS, one) for one in ("lava", "fast")))


def spoken(n_copies: int, n_cells: int) -> Network:
    """A pipeline in which every element shows: thresholds, weights and memories of a trained network's size."""
    rng = np.random.default_rng(n_cells)
    neuron = SpikingLstm([100, 100, 100, 100], 200, starts=[50, 50, 50], gate_bias=np.repeat([150, 0, 0, 150], 12))
    cells = []
    for number, size in enumerate([5, 12, 12][:n_cells]):
        weights = (DenseSynapse(INPUT, rng.integers(-100, 101, (48, n))) for n in (size, 12))
        cells.append(LstmCell(f"cell{number}", neuron, *weights))
    outputs = LstmReadout(CubaLif(NEVER_SPIKES, 4096, 4096, 3), DenseSynapse(INPUT, rng.integers(-99, 99, (3, 12))))
    return pipelined(Front((5,), True), cells, outputs, n_copies)


@pytest.mark.parametrize("n_cells", [1, 2, 3])
@pytest.mark.parametrize("n_copies", [1, 2, 4])
def test_the_last_element_is_answered_after_as_many_cell_steps_as_promised(n_copies: int, n_cells: int) -> None:
    """An answer is seen where another last element changes it: one step behind the last cell step, and never before."""
    network = spoken(n_copies, n_cells)
    promised = {1: ELEMENTS + n_copies + n_cells - 2, n_copies: ELEMENTS * n_copies + n_cells - 1}
    for tried, period in ((network, 1), (sequential(network), n_copies)):
        schedule = schedule_of(tried)
        assert schedule is not None
        assert schedule.cell_steps(ELEMENTS) == promised[period]
        n_steps = schedule.first + schedule.cell_steps(ELEMENTS) + 1
        dense = elements(1, 20).to_dense()
        changed = dense.copy()
        changed[..., -1] *= -1
        voltages = [
            run(
                tried,
                Events.from_dense(values).spaced(period),
                "fast",
                n_steps=n_steps,
                record={"readout": ("voltage",)},
            )
            .recordings["readout"]
            .voltage
            for values in (dense, changed)
        ]
        differ = (voltages[0] != voltages[1]).any(axis=(0, 1))
        assert np.flatnonzero(differ).tolist() == [n_steps - 1]
        assert not voltages[0][..., : tried.output.clock.phase].any(), "biases do not act before"


def test_inspect_says_both_latencies(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    from lapilli.commands.inspect import inspect as show
    from lapilli.netx_exports import save

    network = pipeline(1, 3, 2, coded=False)
    assert inspect(network).schedule == schedule_of(network)
    save(network, tmp_path / "network.net")
    show(str(tmp_path / "network.net"))
    assert (
        "3 copies of each cell: N elements take N + 3 cell steps, one copy at a time N x 3 + 1"
        in capsys.readouterr().out
    )
    save(sequential(network), tmp_path / "network.net")
    show(str(tmp_path / "network.net"))
    assert "N elements take N x 3 + 1 cell steps, one copy at a time; pipelined N + 3" in capsys.readouterr().out
    show(str(tmp_path / "network.net"), json=True)
    assert json.loads(capsys.readouterr().out)["schedule"]["n_copies"] == 3


def test_what_has_no_slower_schedule_is_named() -> None:
    network = pipeline(1, 3, 1, coded=False)
    with pytest.raises(UnsupportedError, match=r"layer 'cell0\.0': has a period of 3 steps already"):
        sequential(sequential(network))
    with pytest.raises(UnsupportedError, match="no neurons hand their states over"):
        sequential(Network((2,), (Layer("a", (2,), CubaLif(1, 1, 1), (DenseSynapse(INPUT, np.ones((2, 2))),)),)))
    cases: dict[str, Any] = {
        "cannot wait for another element": HandOverSynapse("cell0.0", "currents", "recurrent"),
        "depends on the step of the sample": RotarySynapse(INPUT, np.ones((4, 1, 2)), port="recurrent"),
        "would need a delay of 120": DenseSynapse(INPUT, np.ones((4, 4)), delays=[[40]], port="recurrent"),
        "a taps synapse cannot wait": TapsSynapse(INPUT, np.ones((2, 4)), port="recurrent"),
    }
    rng = np.random.default_rng(0)
    cell = LstmCell(
        "c", random_lstm_neuron(rng, 1), DenseSynapse(INPUT, np.ones((4, 4))), DenseSynapse(INPUT, np.ones((4, 1)))
    )
    small = pipelined(Front((4,)), [cell], LstmReadout(CubaLif(9, 4096, 4096), DenseSynapse(INPUT, [[1]])), 3)
    for reason, synapse in cases.items():
        synapse = replace(synapse, source=synapse.source.replace("cell0", "c"))
        target = 1 if isinstance(synapse, HandOverSynapse) else 0
        layers = list(small.layers)
        if isinstance(synapse, HandOverSynapse):
            layers[1] = replace(layers[1], clock=Clock(1, 5))
        else:
            layers[0] = replace(layers[0], synapses=(*layers[0].synapses, synapse))
        with pytest.raises(UnsupportedError, match=reason) as error:
            sequential(replace(small, layers=tuple(layers)))
        assert f"layer 'c.{target}'" in str(error.value)
