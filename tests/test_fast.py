"""`fast` is `reference`, bit for bit, on random networks of every kind."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from random_networks import Case, cases

from lapilli.netx_exports import ConvSynapse, CubaLif, DenseSynapse, IdentitySynapse, Layer, Network
from lapilli.netx_exports.neurons.kinds import NEURONS
from lapilli.simulators import Events, RunResult, events_equal, run
from lapilli.simulators.fast.lowering import lower
from lapilli.simulators.results import RECORDABLE


def assert_same(one: RunResult, two: RunResult) -> None:
    assert events_equal(one.spikes, two.spikes)
    assert one.recordings.keys() == two.recordings.keys()
    for name, recording in one.recordings.items():
        assert events_equal(recording.spikes, two.recordings[name].spikes), name
        assert recording.states.keys() == two.recordings[name].states.keys()
        for state, values in recording.states.items():
            np.testing.assert_equal(values, two.recordings[name].states[state], err_msg=f"{name}: {state}")
    assert one.counts == two.counts


@pytest.mark.slow
@settings(max_examples=1000)
@given(case=cases(max_layers=4, max_samples=3, conv_delays=True))
def test_fast_equals_reference_on_random_networks(case: Case) -> None:
    arguments: dict[str, Any] = {"n_steps": case.n_steps, "record": RECORDABLE, "reset": case.reset}
    one = run(case.network, case.events, "reference", **arguments)
    two = run(case.network, case.events, "fast", threads=1, **arguments)
    assert_same(one, two)


@pytest.mark.slow
@settings(max_examples=1000)
@given(case=cases(max_layers=4, max_samples=3, conv_delays=True, models=tuple(NEURONS)))
def test_fast_equals_reference_for_every_neuron_model(case: Case) -> None:
    arguments: dict[str, Any] = {"n_steps": case.n_steps, "record": RECORDABLE, "reset": case.reset}
    one = run(case.network, case.events, "reference", **arguments)
    two = run(case.network, case.events, "fast", threads=1, **arguments)
    assert_same(one, two)


def busy_network() -> Network:
    generator = np.random.default_rng(5)
    weights = generator.integers(-128, 128, (40, 30)) * 2
    hidden = Layer("hidden", (40,), CubaLif(50, 1000, 300), (DenseSynapse("input", weights),))
    output = Layer("output", (7,), CubaLif(50, 1000, 300), (DenseSynapse("hidden", weights[:7].repeat(2, 1)[:, :40]),))
    return Network((30,), (hidden, output))


def busy_events(n_samples: int, n_steps: int) -> Events:
    return Events.from_dense(np.random.default_rng(6).random((n_samples, 30, n_steps)) < 0.3)


def test_result_does_not_depend_on_threads_or_on_how_samples_are_split() -> None:
    network, events = busy_network(), busy_events(150, 40)
    whole = run(network, events, threads=1, record=RECORDABLE)
    assert whole.spikes.n_events > 1000
    assert_same(whole, run(network, events, threads=3, record=RECORDABLE))
    parts = [run(network, events.select([sample]), threads=1).spikes for sample in range(len(events))]
    assert np.array_equal(np.concatenate([part.neuron for part in parts]), whole.spikes.neuron)
    assert np.array_equal(np.concatenate([part.step for part in parts]), whole.spikes.step)


def test_more_spikes_than_the_first_buffer_holds() -> None:
    always = CubaLif(vth_mant=0, current_decay=4096, voltage_decay=4096, bias_mant=1)
    layer = Layer("all", (500,), always, (DenseSynapse("input", np.zeros((500, 30))),))
    result = run(Network((30,), (layer,)), busy_events(2, 100), record=["spikes"])
    assert result.spikes.n_events == 2 * 100 * 500
    assert np.array_equal(result.spikes.neuron[:500], np.arange(500))


def test_labels_and_lengths_survive() -> None:
    events = dataclasses.replace(busy_events(3, 10), labels=np.array([4, 5, 6]))
    result = run(busy_network(), events, n_steps=25)
    assert result.spikes.labels.tolist() == [4, 5, 6]
    assert result.spikes.n_steps == 25
    assert len(run(busy_network(), events.select([]), n_steps=5).spikes) == 0


def test_progress_adds_up_to_the_samples() -> None:
    seen: list[int] = []
    run(busy_network(), busy_events(70, 5), threads=2, progress=seen.append)
    assert sum(seen) == 70


@pytest.mark.parametrize(
    ("weights", "exponent", "width"),
    [(np.array([[2, -256], [254, 6]]), 0, "int8"), (np.array([[1, -256], [254, 6]]), 0, "int16")],
)
def test_weights_take_one_byte_where_they_fit(weights: np.ndarray, exponent: int, width: str) -> None:
    synapse = DenseSynapse("input", weights, weight_exp=exponent, weight_bits=9)
    program = lower(Network((2,), (Layer("a", (2,), CubaLif(1, 0, 0), (synapse,)),))).program
    assert program.weights8.size - 1 == (64 if width == "int8" else 0)
    assert program.weights16.size - 1 == (0 if width == "int8" else 64)


def test_a_skip_path_beside_a_convolution_keeps_the_order_of_neurons() -> None:
    rng = np.random.default_rng(1)
    neuron = CubaLif(20, 4096, 1000)
    conv = ConvSynapse("input", rng.integers(-50, 80, (3, 2, 3, 3)), padding=(1, 1))
    first = Layer("first", (3, 5, 4), neuron, (conv,))
    again = ConvSynapse("first", rng.integers(-50, 80, (3, 3, 1, 1)))
    second = Layer("second", (3, 5, 4), neuron, (again, IdentitySynapse("first", 30, delay=3)))
    network = Network((2, 5, 4), (first, second))
    events = Events.from_dense(rng.random((2, 2, 5, 4, 20)) < 0.3)
    one, two = (run(network, events, backend, record=RECORDABLE) for backend in ("reference", "fast"))
    assert one.spikes.n_events > 50
    assert_same(one, two)


def test_a_graded_sum_that_wraps_is_shifted_after_wrapping() -> None:
    synapse = DenseSynapse("input", [[4, 2], [-256, 8]], weight_exp=-1)
    network = Network((2,), (Layer("a", (2,), CubaLif(100, 4096, 4096), (synapse,)),), graded_input=True)
    events = Events.from_dense(np.array([[[1 << 29, 1 << 30, 7], [1 << 30, -(1 << 30), -3]]]))
    one, two = (run(network, events, backend, n_steps=5, record=RECORDABLE) for backend in ("reference", "fast"))
    assert_same(one, two)


def dense_and_recurrent(n_inputs: int, size: int, wide: bool, threshold: int) -> Network:
    """Weights at the ends of their range, in blocks of one sign, so that partial sums grow as large as they can."""
    rng = np.random.default_rng(size)
    low, high = (-255, 255) if wide else (-128, 127)
    signs = np.repeat(rng.random((size, 1)) < 0.5, n_inputs, axis=1) ^ (rng.random((size, n_inputs)) < 0.02)
    feed = DenseSynapse("input", np.where(signs, low, high), weight_bits=9)
    own = DenseSynapse("hidden", rng.integers(low // 8, high // 8, (size, size)), weight_bits=9)
    neuron = CubaLif(threshold, rng.integers(0, 4097, size), rng.integers(0, 4097, size))
    return Network((n_inputs,), (Layer("hidden", (size,), neuron, (feed, own)),))


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("size", [31, 64, 97, 256, 353, 640])
@pytest.mark.parametrize("threshold", [0, 20000])
def test_large_layers_in_which_everything_may_spike(wide: bool, size: int, threshold: int) -> None:
    network = dense_and_recurrent(600, size, wide, threshold)
    rng = np.random.default_rng(7)
    dense = rng.random((2, 600, 8)) < np.array([0.02, 1.0, 0.5, 0.0, 0.98, 1.0, 0.02, 0.3])
    events = Events.from_dense(dense)
    one, two = (run(network, events, backend, record=RECORDABLE) for backend in ("reference", "fast"))
    rate = one.spikes.n_events / (2 * 8 * size)
    assert 0.05 < rate < 0.95
    assert_same(one, two)


def test_counts_where_the_buffer_is_full_between_two_samples() -> None:
    # Every neuron spikes in every step: for some of these sizes the buffer has no room left at a sample's first step.
    always = CubaLif(vth_mant=0, current_decay=4096, voltage_decay=4096, bias_mant=1)
    for size in (16, 64, 128, 500):
        layer = Layer("all", (size,), always, (DenseSynapse("input", np.full((size, 30), 2)),))
        network, events = Network((30,), (layer,)), busy_events(40, 8)
        one, two = (run(network, events, backend, threads=1, record=["spikes"]) for backend in ("reference", "fast"))
        np.testing.assert_array_equal(one.counts.syn_ops, two.counts.syn_ops)
        np.testing.assert_array_equal(one.counts.spikes_in, two.counts.spikes_in)


@pytest.mark.parametrize("exponent", [0, -2])
@pytest.mark.parametrize("per", ["source", "target", "connection"])
def test_large_layers_with_delays_of_every_kind(per: str, exponent: int) -> None:
    rng = np.random.default_rng(3)
    neuron = CubaLif(600 if exponent else 3000, 2000, 500)

    def delayed(source: str, n_out: int, n_in: int) -> DenseSynapse:
        shape = {"source": (1, n_in), "target": (n_out, 1), "connection": (n_out, n_in)}[per]
        weights = rng.integers(-60, 66, (n_out, n_in)) * 2
        return DenseSynapse(source, weights, weight_exp=exponent, delays=rng.integers(0, 63, shape))

    hidden = Layer("hidden", (150,), neuron, (delayed("input", 150, 90), delayed("hidden", 150, 150)))
    output = Layer("output", (40,), neuron, (delayed("hidden", 40, 150), delayed("input", 40, 90)))
    events = Events.from_dense(rng.random((2, 90, 100)) < 0.2)
    network = Network((90,), (hidden, output))
    one, two = (run(network, events, backend, n_steps=200, record=RECORDABLE) for backend in ("reference", "fast"))
    assert one.recordings["hidden"].spikes.n_events > 500
    assert one.spikes.n_events > 200
    assert_same(one, two)
