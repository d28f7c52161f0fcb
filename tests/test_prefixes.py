"""Decisions after the first t frames are those on samples that end there, on every network."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from random_networks import KINDS, random_case

from lapilli.netx_exports import CubaLif, DenseSynapse, LapilliError, Layer, Network, Readout
from lapilli.netx_exports.neurons.kinds import NEVER_SPIKES
from lapilli.simulators import Events, run
from lapilli.simulators.decisions import prefixes
from lapilli.simulators.decisions.decide import decide, needed_recording, step_scores
from lapilli.simulators.decisions.prefixes import prefix_accuracies, prefix_decisions, shortest_path
from lapilli.simulators.plan import RunPlan
from lapilli.simulators.reference.backend import run_reference

VOLTAGE = Readout("voltage_sum")
SPIKES = Readout("spike_count")


def by_truncation(network: Network, events: Events) -> np.ndarray:
    """The meaning, with nothing but `run`: the sample ends after t frames, silence for the depth."""
    found = []
    for t in range(1, events.n_steps + 1):
        cut = Events.from_dense(events.to_dense()[..., :t])
        result = run(network, cut, "reference", n_steps=t + network.depth, record=needed_recording(network))
        found.append(decide(result, network))
    return np.stack(found, 1)


def layer(name: str, source: str, weights: Any, delays: Any = None, bias: int = 0) -> Layer:
    neuron = CubaLif(NEVER_SPIKES if name == "out" else 40, 1024, 256, bias_mant=bias)
    return Layer(name, (len(weights),), neuron, (DenseSynapse(source, np.asarray(weights), delays=delays),))


def chain(seed: int, delays: int = 0, bias: int = 0, skip: bool = False) -> Network:
    rng = np.random.default_rng(seed)
    hidden = layer("hidden", "input", rng.integers(-40, 90, (6, 4)) * 2, np.full((1, 1), delays), bias)
    recurrent = DenseSynapse("hidden", rng.integers(-40, 40, (6, 6)) * 2)
    hidden = replace(hidden, synapses=(*hidden.synapses, recurrent))
    out = layer("out", "hidden", rng.integers(-90, 90, (3, 6)) * 2, bias=bias)
    if skip:
        out = replace(out, synapses=(*out.synapses, DenseSynapse("input", rng.integers(-90, 90, (3, 4)) * 2)))
    return Network((4,), (hidden, out), readout=VOLTAGE)


def spikes(seed: int, n_samples: int = 8, n_steps: int = 12) -> Events:
    rng = np.random.default_rng(seed)
    dense = rng.random((n_samples, 4, n_steps)) < 0.3
    return Events.from_dense(dense, labels=rng.integers(3, size=n_samples))


@pytest.mark.slow
@settings(max_examples=40)
@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3), st.integers(0, 2**32 - 1), st.booleans())
@example(["dense", "recurrent", "dense"], 0, True)
@example(["conv", "conv and skip"], 1, False)
def test_random_networks_decide_as_on_samples_that_end(kinds: list[str], seed: int, voltage: bool) -> None:
    case = random_case(kinds, 3, seed % 2 == 0, seed)
    network = replace(case.network, readout=VOLTAGE if voltage else SPIKES)
    assert np.array_equal(prefix_decisions(network, case.events), by_truncation(network, case.events))


@pytest.mark.parametrize("delays", [0, 3])
@pytest.mark.parametrize("bias", [0, 7])
def test_one_run_is_enough_where_all_paths_take_the_same_time(delays: int, bias: int) -> None:
    network, events = chain(0, delays, bias), spikes(0)
    runs = []

    def counted(network: Network, events: Events, plan: RunPlan) -> Any:
        runs.append(plan.n_steps)
        return run_reference(network, events, plan)

    assert shortest_path(network) == network.depth == 2 + delays
    found = prefix_decisions(network, events, counted)
    assert runs == [12 + network.depth]
    assert np.array_equal(found, by_truncation(network, events))
    assert len(np.unique(found)) > 1
    assert any(len(np.unique(row)) > 1 for row in found)


def test_sums_of_one_run_are_wrong_where_a_path_is_shorter() -> None:
    """The reason for running each t by itself: later frames reach the readout through the skip."""
    network, events = chain(1, skip=True), spikes(1, 40)
    assert (shortest_path(network), network.depth) == (1, 2)
    whole = run(network, events, n_steps=events.n_steps + 2, record=needed_recording(network))
    leaking = step_scores(whole, network).cumsum(2)[..., 2:].argmax(1)
    expected = by_truncation(network, events)
    assert not np.array_equal(leaking, expected)
    assert np.array_equal(prefix_decisions(network, events), expected)


def test_the_last_column_is_the_decision_on_the_whole_sample() -> None:
    for network in (chain(2), chain(2, skip=True)):
        events = spikes(2, 30)
        result = run(network, events, n_steps=events.n_steps + 2, record=needed_recording(network))
        decisions = prefix_decisions(network, events)
        assert decisions.shape == (30, 12)
        assert np.array_equal(decisions[:, -1], decide(result, network))
        right = [float(np.mean(column == events.labels)) for column in decisions.T]
        assert prefix_accuracies(network, events).tolist() == right


def test_averaged_outputs_decide_by_groups() -> None:
    neuron = CubaLif(0, 4096, 4096)
    averaged = Network((6,), (Layer("out", (6,), neuron, (DenseSynapse("input", 2 * np.eye(6, dtype=int)),)),))
    averaged = replace(averaged, readout=Readout("spike_count", 3))
    dense = np.zeros((1, 6, 3), int)
    dense[0, 2, 0] = dense[0, [0, 1], 1] = dense[0, [4, 5], 2] = dense[0, 4, 1] = 1
    assert prefix_decisions(averaged, Events.from_dense(dense)).tolist() == [[1, 0, 2]]


def test_parts_and_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    for network in (chain(3), chain(3, skip=True)):
        events = spikes(3, 11)
        whole = prefix_decisions(network, events)
        monkeypatch.setattr(prefixes, "_PART_BYTES", 4 * 24 * 3 * (12 + 2))
        done: list[int] = []
        assert np.array_equal(prefix_decisions(network, events, progress=done.append), whole)
        assert sum(done) == 11 * 12
        assert len(done) > 1
        monkeypatch.undo()


def test_an_output_that_no_input_reaches() -> None:
    own = Layer("out", (2,), CubaLif(5, 0, 0, bias_mant=[3, 2]), (DenseSynapse("out", np.zeros((2, 2), int)),))
    network = Network((4,), (own,), readout=SPIKES)
    assert shortest_path(network) == float("inf")
    assert np.array_equal(prefix_decisions(network, spikes(0)), by_truncation(network, spikes(0)))


def test_what_cannot_be_decided() -> None:
    assert prefix_decisions(chain(0), spikes(0, 0)).shape == (0, 12)
    for events in (replace(spikes(0), labels=None), spikes(0, 0)):
        with pytest.raises(LapilliError, match="needs events with labels and at least one sample"):
            prefix_accuracies(chain(0), events)
    with pytest.raises(LapilliError, match="at least one step"):
        prefix_decisions(chain(0), spikes(0).with_steps(0))
    with pytest.raises(LapilliError, match="readout: the network must have"):
        prefix_decisions(replace(chain(0), readout=None), spikes(0))
