"""Lines beside the channels: where they are on, that augmentation leaves them alone, and samples that have them."""

from pathlib import Path

import numpy as np
import pytest
from timed_recordings import CHANNELS, NAME, register

from lapilli.netx_exports import LapilliError
from lapilli.simulators import Events
from lapilli.training.data.augmentation import AugmentConfig, augment
from lapilli.training.data.framing import Framing
from lapilli.training.data.lines import beside_lines, lined, with_lines, without_lines
from lapilli.training.data.samples import in_memory
from lapilli.training.data.tasks import DataConfig, find_task


def drawn(graded=True, n_samples=4, n_channels=5, n_steps=9):
    dense = np.random.default_rng(3).poisson(0.4, (n_samples, n_channels, n_steps)).astype(np.int32)
    dense[1] = 0
    return Events.from_dense(dense if graded else (dense > 0).astype(np.int32), np.arange(n_samples))


LENGTHS = np.array([9, 0, 4, 1])


@pytest.mark.parametrize("graded", [True, False])
@pytest.mark.parametrize(("lines", "number"), [("valid", 1), ("valid and keys", 2)])
def test_lines_stand_behind_the_channels_and_can_be_taken_away(graded, lines, number):
    events = drawn(graded)
    found = with_lines(events, LENGTHS, lines)
    dense = found.to_dense()
    assert found.shape == (5 + number,)
    assert np.array_equal(dense[:, :5], events.to_dense())
    assert np.array_equal(dense[:, 5], np.ones((4, 9)))
    if number > 1:
        assert np.array_equal(dense[:, 6], np.arange(9) < LENGTHS[:, None])
    assert np.array_equal(found.labels, events.labels)
    assert (found.value is None) == (events.value is None)
    # In the order that `Events` keeps.
    again = Events.from_dense(dense, events.labels)
    assert np.array_equal(found.neuron, again.neuron)
    assert np.array_equal(found.step, again.step)
    channels, lengths = without_lines(found, lines)
    assert np.array_equal(channels.to_dense(), events.to_dense())
    assert np.array_equal(channels.offsets, events.offsets)
    assert np.array_equal(lengths, LENGTHS if number > 1 else np.full(4, 9))


def test_augmentation_meets_the_channels_alone():
    config = AugmentConfig(shift_x=2, shift_steps=3, noise=0.1, drop=0.2, neuron_mask=5, time_mask=0.5)
    events = drawn()

    def changed(found, generator):
        return augment(found, generator, config)

    found = beside_lines(changed, "valid and keys")(
        with_lines(events, LENGTHS, "valid and keys"), np.random.default_rng(1)
    )
    expected = with_lines(changed(events, np.random.default_rng(1)), LENGTHS, "valid and keys")
    assert np.array_equal(found.to_dense(), expected.to_dense())
    assert beside_lines(changed, "none") is changed


def test_samples_with_lines_are_read_in_any_order():
    samples = lined(in_memory(drawn(), lengths=LENGTHS), "valid and keys")
    assert samples.shape == (7,)
    assert samples.n_events == len(samples.events().step)
    chosen = samples.subset(np.array([3, 0])).select(slice(None))
    assert chosen.to_dense()[:, 6].sum(1).tolist() == [1, 9]
    assert chosen.labels.tolist() == [3, 0]
    assert lined(samples, "none") is samples


def test_images_have_no_lines():
    images = in_memory(Events.from_dense(np.zeros((1, 1, 2, 2, 3), np.int32), np.zeros(1, np.int64)))
    with pytest.raises(LapilliError, match=r"data.lines: stand beside channels, shape \(N,\), but the input has shape"):
        lined(images, "valid")


@pytest.mark.usefixtures("tmp_path")
def test_a_task_has_lines_in_all_parts_and_in_what_is_augmented(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    register(monkeypatch)
    config = DataConfig(NAME, Framing(bin_ms=10.0), augment=AugmentConfig(shift_x=3), lines="valid")
    for fit in ("train", "train and validation"):
        task = find_task(DataConfig(NAME, config.framing, augment=config.augment, lines="valid", fit=fit), False)
        assert task.shape == (CHANNELS + 1,)
        for part in (task.train, task.validation, task.test):
            assert (part.events().to_dense()[:, CHANNELS] == 1).all()
        batch = task.augment(task.train.select(slice(0, 5)), np.random.default_rng(0)).to_dense()
        assert (batch[:, CHANNELS] == 1).all()
        assert batch[:, :CHANNELS].any()
