"""`run` and `prove`: arguments, refusals, and that `prove` finds what differs."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from lapilli.netx_exports import CubaLif, DenseSynapse, DirectSynapse, LapilliError, Layer, Network, UnsupportedError
from lapilli.simulators import Events, EventsError, Reset, RunResult, prove, run
from lapilli.simulators.plan import RunPlan
from lapilli.simulators.reference.backend import run_reference

NEURON = CubaLif(vth_mant=100, current_decay=1024, voltage_decay=256)


def small_network(threshold: int = 100) -> Network:
    rng = np.random.default_rng(0)
    neuron = dataclasses.replace(NEURON, vth_mant=threshold)
    hidden = Layer("hidden", (6,), neuron, (DenseSynapse("input", rng.integers(-40, 100, (6, 5)) * 2),))
    output = Layer("output", (3,), NEURON, (DenseSynapse("hidden", rng.integers(-40, 100, (3, 6)) * 2),))
    return Network((5,), (hidden, output))


def small_events(n_samples: int = 3) -> Events:
    return Events.from_dense(np.random.default_rng(1).random((n_samples, 5, 30)) < 0.3)


def test_one_spike_through_one_neuron_step_by_step() -> None:
    """Worked by hand: weight 10, decays of one half and one quarter, threshold 1600."""
    layer = Layer("a", (1,), CubaLif(25, 2048, 1024), (DenseSynapse("input", [[10]]),))
    spike = np.zeros((1, 1, 6), int)
    spike[0, 0, 0] = 1
    result = run(Network((1,), (layer,)), Events.from_dense(spike), "reference", record=["current", "voltage"])
    # 10 << 6 arrives in step 1 and halves; the voltage keeps three quarters.
    assert result.recordings["a"].current.ravel().tolist() == [0, 640, 320, 160, 80, 40]
    assert result.recordings["a"].voltage.ravel().tolist() == [0, 640, 800, 760, 650, 527]
    assert result.spikes.n_events == 0


def test_threshold_must_be_exceeded_and_resets_to_zero() -> None:
    at = Layer("a", (1,), CubaLif(10, 4096, 4096), (DenseSynapse("input", [[10]]),))
    above = Layer("a", (1,), CubaLif(9, 4096, 4096), (DenseSynapse("input", [[10]]),))
    spikes = Events.from_dense(np.array([[[1, 0, 1, 0]]]))
    assert run(Network((1,), (at,)), spikes, "reference").spikes.n_events == 0
    result = run(Network((1,), (above,)), spikes, "reference", record=["voltage"])
    assert result.spikes.step.tolist() == [1, 3]
    assert not result.recordings["a"].voltage.any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_steps": 0}, "n_steps: must be at least 1, got 0"),
        ({"threads": 0}, "threads: must be at least 1, got 0"),
        ({"backend": "quick"}, "backend: must be one of fast, reference, lava, loihi2, got 'quick'"),
        ({"record": {"nobody": ["spikes"]}}, "record: no layer 'nobody'; layers are hidden, output"),
        ({"record": ["colour"]}, r"record: must be of spikes, current, voltage, got \['colour'\]"),
        (
            {"record": {"hidden": ["sigma"]}},
            r"must be of spikes, current, voltage, got \['sigma'\] for 'hidden'",
        ),
        ({"reset": Reset(0)}, "reset: interval: must be at least 1, got 0"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict, message: str) -> None:
    with pytest.raises(LapilliError, match=message):
        run(small_network(), small_events(), **arguments)


def test_events_that_do_not_fit_are_named() -> None:
    with pytest.raises(EventsError, match=r"shape: the network's input is \(5,\), got \(4,\)"):
        run(small_network(), Events.from_dense(np.zeros((1, 4, 3), int)))
    with pytest.raises(EventsError, match="graded events for a network whose input is binary"):
        run(small_network(), Events.from_dense(np.full((1, 5, 3), 7)))
    flat = Events.from_dense(np.ones((1, 8, 3), int))
    image = Network((2, 2, 2), (Layer("a", (1,), NEURON, (DenseSynapse("input", np.ones((1, 8))),)),))
    assert run(image, flat, "fast").counts.spikes_in[0, 0] == 24


def test_values_of_a_direct_synapse_arrive_in_the_same_step() -> None:
    layer = Layer("a", (2,), CubaLif(1000, 4096, 4096), (DirectSynapse(),))
    network = Network((2,), (layer,), graded_input=True)
    events = Events.from_dense(np.array([[[0, 5, 0], [-7, 0, 0]]]))
    for backend in ("reference", "fast"):
        result = run(network, events, backend, record=["current"])
        assert result.recordings["a"].current[0].tolist() == [[0, 5 << 6, 0], [-7 << 6, 0, 0]]
    assert network.depth == 0


def test_two_direct_synapses_are_refused() -> None:
    with pytest.raises(LapilliError, match="at most one may be direct"):
        Network((2,), (Layer("a", (2,), NEURON, (DirectSynapse(), DirectSynapse())),), graded_input=True)


@pytest.mark.lava
def test_loihi2_says_what_is_missing() -> None:
    with pytest.raises(UnsupportedError, match="Intel's Loihi extension"):
        run(small_network(), small_events(), "loihi2")


def test_prove_shows_equality() -> None:
    proof = prove(small_network(), small_events(40), ("reference", "fast"))
    assert proof.equal
    assert proof.n_samples == 40
    assert proof.n_steps == 32
    assert proof.states_compared == 2 * 40 * 9 * 32
    assert proof.spikes_compared > 100


def different(network: Network, events: Events, plan: RunPlan) -> RunResult:
    """The reference with another threshold in the hidden layer from the 20th sample on."""
    return run_reference(small_network(101 if events.labels[0] < 20 else 90), events, plan)


def test_prove_finds_the_first_difference() -> None:
    events = dataclasses.replace(small_events(40), labels=np.arange(40) // 10 * 10)
    honest = prove(small_network(101), events, {"reference": "reference", "fast": "fast"})
    assert honest.equal
    proof = prove(small_network(101), events, {"reference": "reference", "other": different})
    assert not proof.equal
    place = proof.first["other"]
    # Batches are of 16 samples; the one that begins with label 10 is still computed rightly.
    assert place.sample == 32
    one = run(small_network(101), events.select([32]), "reference", n_steps=32, record=["spikes", "voltage"])
    two = run(small_network(90), events.select([32]), "reference", n_steps=32, record=["spikes", "voltage"])
    unequal = one.recordings["hidden"].voltage != two.recordings["hidden"].voltage
    assert place.layer == "hidden"
    assert place.step == int(np.flatnonzero(unequal.any(axis=(0, 1)))[0])
    assert place.values["reference"] != place.values["other"]
    assert "sample 32, step" in str(place)


def lying_about_counts(network: Network, events: Events, plan: RunPlan) -> RunResult:
    result = run_reference(network, events, plan)
    return dataclasses.replace(
        result, counts=dataclasses.replace(result.counts, synapse_ops=result.counts.synapse_ops + 1)
    )


def test_prove_compares_counts() -> None:
    proof = prove(small_network(), small_events(), {"reference": "reference", "other": lying_about_counts})
    n_synapses = sum(len(layer.synapses) for layer in small_network().layers)
    assert proof.n_differences == 3 * (2 + n_synapses)  # of each layer and of each synapse
    assert proof.first["other"].quantity == "syn_ops"


def lying_about_payloads(network: Network, events: Events, plan: RunPlan) -> RunResult:
    result = run_reference(network, events, plan)
    bits = result.counts.payload_bits.copy()
    bits[:, 1:] += 1
    return dataclasses.replace(result, counts=dataclasses.replace(result.counts, payload_bits=bits))


def test_prove_compares_payload_bits() -> None:
    proof = prove(small_network(), small_events(), {"reference": "reference", "other": lying_about_payloads})
    assert proof.n_differences == 3 * 2
    assert proof.first["other"].quantity == "payload_bits"


def refusing(network: Network, events: Events, plan: RunPlan) -> RunResult:
    raise UnsupportedError("backend none", ["is not here"])


def test_prove_lists_what_it_skipped_and_needs_two() -> None:
    backends: dict[str, Any] = {"reference": "reference", "none": refusing, "fast": "fast"}
    proof = prove(small_network(), small_events(), backends)
    assert proof.equal
    assert proof.skipped == {"none": "backend none: is not here"}
    with pytest.raises(LapilliError, match="only reference could run"):
        prove(small_network(), small_events(), {"reference": "reference", "none": refusing})
    with pytest.raises(LapilliError, match="needs at least two different backends"):
        prove(small_network(), small_events(), ("fast", "fast"))
    with pytest.raises(LapilliError, match="needs at least one sample"):
        prove(small_network(), small_events(0), ("fast", "reference"))
