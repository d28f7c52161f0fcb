"""Samples that come one by one: each is answered before the next is asked for, and all are learnt as from a file."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from learning_cases import LearningCase, learning_case, learning_cases

from lapilli.netx_exports import LapilliError
from lapilli.simulators import Events
from lapilli.simulators.events import EventsError
from lapilli.simulators.learning import LearningError, learn, learn_each, recorded
from lapilli.simulators.learning.labelled_lines import StreamHeader
from lapilli.simulators.learning.online import Answer, StreamSession
from lapilli.simulators.learning.record import LearningRecord, RecordError
from lapilli.simulators.learning.session import LearningSession

CASE = learning_case(np.random.default_rng(4), n_hidden=1, n_samples=27, n_event_steps=12)


def session(case: LearningCase = CASE, **changes: object) -> StreamSession:
    header = StreamHeader(case.events.shape, case.events.n_steps, case.network.output.size)
    return replace(StreamSession(case.network, header, case.config, None, case.n_steps), **changes)  # type: ignore[arg-type]


def one_by_one(events: Events, first: int = 0, last: int | None = None) -> Iterator[Events]:
    return (events.select([number]) for number in range(len(events))[first:last])


def assert_same(one: LearningRecord, other: LearningRecord) -> None:
    assert one.state.n_steps == other.state.n_steps
    for name in ("labels", "decisions", "operations"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    for ours, others in zip(one.state.weights, other.state.weights, strict=True):
        assert np.array_equal(ours, others)


@settings(max_examples=30)
@given(learning_cases())
def test_samples_one_by_one_are_learnt_as_all_at_once(case: LearningCase) -> None:
    whole = learn(case.network, case.events, case.config, n_steps=case.n_steps)
    each = list(learn_each(case.network, one_by_one(case.events), case.config, n_steps=case.n_steps))
    assert each[-1].network == whole.network
    assert each[-1].state.n_steps == whole.state.n_steps
    assert [int(learned.decisions[0]) for learned in each] == whole.decisions.tolist()
    counts = [learned.counts.operations[0] for learned in each]
    assert np.array_equal(counts, whole.counts.operations)


@pytest.mark.parametrize("save_s", [-1.0, 5.0])
def test_a_stream_is_learnt_as_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save_s: float) -> None:
    monkeypatch.setattr(recorded, "SAVE_S", save_s)
    file = LearningSession(CASE.network, CASE.events, CASE.config, None, CASE.n_steps).run(tmp_path / "file.npz")
    stream = session().run(one_by_one(CASE.events), tmp_path / "stream.npz")
    assert_same(file, stream)
    assert (file.operations[:, 1:4].sum(axis=0) > 0).all()


def test_each_sample_is_answered_before_the_next_is_asked_for(tmp_path: Path) -> None:
    told: list[Answer] = []

    def samples() -> Iterator[Events]:
        for number, sample in enumerate(one_by_one(CASE.events)):
            assert len(told) == number
            yield sample

    record = session().run(samples(), tmp_path / "record.npz", answer=told.append)
    assert [answer.number for answer in told] == list(range(27))
    assert [answer.label for answer in told] == CASE.events.labels.tolist()
    assert [answer.decided for answer in told] == record.decisions.tolist()


@pytest.mark.parametrize("ends", [(0,), (1,), (9, 17), (5, 5, 27)])
@pytest.mark.parametrize("save_s", [-1.0, 5.0])
def test_an_interrupted_stream_goes_on_with_the_next_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: tuple[int, ...], save_s: float
) -> None:
    monkeypatch.setattr(recorded, "SAVE_S", save_s)
    whole = session().run(one_by_one(CASE.events), tmp_path / "whole.npz")

    def broken(first: int, last: int) -> Iterator[Events]:
        yield from one_by_one(CASE.events, first, last)
        raise KeyboardInterrupt

    path, first, told = tmp_path / "record.npz", 0, list[Answer]()
    for end in ends:
        with pytest.raises(KeyboardInterrupt):
            session().run(broken(first, end), path, first > 0, told.append)
        first = end
    resumed = session().run(one_by_one(CASE.events, first), path, True, told.append)
    assert_same(resumed, whole)
    assert [answer.number for answer in told] == list(range(27))


def test_whatever_ends_a_stream_what_was_learnt_is_kept(tmp_path: Path) -> None:
    def refuse(told: Answer) -> None:
        if told.number == 7:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        session().run(one_by_one(CASE.events), tmp_path / "record.npz", answer=refuse)
    wrong = replace(CASE.events.select([20]), labels=np.array([99]))
    with pytest.raises(LearningError, match="labels: must be 0…"):
        session().run([*one_by_one(CASE.events, 8, 20), wrong], tmp_path / "record.npz", True)
    resumed = session().run(one_by_one(CASE.events, 20), tmp_path / "record.npz", True)
    assert_same(resumed, session().run(one_by_one(CASE.events), tmp_path / "whole.npz"))


def test_a_record_belongs_to_one_network_rule_and_header(tmp_path: Path) -> None:
    path = tmp_path / "record.npz"
    session().run(one_by_one(CASE.events), path)
    shape, n_steps, n_classes = CASE.events.shape, CASE.events.n_steps, CASE.network.output.size
    other = learn(CASE.network, CASE.events, CASE.config, n_steps=CASE.n_steps).network
    assert other != CASE.network
    for change in (
        {"header": StreamHeader(shape, n_steps + 1, n_classes)},
        {"header": StreamHeader(shape, n_steps, n_classes - 1)},
        {"config": replace(CASE.config, seed=CASE.config.seed + 1)},
        {"n_steps": CASE.n_steps + 1},
        {"layers": ["readout"]},
        {"network": other},
        {"backend": "lava"},
    ):
        with pytest.raises(RecordError, match="it is of a run with another network, other events or other options"):
            session(**change).run([], path, resume=True)
    # Nor does a stream go on where a file ended.
    LearningSession(CASE.network, CASE.events, CASE.config, None, CASE.n_steps).run(path)
    with pytest.raises(RecordError):
        session().run([], path, resume=True)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    shape, n_steps, n_classes = CASE.events.shape, CASE.events.n_steps, CASE.network.output.size
    with pytest.raises(EventsError, match="shape: the network's input is"):
        session(header=StreamHeader((shape[0] + 1,), n_steps, n_classes))
    with pytest.raises(LapilliError, match=f"classes: must be at most {n_classes}, the neurons of the readout, got 99"):
        session(header=StreamHeader(shape, n_steps, 99))
    with pytest.raises(LapilliError, match="learning needs at least one sample"):
        session().run([], tmp_path / "record.npz")
