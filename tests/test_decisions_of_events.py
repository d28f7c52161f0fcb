"""From events to classes in one call, beside labels: `lapilli.decide`, confusion matrices and their pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lapilli
from lapilli.netx_exports import CubaLif, DenseSynapse, LapilliError, Layer, Network, NetworkError, Readout
from lapilli.netx_exports.neurons.kinds import ResonateAndFire
from lapilli.simulators import Events, prove, run
from lapilli.simulators.decisions.confusion import MAX_CLASSES, Confusion
from lapilli.simulators.decisions.decide import decide as decide_run
from lapilli.simulators.decisions.decide import needed_recording, scores
from lapilli.simulators.decisions.decisions import Decisions
from lapilli.simulators.decisions.of_events import with_readout
from lapilli.simulators.files.event_file import EventFile

STEPS = 12


def network(kind: str | None = "voltage_sum", classes: int | None = None) -> Network:
    rng = np.random.default_rng(0)
    hidden = DenseSynapse("input", rng.integers(-40, 60, (12, 9)) * 2)
    out = DenseSynapse("hidden", rng.integers(-60, 70, (6, 12)) * 2)
    layers = (
        Layer("hidden", (12,), CubaLif(90, 1024, 256), (hidden,)),
        Layer("out", (6,), CubaLif(90, 1024, 256), (out,)),
    )
    return Network((9,), layers, readout=None if kind is None else Readout(kind, classes))


def events(n_samples: int = 70) -> Events:
    rng = np.random.default_rng(1)
    return Events.from_dense(rng.random((n_samples, 9, STEPS)) < 0.3, labels=rng.integers(0, 3, n_samples))


@pytest.mark.parametrize("kind", ["voltage_sum", "spike_count", "softmax_sum"])
@pytest.mark.parametrize("classes", [None, 3])
def test_decide_is_what_a_run_until_the_last_answer_decides(kind: str, classes: int | None, tmp_path: Path) -> None:
    deciding, given = network(kind, classes), events()
    whole = run(deciding, given, "reference", n_steps=STEPS + 2, record=needed_recording(deciding))
    given.save(tmp_path / "events.npz")
    for source in (given, EventFile(tmp_path / "events.npz")):
        found = lapilli.decide(deciding, source)
        assert found.classes.tolist() == decide_run(whole, deciding).tolist()
        assert np.array_equal(found.scores, scores(whole, deciding))
        assert found.accuracy == np.mean(decide_run(whole, deciding) == given.labels)
    assert len(found) == 70
    assert len(set(found.classes.tolist())) > 1


def test_steps_and_readouts_that_do_not_fit() -> None:
    given = events(3)
    with pytest.raises(LapilliError, match="decide: the last input spikes are answered in step 14, 13 were run"):
        lapilli.decide(network(), given, n_steps=13)
    with pytest.raises(LapilliError, match="decide: the network does not say how a class is decided; --readout "):
        lapilli.decide(network(None), given)
    said = lapilli.decide(network(None), given, readout="spike_count")
    assert said.classes.tolist() == lapilli.decide(network("spike_count"), given).classes.tolist()
    assert lapilli.decide(network("voltage_sum"), given, readout="voltage_sum").labels is not None
    with pytest.raises(LapilliError, match="readout: the network decides by voltage_sum already, got spike_count"):
        with_readout(network(), "spike_count")
    with pytest.raises(LapilliError, match="readout: must be one of voltage_sum, spike_count, softmax_sum, got 'vote'"):
        with_readout(network(None), "vote")
    resonating = Layer("out", (6,), ResonateAndFire(0, 4096, 10), network().output.synapses)
    with pytest.raises(NetworkError, match="voltage_sum reads the voltage of the output"):
        with_readout(Network((9,), (network().layers[0], resonating)), "voltage_sum")


def test_no_samples_and_no_labels() -> None:
    nothing = lapilli.decide(network("spike_count", 3), events(0))
    assert (len(nothing), nothing.scores.shape, nothing.classes.tolist()) == (0, (0, 3), [])
    unlabelled = lapilli.decide(network(), replace(events(3), labels=None))
    assert (len(unlabelled), unlabelled.labels) == (3, None)
    for found in (nothing, unlabelled):
        with pytest.raises(LapilliError, match="accuracy needs events with labels and at least one sample"):
            _ = found.accuracy


def test_a_confusion_matrix_counted_by_hand() -> None:
    found = Confusion()
    found.add(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0]), 3)
    found.add(np.array([2, 0]), np.array([2, 1]), 3)
    assert found.classes == [0, 1, 2]
    assert found.matrix().tolist() == [[1, 2, 0], [0, 1, 0], [1, 0, 1]]
    assert (found.n_compared, found.right, found.accuracy) == (6, 3, 0.5)
    assert found.class_accuracies() == {0: 1 / 3, 1: 1.0, 2: 0.5}
    assert found.mistakes() == [(0, 1, 2), (2, 0, 1)]
    assert found.as_json() == {
        "samples": 6,
        "right": 3,
        "accuracy": 0.5,
        "classes": [0, 1, 2],
        "class_accuracy": [1 / 3, 1.0, 0.5],
        "confusion": [[1, 2, 0], [0, 1, 0], [1, 0, 1]],
    }


def test_labels_that_are_no_class_are_never_right() -> None:
    found = Decisions(np.array([[3, 1], [0, 2], [5, 5]]), np.array([-1, 7, 0])).confusion
    assert found.classes == [-1, 0, 1, 7]
    assert found.matrix().tolist() == [[0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]
    assert found.right == 1
    assert found.class_accuracies() == {-1: 0.0, 0: 1.0, 7: 0.0}


def test_too_many_classes_have_an_accuracy_and_no_matrix() -> None:
    found = Confusion()
    found.add(np.array([5, 6]), np.array([5, 9]), MAX_CLASSES + 1)
    assert found.as_json() == {"samples": 2, "right": 1, "accuracy": 0.5}
    with pytest.raises(LapilliError, match="a confusion matrix has at most 1,000 classes, these are 1,001"):
        found.matrix()


def test_a_proof_has_the_decisions_of_each_backend() -> None:
    deciding, given = network(), events(20)
    proof = prove(deciding, given, ("reference", "fast"))
    expected = lapilli.decide(deciding, given)
    assert proof.decisions.keys() == {"reference", "fast"}
    for found in proof.decisions.values():
        assert np.array_equal(found.scores, expected.scores)
        assert found.accuracy == expected.accuracy
    assert prove(deciding, given, ("reference", "fast"), n_steps=STEPS).decisions == {}
    assert prove(network(None), given, ("reference", "fast")).decisions == {}
