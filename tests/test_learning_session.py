"""A learning run that stops and goes on learns the same, bit for bit; what belongs to another run is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from learning_cases import learning_case

from lapilli.netx_exports import LapilliError
from lapilli.simulators.learning import recorded
from lapilli.simulators.learning import session as session_module
from lapilli.simulators.learning.learner import learn
from lapilli.simulators.learning.record import RecordError
from lapilli.simulators.learning.report import learning_facts, moving_accuracy, sample_rows
from lapilli.simulators.learning.session import LearningSession


def session(**changes: object) -> LearningSession:
    case = learning_case(np.random.default_rng(4), n_hidden=1, n_samples=9, n_event_steps=12)
    made = LearningSession(case.network, case.events, case.config, None, case.n_steps, epochs=3, shuffle_seed=5)
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("samples_before", [0, 4, 13, 24])
def test_a_run_that_was_interrupted_goes_on_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, samples_before: int
) -> None:
    monkeypatch.setattr(session_module, "AT_ONCE", 4)
    whole = session().run(tmp_path / "whole.npz")

    def interrupted(network, events, *arguments, state, **options):
        if state.n_steps >= samples_before * options["n_steps"]:
            raise KeyboardInterrupt
        return learn(network, events, *arguments, state=state, **options)

    with monkeypatch.context() as patch:
        patch.setattr(recorded, "learn", interrupted)
        with pytest.raises(KeyboardInterrupt):
            session().run(tmp_path / "record.npz")
    monkeypatch.setattr(session_module, "AT_ONCE", 5)
    resumed = session().run(tmp_path / "record.npz", resume=True)
    assert len(resumed) == len(whole) == 27
    assert np.array_equal(resumed.decisions, whole.decisions)
    assert np.array_equal(resumed.operations, whole.operations)
    assert resumed.state.n_steps == whole.state.n_steps
    for one, other in zip(resumed.state.weights, whole.state.weights, strict=True):
        assert np.array_equal(one, other)


def test_a_record_belongs_to_one_run(tmp_path: Path) -> None:
    path = tmp_path / "record.npz"
    session().run(path)
    for change in ({"epochs": 4}, {"shuffle_seed": None}, {"n_steps": 40}, {"backend": "lava"}):
        with pytest.raises(RecordError, match="it is of a run with another network, other events or other options"):
            session(**change).run(path, resume=True)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(RecordError, match="not an npz file, or a damaged one"):
        session().run(path, resume=True)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(LapilliError, match="epochs: must be at least 1, got 0"):
        session(epochs=0)
    with pytest.raises(LapilliError, match="learning needs at least one sample"):
        session(events=session().events.select([]))


def test_the_report_says_what_happened(tmp_path: Path) -> None:
    made = session()
    record = made.run(tmp_path / "record.npz")
    facts, rows = learning_facts(made, record), sample_rows(made, record)
    assert facts["samples"] == len(rows) == 27
    assert sum(facts["samples_of_class"]) == 27
    absent = [k for k in range(made.network.output.size) if k not in set(made.events.labels.tolist())]
    assert facts["classes_never_seen"] == absent
    right = [row["label"] == row["decided"] for row in rows]
    assert facts["online_accuracy"]["all"] == np.mean(right)
    assert [row["sample"] for row in rows] == made.order.tolist()
    for name, total in facts["operations"].items():
        assert sum(row[name] for row in rows) == total  # type: ignore[misc]
    changed = facts["weight_change"][0]
    before, after = made.network.layers[0].synapses[0].effective_weights, record.state.weights[0]
    assert changed["largest_change"] == np.abs(after - before).max()
    assert changed["changed"] == np.mean(after != before)


def test_moving_accuracy_is_that_of_the_last_samples() -> None:
    right = np.random.default_rng(0).random(900) < 0.6
    expected = [right[max(0, end - 45) : end].mean() for end in range(1, 901)]
    assert np.allclose(moving_accuracy(right), expected)
