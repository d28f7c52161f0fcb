"""The digits: what the parts hold, that spike times alone hold the image, and how images are deformed."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from lapilli.netx_exports import LapilliError
from lapilli.simulators import Events, events_equal
from lapilli.training.data.digits import N_STEPS, Part, deform, digits

PARTS: tuple[Part, ...] = ("train", "validation", "test")


def images_of(events: Events) -> np.ndarray:
    images = np.zeros((len(events), events.n_neurons), int)
    images[events.sample_of_event, events.neuron] = 16 - events.step
    return images


def test_the_parts_hold_every_image_once_with_its_label() -> None:
    parts = [digits(part) for part in PARTS]
    found = [(*image, label) for events in parts for image, label in zip(images_of(events), events.labels)]
    images, labels = load_digits(return_X_y=True)
    assert sorted(found) == sorted((*image, label) for image, label in zip(images.astype(int), labels))
    assert [len(events) for events in parts] == [1221, 216, 360]


def test_the_split_is_stratified() -> None:
    for part in PARTS:
        shares = np.bincount(digits(part).labels) / len(digits(part))
        assert np.all(np.abs(shares - 0.1) < 0.01)


def test_the_split_is_always_the_same() -> None:
    # A changed split would make accuracies of different versions incomparable.
    assert digits("test").labels[:12].tolist() == [1, 4, 8, 6, 5, 9, 9, 1, 3, 2, 2, 2]
    assert events_equal(digits("test"), digits("test"))


def test_each_pixel_spikes_at_most_once_bright_ones_first() -> None:
    events = digits("validation")
    dense = events.to_dense()
    assert events.n_steps == N_STEPS
    assert dense.sum(axis=-1).max() == 1
    images = images_of(events)
    assert np.all(dense.argmax(axis=-1)[images == 16] == 0)
    assert np.all(dense.argmax(axis=-1)[images == 1] == 15)
    assert not dense[images == 0].any()


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(LapilliError, match="part: must be one of train, validation, test, got 'dev'"):
        digits("dev")  # type: ignore[arg-type]


def test_no_deformation_changes_nothing() -> None:
    events = digits("train")
    assert events_equal(deform(events, np.random.default_rng(0), 0.0), events)


def test_deformation_moves_ink_a_little_and_keeps_labels() -> None:
    events = digits("train")
    deformed = deform(events, np.random.default_rng(0), 1.0)
    before, after = images_of(events), images_of(deformed)
    assert np.array_equal(deformed.labels, events.labels)
    assert np.mean(np.any(before != after, axis=1)) > 0.99
    rows, columns = np.divmod(np.arange(64), 8)
    for places in (rows, columns):
        moved = (after * places).sum(1) / after.sum(1) - (before * places).sum(1) / before.sum(1)
        assert np.abs(moved).max() < 1.5
        assert np.abs(moved).mean() > 0.1


def test_a_shift_by_whole_pixels_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    def sampled_one_row_below(n_samples: int, amount: float, generator: object) -> tuple[np.ndarray, np.ndarray]:
        return np.tile(np.eye(2), (n_samples, 1, 1)), np.tile([1.0, 0.0], (n_samples, 1))

    monkeypatch.setattr("lapilli.training.data.digits._affine_maps", sampled_one_row_below)
    events = digits("validation")
    before = images_of(events).reshape(-1, 8, 8)
    after = images_of(deform(events, np.random.default_rng(0), 1.0)).reshape(-1, 8, 8)
    assert np.array_equal(after[:, :-1], before[:, 1:])
    assert not after[:, -1].any()


def test_deformation_depends_on_the_generator_alone() -> None:
    events = digits("validation")
    one, same, other = (deform(events, np.random.default_rng(seed), 0.5) for seed in (1, 1, 2))
    assert events_equal(one, same)
    assert not events_equal(one, other)
