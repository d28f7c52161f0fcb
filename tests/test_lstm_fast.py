"""Spiking LSTM on `fast`: equal to the reference in runs and streams, and to a loop in torch at full size."""

from pathlib import Path

import numpy as np
import pytest
from random_lstm import random_lstm
from random_networks import Case
from run_equality import assert_same_run

from lapilli.simulators import run
from lapilli.simulators.bench.spiking_lstm_network import ELEMENTS, spectrograms, spiking_lstm_network
from lapilli.simulators.fast.kept import lowered
from lapilli.simulators.stream import Simulator

SEEDS = 320


@pytest.mark.parametrize("first", range(0, SEEDS, 40))
def test_fast_equals_reference(first: int) -> None:
    for seed in range(first, first + 40):
        case = random_lstm(seed, most_units=40)
        record = {layer.name: ("spikes", *layer.neuron.states) for layer in case.network.layers}
        runs = [
            run(case.network, case.events, backend, n_steps=case.n_steps, record=record, reset=case.reset)
            for backend in ("reference", "fast")
        ]
        assert_same_run(*runs)


def feed(simulator: Simulator, case: Case, first: int, last: int) -> None:
    events = case.events.select([0]).with_steps(case.n_steps)
    for step in range(first, last):
        now = events.step == step
        simulator.step(events.neuron[now], None if events.value is None else events.value[now])


def test_a_stream_is_saved_with_what_is_handed_over_and_goes_on(tmp_path: Path) -> None:
    handed = 0
    for seed in range(40):
        case = random_lstm(seed)
        record = {layer.name: layer.neuron.states for layer in case.network.layers}
        sample = case.events.select([0])
        expected = run(case.network, sample, "reference", n_steps=case.n_steps, record=record)
        first, second = Simulator(case.network), Simulator(case.network)
        feed(first, case, 0, case.n_steps // 2)
        first.save_state(tmp_path / "state.npz")
        second.restore_state(tmp_path / "state.npz")
        feed(second, case, case.n_steps // 2, case.n_steps)
        assert second.counts == expected.counts, seed
        for layer in case.network.layers:
            for state in layer.neuron.states:
                last = getattr(expected.recordings[layer.name], state)[0, ..., -1]
                assert np.array_equal(second.neuron_state(layer.name, state), last), (seed, layer.name, state)
        handed += int(second.counts.named["handed_values"].sum()) if second.counts.named else 0
    assert handed > 0


def test_a_state_file_with_anything_in_it_leads_nowhere(tmp_path: Path) -> None:
    """Neurons that pad a layer to whole vectors must not send, whatever a file says of them and of membranes."""
    case = random_lstm(3)
    simulator = Simulator(case.network)
    feed(simulator, case, 0, 2)
    simulator.save_state(tmp_path / "state.npz")
    with np.load(tmp_path / "state.npz") as saved:
        arrays = {name: saved[name] for name in saved.files}
    generator = np.random.default_rng(0)
    for name in ("neurons", "sums", "lines", "rings", "spares", "outgoing"):
        arrays[name] = generator.integers(-(2**31), 2**31, arrays[name].shape).astype(np.int32)
    np.savez(tmp_path / "hostile.npz", **arrays)
    simulator.restore_state(tmp_path / "hostile.npz")
    feed(simulator, case, 2, case.n_steps)
    for layer in case.network.layers:
        assert np.all(simulator.spikes(layer.name) < layer.size)


def test_full_size_equals_a_loop_in_torch() -> None:
    # Imported here: torch is needed for nothing else.
    from lapilli.simulators.bench.peer_torch_spiking_lstm import forward_of

    network, events = spiking_lstm_network(0), spectrograms(3, 0)
    found = run(network, events, "fast", n_steps=ELEMENTS + network.depth, record=("spikes",))
    sent = forward_of(network, events.to_dense())().numpy()
    for copy, expected in enumerate(sent):
        h = found.recordings[f"lstm.{copy}"].spikes.to_dense()[..., 1 + copy : 1 + copy + ELEMENTS]
        assert np.array_equal(h.transpose(2, 0, 1), expected)
        assert 0.2 < np.mean(expected != 0) < 0.5
        assert {-1, 1} <= set(np.unique(expected))


def test_copies_share_their_weights_in_memory() -> None:
    network = spiking_lstm_network(0)
    recurrences = [layer.synapses[1].weights for layer in network.layers[:2]]  # type: ignore[attr-defined]
    assert recurrences[0] is recurrences[1]
    program = lowered(network).program
    sizes = [(4 * 128, 40), (4 * 128, 128), (32, 128)]
    assert len(program.weights8) + len(program.weights16) == sum(rows * columns for rows, columns in sizes) + 2
