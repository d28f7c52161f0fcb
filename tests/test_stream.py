"""Streams: step by step is the same as all at once; saved and restored without a trace."""

from pathlib import Path

import numpy as np
import pytest
from amounts import amount
from hypothesis import given, settings
from random_networks import Case, cases

from lapilli.netx_exports import (
    CubaLif,
    Delta,
    DenseSynapse,
    GatedLif,
    LapilliError,
    Layer,
    Network,
    Readout,
    SpikeAttention,
    Sum,
    TapsSynapse,
)
from lapilli.netx_exports.neurons.kinds import NEURONS, Neuron
from lapilli.simulators import Events, EventsError, run
from lapilli.simulators.decisions.decide import last_step_scores, needed_recording, step_scores
from lapilli.simulators.results import RECORDABLE
from lapilli.simulators.stream import Simulator, StateError

# Half of the layers LIF, the others of any model.
MODELS = (CubaLif.model,) * (len(NEURONS) - 2) + tuple(NEURONS)


def feed(simulator: Simulator, events: Events, first: int, last: int) -> None:
    for step in range(first, last):
        now = events.step == step
        simulator.step(events.neuron[now], None if events.value is None else events.value[now])


@pytest.mark.slow
@settings(max_examples=amount(100, 200))
@given(case=cases(max_layers=3, max_samples=1, conv_delays=True, models=MODELS))
def test_steps_one_by_one_equal_run(case: Case) -> None:
    network, events = case.network, case.events.with_steps(case.n_steps)
    expected = run(network, events, "reference", n_steps=case.n_steps, record=RECORDABLE)
    simulator = Simulator(network)
    for step in range(case.n_steps):
        feed(simulator, events, step, step + 1)
        for layer in network.layers:
            recording = expected.recordings[layer.name]
            here = recording.spikes.neuron[recording.spikes.step == step]
            assert np.array_equal(simulator.spikes(layer.name), here)
            values = np.ones(len(here), int) if recording.spikes.value is None else recording.spikes.value
            assert np.array_equal(
                simulator.values(layer.name), values[recording.spikes.step == step] if layer.neuron.graded else values
            )
            for name in layer.neuron.states:
                assert np.array_equal(
                    simulator.neuron_state(layer.name, name), getattr(recording, name)[0, ..., step]
                ), name
    assert simulator.counts == expected.counts


@settings(max_examples=amount(50, 100))
@given(case=cases(max_layers=3, max_samples=1, conv_delays=True, models=MODELS))
def test_a_restored_stream_goes_on_as_if_nothing_had_happened(
    tmp_path_factory: pytest.TempPathFactory, case: Case
) -> None:
    path = tmp_path_factory.getbasetemp() / "state.npz"
    events, half = case.events.with_steps(case.n_steps), case.n_steps // 2
    whole, first, second = Simulator(case.network), Simulator(case.network), Simulator(case.network)
    feed(whole, events, 0, case.n_steps)
    feed(first, events, 0, half)
    first.save_state(path)
    feed(second, events, 0, case.n_steps // 3)
    second.restore_state(path)
    feed(second, events, half, case.n_steps)
    assert second.n_steps == case.n_steps
    for layer in case.network.layers:
        for name in layer.neuron.states:
            assert np.array_equal(whole.neuron_state(layer.name, name), second.neuron_state(layer.name, name))
        assert np.array_equal(whole.spikes(layer.name), second.spikes(layer.name))
        assert np.array_equal(whole.values(layer.name), second.values(layer.name))
    assert whole.counts == second.counts


@pytest.mark.parametrize("neuron", [CubaLif(0, 0, 0), GatedLif(0, 0, 0), Sum(), SpikeAttention(1, 1, 0)])
def test_what_a_file_says_of_padding_is_passed_over(tmp_path: Path, neuron: Neuron) -> None:
    delays = np.arange(20).reshape(5, 4)
    synapses = [
        DenseSynapse("input", [[2] * 4] * 5, delays=delays, weight_exp=exponent, port=port)
        for port in neuron.ports
        for exponent in (0, -1)
    ]
    layer = Layer("a", (5,), neuron, (*synapses, TapsSynapse("b", [[3] * 5] * 4), DenseSynapse("input", [[2] * 4] * 5)))
    before = Layer("b", (5,), CubaLif(0, 4096, 4096), (DenseSynapse("input", [[2] * 4] * 5, delays=delays[:, :1]),))
    simulator, other = (Simulator(Network((4,), (before, layer))) for _ in range(2))
    simulator.save_state(tmp_path / "state.npz")
    with np.load(tmp_path / "state.npz") as saved:
        arrays = {name: saved[name].copy() for name in saved.files}
    for name in ("neurons", "sums", "lines", "rings", "spares"):
        mine = arrays[name]
        mine[...] = 1000
        if name == "neurons":
            for layer_record in simulator._lowered.program.layers:
                mine[:, layer_record["at"] : layer_record["at"] + layer_record["n"]] = 0
        np.savez(tmp_path / "hostile.npz", **arrays)
        simulator.restore_state(tmp_path / "hostile.npz")
        for _ in range(70):
            simulator.step([0, 3])
            assert len(simulator.spikes("a")) <= 5
            assert len(simulator.spikes("b")) <= 5
    other.restore_state(tmp_path / "state.npz")
    assert len(other.step([1])) == 0


def network(n_outputs: int = 4) -> Network:
    rng = np.random.default_rng(0)
    weights, delays = rng.integers(-50, 100, (n_outputs, 6)) * 2, rng.integers(0, 9, (n_outputs, 6))
    return Network(
        (6,), (Layer("a", (n_outputs,), CubaLif(60, 500, 100), (DenseSynapse("input", weights, delays=delays),)),)
    )


def busy(simulator: Simulator) -> Simulator:
    rng = np.random.default_rng(1)
    for _ in range(20):
        simulator.step(np.flatnonzero(rng.random(6) < 0.4))
    return simulator


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([6],), "step 20: neurons: must be 0…5, got 6…6"),
        (([-1, 2],), "neurons: must be 0…5, got -1…2"),
        (([1, 1],), "each may spike once"),
        (([0.5],), "must be a list of integers"),
        (([[1]],), "must be a list of integers"),
        (([1], [2]), "the network's input is binary spikes"),
    ],
)
def test_a_bad_step_is_refused_and_changes_nothing(arguments: tuple, message: str) -> None:
    simulator, other = busy(Simulator(network())), busy(Simulator(network()))
    with pytest.raises(EventsError, match=message):
        simulator.step(*arguments)
    for events in ([1, 2], [], [5, 0, 3]):
        assert np.array_equal(simulator.step(events), other.step(events))
        assert np.array_equal(simulator.voltage("a"), other.voltage("a"))
    assert simulator.n_steps == 23


def test_states_of_other_networks_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    busy(Simulator(network())).save_state(path)
    with pytest.raises(StateError, match="belongs to another network"):
        Simulator(network(5)).restore_state(path)
    with np.load(path) as archive:
        good = dict(archive)
    changes = [
        ("missing", {"neurons": None}),
        ("must be int32 of shape", {"neurons": good["neurons"][:1]}),
        ("must be int32 of shape", {"neurons": good["neurons"].astype(np.int64)}),
        ("more spikes than neurons", {"spike_count": good["spike_count"] + 100}),
        ("a neuron that source", {"spike_list": good["spike_list"] + 100}),
        ("step: must not be negative", {"step": np.int64(-5)}),
    ]
    for message, change in changes:
        np.savez(path, **{name: array for name, array in (good | change).items() if array is not None})
        simulator, other = busy(Simulator(network())), busy(Simulator(network()))
        with pytest.raises(StateError, match=message):
            simulator.restore_state(path)
        assert np.array_equal(simulator.step([1]), other.step([1]))
    with pytest.raises(LapilliError, match="cannot read"):
        Simulator(network()).restore_state(tmp_path / "none.npz")


def test_unknown_layers_are_named() -> None:
    with pytest.raises(LapilliError, match="no layer 'b'; layers are a"):
        Simulator(network()).voltage("b")


def test_a_restored_state_cannot_overfill_delayed_axons(tmp_path: Path) -> None:
    """What such lists hold follows from what the sources sent: a file that says more is not believed."""
    weights, path = np.full((3, 6), 40), tmp_path / "state.npz"
    synapse = DenseSynapse("input", weights, delays=np.array([[0, 1, 2, 3, 4, 5]]))
    delayed = Network((6,), (Layer("a", (3,), CubaLif(60, 500, 100), (synapse,)),))
    honest = busy(Simulator(delayed))
    honest.save_state(path)
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["spike_count"][2:] = 6
    arrays["spike_list"][-6 * arrays["spike_count"].shape[1] :] = np.tile(np.arange(6), arrays["spike_count"].shape[1])
    np.savez(path, **arrays)
    restored = Simulator(delayed)
    restored.restore_state(path)
    for _ in range(12):
        assert np.array_equal(honest.step([0, 3, 5]), restored.step([0, 3, 5]))
        assert np.array_equal(honest.voltage("a"), restored.voltage("a"))


@pytest.mark.parametrize("classes", [None, 2])
@pytest.mark.parametrize(
    ("kind", "neuron"),
    [
        ("voltage_sum", CubaLif(60, 500, 100)),
        ("softmax_sum", CubaLif(60, 500, 100)),
        ("spike_count", CubaLif(60, 500, 100)),
        ("spike_count", Delta(1, 0)),
    ],
)
def test_scores_of_the_last_step_are_those_of_a_run(kind: str, neuron: Neuron, classes: int | None) -> None:
    rng = np.random.default_rng(3)
    layer = Layer("a", (4,), neuron, (DenseSynapse("input", rng.integers(-50, 100, (4, 6)) * 2),))
    deciding = Network((6,), (layer,), readout=Readout(kind, classes))
    events = Events.from_dense((rng.random((1, 6, 30)) < 0.3).astype(np.int32))
    wanted = step_scores(run(deciding, events, record=needed_recording(deciding), n_steps=34), deciding)[0]
    simulator = Simulator(deciding)
    for step in range(34):
        feed(simulator, events, step, step + 1)
        assert np.array_equal(last_step_scores(simulator), wanted[:, step])
    assert len(np.unique(wanted)) > 1
