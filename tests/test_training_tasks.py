"""What a recipe trains on, and that the test part is for looking only."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from timed_recordings import NAME, register
from training_runs import content, metrics

from lapilli.netx_exports import LapilliError, load
from lapilli.simulators import events_equal, run
from lapilli.simulators.decisions.decide import accuracy, decide, needed_recording
from lapilli.training.data.augmentation import AugmentConfig
from lapilli.training.data.catalogue import prepared
from lapilli.training.data.digits import digits
from lapilli.training.data.framing import Framing, Split
from lapilli.training.data.tasks import DataConfig, find_task
from lapilli.training.loop.batches import TrainingBatches
from lapilli.training.loop.optimisation import OptimizerConfig
from lapilli.training.networks.network import NetworkConfig
from lapilli.training.recipes.surrogate_gradient import Summary, train

DATA = DataConfig(NAME, Framing(bin_ms=5.0))
NETWORK = NetworkConfig(hidden=(10,))
OPTIMIZER = OptimizerConfig(max_epochs=3, batch_size=32, lr=0.01)


@pytest.fixture(autouse=True)
def ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)


def train_ticks(run_dir: Path, **options: Any) -> Summary:
    defaults = {"data": DATA, "network": NETWORK, "optimizer": OPTIMIZER, "progress": False}
    return train(run_dir, **{**defaults, **options})


def test_watching_the_test_part_changes_nothing(tmp_path: Path) -> None:
    plain = train_ticks(tmp_path / "plain")
    watched = train_ticks(tmp_path / "watched", watch_test=True)
    rows = metrics(tmp_path / "watched")
    seen = [row.pop("test_accuracy") for row in rows]
    assert rows == metrics(tmp_path / "plain")
    assert len(set(seen)) > 1
    assert plain.best_test_epoch_accuracy is None
    assert watched.best_test_epoch_accuracy == max(seen)
    assert seen[watched.best_epoch - 1] == pytest.approx(watched.test_accuracy)
    assert replace(watched, best_test_epoch_accuracy=None, seconds=0.0) == replace(plain, seconds=0.0)
    assert content(tmp_path / "plain")["last"] == content(tmp_path / "watched")["last"]


def test_the_test_part_has_no_say_in_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = train_ticks(tmp_path / "before", watch_test=True)
    found = find_task(DATA, progress=False)
    labels = (found.test.labels + 1) % 3
    monkeypatch.setattr(
        "lapilli.training.recipes.surrogate_gradient.find_task",
        lambda data, progress: replace(found, test=replace(found.test, labels=labels)),
    )
    after = train_ticks(tmp_path / "after", watch_test=True)
    assert after.fingerprint == before.fingerprint
    assert after.test_accuracy != before.test_accuracy


def test_the_summary_is_what_the_exported_network_does(tmp_path: Path) -> None:
    summary = train_ticks(tmp_path / "run")
    network = load(tmp_path / "run" / "model.net")
    for part in ("train", "validation", "test"):
        events = prepared(NAME, DATA.framing).part(part).events()
        result = run(network, events, "reference", n_steps=summary.n_steps, record=needed_recording(network))
        assert accuracy(decide(result, network), events.labels) == getattr(summary, f"{part}_accuracy")
    assert summary.operations == result.counts.synapse_ops.sum() / len(events)
    assert summary.spikes == result.counts.sent[:, 1:].sum() / len(events)
    assert summary.n_steps == events.n_steps + network.depth


def test_training_on_both_parts_sees_all_of_both() -> None:
    both, one = (find_task(replace(DATA, fit=fit), progress=False) for fit in ("train and validation", "train"))
    assert len(both.train) == len(one.train) + len(one.validation) == 120
    batches = TrainingBatches(both.train, 20, 50, 0, lambda events, generator: events)
    labels = np.concatenate([batch.labels.numpy() for batch in batches])
    assert len(labels) == 120
    assert sorted(labels) == sorted([*one.train.labels, *one.validation.labels])
    assert np.array_equal(both.validation.rows, one.validation.rows)
    digits_both = find_task(DataConfig(fit="train and validation"), progress=False)
    assert events_equal(digits_both.train.select(slice(1221, None)), digits("validation"))


def test_training_on_both_parts_needs_the_last_weights(tmp_path: Path) -> None:
    both = replace(DATA, fit="train and validation")
    with pytest.raises(LapilliError, match=r"^data\.fit: .*set optimizer\.keep to last$"):
        train_ticks(tmp_path / "run", data=both)
    assert not (tmp_path / "run").exists()
    summary = train_ticks(tmp_path / "run", data=both, optimizer=replace(OPTIMIZER, keep="last"))
    assert summary.best_epoch == 3
    assert summary.fingerprint != train_ticks(tmp_path / "one", optimizer=replace(OPTIMIZER, keep="last")).fingerprint


def test_another_split_moves_speakers() -> None:
    usual, other = find_task(DATA, False), find_task(replace(DATA, split=Split(validation_groups=(0,))), False)
    assert set(usual.validation.groups) == {3}
    assert set(other.validation.groups) == {0}
    assert np.array_equal(usual.test.rows, other.test.rows)


def test_the_drain_is_what_it_is_set_to(tmp_path: Path) -> None:
    network = replace(NETWORK, delays=5)
    assert train_ticks(tmp_path / "usual", network=network).n_steps == 16 + 1 + 5 + 1
    assert train_ticks(tmp_path / "none", network=network, data=replace(DATA, drain=3)).n_steps == 16 + 3
    with pytest.raises(LapilliError, match=r"data\.drain: must be at least 0, got -1"):
        train_ticks(tmp_path / "less", data=replace(DATA, drain=-1))


def test_options_that_a_data_set_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"data\.deformation: is of digits alone, not of ticks"):
        train_ticks(tmp_path / "run", data=replace(DATA, deformation=0.5))
    with pytest.raises(LapilliError, match="data set digits has no bin_ms to choose"):
        train_ticks(tmp_path / "run", data=DataConfig(framing=Framing(bin_ms=5.0)))
    with pytest.raises(LapilliError, match="unknown data set 'fly'; data sets are digits, "):
        train_ticks(tmp_path / "run", data=DataConfig("fly"))
    with pytest.raises(LapilliError, match="flip_probability: needs a camera or image"):
        train_ticks(tmp_path / "run", data=replace(DATA, augment=AugmentConfig(flip_probability=0.5)))
