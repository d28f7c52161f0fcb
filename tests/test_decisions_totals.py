"""Samples run part by part, decided and added up: the same as all of them in one run, wherever they come from."""

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lapilli.netx_exports import CubaLif, DenseSynapse, LapilliError, Layer, Network, Readout
from lapilli.simulators import Events, many, run
from lapilli.simulators.counting import join_counts, summed_counts
from lapilli.simulators.decisions.decide import decide, needed_recording, scores, why_undecided
from lapilli.simulators.decisions.totals import Decided, Totals, run_and_decide
from lapilli.simulators.files.event_file import EventFile
from lapilli.simulators.many import SAMPLES_AT_ONCE, Part, parts_of
from lapilli.simulators.plan import RunPlan
from lapilli.simulators.reference.backend import run_reference
from lapilli.training.data.samples import in_memory

N_SAMPLES, STEPS = 150, 12


def network(kind: str | None = "voltage_sum", classes: int | None = None) -> Network:
    rng = np.random.default_rng(0)
    hidden = Layer(
        "hidden", (12,), CubaLif(90, 1024, 256), (DenseSynapse("input", rng.integers(-40, 60, (12, 9)) * 2),)
    )
    out = Layer("out", (6,), CubaLif(90, 1024, 256), (DenseSynapse("hidden", rng.integers(-60, 70, (6, 12)) * 2),))
    return Network((9,), (hidden, out), readout=None if kind is None else Readout(kind, classes))


def events(n_samples: int = N_SAMPLES) -> Events:
    rng = np.random.default_rng(1)
    return Events.from_dense(rng.random((n_samples, 9, STEPS)) < 0.3, labels=rng.integers(0, 3, n_samples))


def opened(path: Path, found: Events) -> EventFile:
    found.save(path)
    return EventFile(path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["voltage_sum", "spike_count", "softmax_sum"])
@pytest.mark.parametrize("source", ["events", "file", "samples", "two jobs"])
def test_as_in_one_run(tmp_path: Path, kind: str, source: str) -> None:
    given, decider = events(), network(kind, 3)
    sources: dict[str, Any] = {"events": given, "samples": in_memory(given)}
    samples = sources.get(source) or opened(tmp_path / "events.npz", given)
    found: list[Decided] = []
    told: list[int] = []
    jobs = 2 if source == "two jobs" else 1
    totals = run_and_decide(
        decider, parts_of(samples), n_steps=STEPS + 2, each=found.append, progress=told.append, jobs=jobs
    )
    whole = run(decider, given, "reference", n_steps=STEPS + 2, record=needed_recording(decider))
    assert [len(part.events) for part in found] == told == [SAMPLES_AT_ONCE, SAMPLES_AT_ONCE, 22]
    assert np.array_equal(np.concatenate([part.scores for part in found]), scores(whole, decider))
    decisions = np.concatenate([part.decisions for part in found])
    assert np.array_equal(decisions, decide(whole, decider))
    assert len(set(decisions)) > 1
    assert (totals.n_samples, totals.n_compared) == (N_SAMPLES, N_SAMPLES)
    assert totals.accuracy == np.mean(decisions == given.labels) == totals.right / N_SAMPLES
    assert totals.counts == summed_counts(whole.counts)
    assert totals.operations == whole.counts.syn_ops.sum() > 0
    assert totals.spikes == whole.counts.sent[:, 1:].sum() > 0
    assert totals.output_events == whole.spikes.n_events > 0
    assert totals.seconds == sum(part.result.seconds for part in found)


def test_counts_of_all_samples_as_if_they_were_one() -> None:
    counts = run(network(), events(5)).counts
    summed = summed_counts(counts)
    assert len(summed) == 1
    assert summed.sent[0].tolist() == counts.sent.sum(0).tolist()
    assert summed.dendrite_updates[0].tolist() == [12 * STEPS * 5, 6 * STEPS * 5]
    assert all(np.array_equal(one, two) for one, two in zip(summed.neuron_events, counts.neuron_events))
    assert summed_counts(join_counts([summed, summed])).synapse_ops.tolist() == [
        (2 * counts.synapse_ops.sum(0)).tolist()
    ]


def test_what_else_is_recorded_stays_with_the_part() -> None:
    parts = [Part(events(3), {"out": ["spikes"], "hidden": ["current"]}), Part(events(2), {})]
    found: list[Decided] = []
    run_and_decide(network(), parts, each=found.append)
    first, second = found[0].result.recordings, found[1].result.recordings
    assert first["out"].spikes is not None
    assert first["out"].voltage is not None
    assert first["hidden"].current is not None
    assert second.keys() == {"out"}
    assert second["out"].spikes is None


def test_no_result_outlives_its_part() -> None:
    alive: list[weakref.ref[Any]] = []

    def watched(network: Network, events: Events, plan: RunPlan) -> Any:
        # The last one is still held by whoever runs the next.
        assert sum(one() is not None for one in alive) <= 1
        result = run_reference(network, events, plan)
        alive.append(weakref.ref(result))
        return result

    totals = run_and_decide(network(), parts_of(events(), at_once=10), watched)
    assert (len(alive), totals.n_samples) == (15, N_SAMPLES)


def test_without_decisions() -> None:
    given = events(4)
    found: list[Any] = []
    totals = run_and_decide(network(None), parts_of(given), decided=False, each=found.append)
    assert (found[0].scores, found[0].decisions, found[0].result.recordings) == (None, None, {})
    assert (totals.n_samples, totals.n_compared, totals.operations) == (
        4,
        0,
        run(network(), given).counts.syn_ops.sum(),
    )
    with pytest.raises(LapilliError, match="accuracy needs events with labels and at least one sample"):
        _ = totals.accuracy
    with pytest.raises(LapilliError, match="readout: the network must have one of"):
        run_and_decide(network(None), parts_of(given))


def test_without_labels_or_samples() -> None:
    given = events(4)
    silent = Events(given.step, given.neuron, given.offsets, STEPS, (9,))
    found: list[Decided] = []
    totals = run_and_decide(network(), parts_of(silent), each=found.append)
    assert found[0].decisions is not None
    assert (totals.n_samples, totals.n_compared) == (4, 0)
    empty = run_and_decide(network(), parts_of(events(0)))
    assert (empty, empty.counts, empty.operations, empty.spikes) == (empty, None, 0, 0)
    assert vars(empty) == vars(Totals())
    for one in (totals, empty):
        with pytest.raises(LapilliError, match="accuracy needs events with labels"):
            _ = one.accuracy


def test_why_nothing_is_decided() -> None:
    assert why_undecided(network(), STEPS, STEPS + 2) == ""
    assert why_undecided(network(), STEPS, STEPS + 1) == "the last input spikes are answered in step 14, 13 were run"
    said = "the network does not say how a class is decided; --readout softmax_sum, spike_count or voltage_sum says it"
    assert why_undecided(network(None), STEPS, 99).startswith(said)


def test_a_worker_goes_on_with_the_object_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part comes with the network as bytes; what `fast` made of the first object need not be made again."""
    ran: list[Network] = []
    monkeypatch.setattr(many, "run", lambda network, *rest, **options: ran.append(network))
    monkeypatch.setattr(many, "_kept", {})
    part = Part(events(1), {})
    for one in (network(), network(), network("spike_count"), network()):
        many._run_kept(one.fingerprint, one, part, "fast", {})
    assert ran[0] is ran[1]
    assert len({id(one) for one in ran}) == 3
    assert len(many._kept) == 1
