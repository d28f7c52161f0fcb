"""Augmentations, each against what it does to dense samples."""

from dataclasses import fields
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapilli.simulators import Events, events_equal
from lapilli.training.data import augmentation
from lapilli.training.data.augmentation import SPIKESCR_GSC, SPIKESCR_SHD, AugmentConfig, AugmentError, augment

SEEDS = st.integers(0, 2**32 - 1)
EVERYTHING = AugmentConfig(
    flip_probability=0.5,
    shift_x=2,
    shift_y=1,
    shift_steps=3,
    noise=0.05,
    drop=0.2,
    time_mask=0.3,
    time_mask_varies=True,
    neuron_mask=3,
)


def some_events(seed: int, shape: tuple[int, ...] = (2, 4, 5), graded: bool = False, density: float = 0.2) -> Events:
    rng = np.random.default_rng(seed)
    dense = (rng.random((6, *shape, 9)) < density) * (rng.integers(1, 9, (6, *shape, 9)) if graded else 1)
    dense[rng.integers(6)] = 0
    return Events.from_dense(dense, labels=rng.integers(0, 9, 6))


def full(n_samples: int, shape: tuple[int, ...], n_steps: int) -> Events:
    return Events.from_dense(np.ones((n_samples, *shape, n_steps), int), np.zeros(n_samples, int))


def by(config: AugmentConfig, events: Events, seed: int = 0) -> np.ndarray:
    return augment(events, np.random.default_rng(seed), config).to_dense()


def shifted(dense: np.ndarray, axis: int, by: int) -> np.ndarray:
    result = np.roll(dense, by, axis)
    index: list[slice] = [slice(None)] * dense.ndim
    index[axis] = slice(0, by) if by > 0 else slice(dense.shape[axis] + by, None)
    if by:
        result[tuple(index)] = 0
    return result


def test_everything_is_off_by_default():
    events = some_events(0)
    generator = np.random.default_rng(0)
    assert events_equal(augment(events, generator, AugmentConfig()), events)
    assert generator.random() == np.random.default_rng(0).random(), "nothing was drawn"


def test_every_option_says_what_it_is():
    lines = Path(augmentation.__file__).read_text(encoding="utf-8").split("\n")
    for field in fields(AugmentConfig):
        place = next(i for i, line in enumerate(lines) if line.startswith(f"    {field.name}: "))
        assert lines[place + 1].startswith('    """'), field.name


@given(SEEDS, st.sampled_from([(7,), (2, 4, 5)]), st.booleans())
def test_all_together_keep_labels_and_are_repeatable(seed, shape, graded):
    events = some_events(seed, shape, graded)
    config = EVERYTHING if len(shape) == 3 else AugmentConfig(shift_x=2, shift_steps=3, noise=0.1, drop=0.3)
    first = augment(events, np.random.default_rng(seed), config)
    again = augment(events, np.random.default_rng(seed), config)
    assert events_equal(first, again)
    assert first.labels.tolist() == events.labels.tolist()
    assert (first.value is None) == (events.value is None)
    # `Events` checked order and ranges of everything when it was made.
    assert (first.n_steps, first.shape, len(first)) == (events.n_steps, events.shape, len(events))


def test_generators_draw_something_else_each_time():
    generator = np.random.default_rng(0)
    events = some_events(0)
    assert not events_equal(augment(events, generator, EVERYTHING), augment(events, generator, EVERYTHING))


@given(SEEDS, st.booleans())
def test_flips_are_those_of_the_dense_samples(seed, graded):
    events = some_events(seed, graded=graded)
    result, dense = by(AugmentConfig(flip_probability=0.5), events, seed), events.to_dense()
    for after, before in zip(result, dense):
        assert np.array_equal(after, before) or np.array_equal(after, before[:, :, ::-1])
    assert np.array_equal(by(AugmentConfig(flip_probability=1), events, seed), dense[:, :, :, ::-1])


def test_half_of_the_samples_are_flipped():
    dense = np.zeros((2000, 1, 1, 4, 1), int)
    dense[:, :, :, 0] = 1
    result = by(AugmentConfig(flip_probability=0.5), Events.from_dense(dense))
    assert abs(result[:, 0, 0, 3, 0].mean() - 0.5) < 5 * np.sqrt(0.25 / 2000)


@pytest.mark.parametrize(("name", "axis", "farthest"), [("shift_x", 2, 2), ("shift_y", 1, 1), ("shift_steps", 3, 4)])
@given(seed=SEEDS)
def test_shifts_are_those_of_the_dense_samples(name, axis, farthest, seed):
    events = some_events(seed, graded=True)
    result = by(AugmentConfig(**{name: farthest}), events, seed)
    for after, before in zip(result, events.to_dense()):
        candidates = [shifted(before, axis, shift) for shift in range(-farthest, farthest + 1)]
        assert any(np.array_equal(after, candidate) for candidate in candidates)


@pytest.mark.parametrize(("name", "axis"), [("shift_x", 0), ("shift_steps", 1)])
def test_every_shift_is_as_likely(name, axis):
    farthest: dict[str, Any] = {name: 2}
    dense = np.zeros((3000, 9, 9), int)
    dense[:, 4, 4] = 1
    places = np.argwhere(by(AugmentConfig(**farthest), Events.from_dense(dense)))[:, 1 + axis]
    assert sorted(set(places)) == [2, 3, 4, 5, 6]
    assert np.abs(np.bincount(places)[2:] / 3000 - 0.2).max() < 5 * np.sqrt(0.16 / 3000)


@given(SEEDS)
def test_shifts_in_two_directions_move_the_picture_as_a_whole(seed):
    events = some_events(seed)
    result = by(AugmentConfig(shift_x=2, shift_y=1), events, seed)
    for after, before in zip(result, events.to_dense()):
        candidates = [shifted(shifted(before, 2, x), 1, y) for x in range(-2, 3) for y in (-1, 0, 1)]
        assert any(np.array_equal(after, candidate) for candidate in candidates)


@given(SEEDS, st.floats(0.01, 1))
def test_dropping_only_takes_away(seed, drop):
    events = some_events(seed, graded=True)
    result, dense = by(AugmentConfig(drop=drop), events, seed), events.to_dense()
    assert np.array_equal(result, np.where(result, dense, 0))
    if drop == 1:
        assert not result.any()


def test_the_share_asked_for_is_dropped():
    events = full(10, (100,), 100)
    left = by(AugmentConfig(drop=0.3), events).mean()
    assert abs(left - 0.7) < 5 * np.sqrt(0.21 / events.n_events)


@given(SEEDS, st.floats(0.001, 1), st.booleans())
def test_noise_only_adds_ones_where_nothing_was(seed, noise, graded):
    events = some_events(seed, graded=graded)
    result, dense = by(AugmentConfig(noise=noise), events, seed), events.to_dense()
    assert np.array_equal(np.where(dense, result, 0), dense)
    assert set(np.unique(result[dense == 0])) <= {0, 1}
    if noise == 1:
        assert (result > 0).all()


def test_noise_has_the_density_asked_for_in_every_sample_step_and_neuron():
    empty = Events.from_dense(np.zeros((50, 50, 50), int))
    result = by(AugmentConfig(noise=0.1), empty)
    assert abs(result.mean() - 0.1) < 5 * np.sqrt(0.09 / result.size)
    for axes in ((1, 2), (0, 2), (0, 1)):
        assert np.abs(result.mean(axes) - 0.1).max() < 5 * np.sqrt(0.09 / 2500)


@given(SEEDS, st.floats(0.01, 1))
def test_a_time_mask_is_one_silent_span_of_that_length(seed, share):
    result = by(AugmentConfig(time_mask=share, time_mask_probability=1), full(4, (3,), 40), seed)
    assert np.array_equal(result.min(axis=1), result.max(axis=1)), "the same for all neurons"
    for sample in result[:, 0]:
        silent = np.flatnonzero(sample == 0)
        assert len(silent) == round(share * 40)
        assert np.all(np.diff(silent) == 1)


def test_time_masks_start_anywhere_and_come_as_often_as_asked():
    silent = 1 - by(AugmentConfig(time_mask=0.2), full(4000, (1,), 10))[:, 0]
    masked = silent.any(axis=1)
    assert abs(masked.mean() - 0.5) < 5 * np.sqrt(0.25 / 4000)
    starts = np.bincount(silent[masked].argmax(axis=1), minlength=9) / masked.sum()
    assert len(starts) == 9
    assert np.abs(starts - 1 / 9).max() < 5 * np.sqrt(1 / 9 / masked.sum())


def test_time_masks_of_varying_length():
    config = AugmentConfig(time_mask=0.3, time_mask_varies=True, time_mask_probability=1)
    lengths = (1 - by(config, full(4000, (1,), 10))).sum(axis=(1, 2))
    assert np.abs(np.bincount(lengths) / 4000 - 0.25).max() < 5 * np.sqrt(0.25 / 4000)


@pytest.mark.parametrize("shape", [(30,), (2, 3, 30)])
def test_a_neuron_mask_is_one_silent_band_of_the_widths_asked_for(shape):
    config = AugmentConfig(neuron_mask=19, neuron_mask_probability=1)
    result = by(config, full(1000, shape, 2))
    rows = result.reshape(1000, -1, 30, 2)
    assert np.array_equal(rows.min(axis=(1, 3)), rows.max(axis=(1, 3))), "the same in all rows, channels and steps"
    silent = rows[:, 0, :, 0] == 0
    assert np.all(np.abs(np.diff(np.pad(silent, ((0, 0), (1, 1))).astype(int), axis=1)).sum(axis=1) <= 2)
    assert sorted(set(silent.sum(axis=1))) == list(range(20))


def test_half_of_the_samples_get_a_neuron_mask():
    silent = by(AugmentConfig(neuron_mask=1), full(4000, (10,), 1))[:, :, 0] == 0
    # Half of all widths are 0.
    assert abs(silent.any(axis=1).mean() - 0.25) < 5 * np.sqrt(0.1875 / 4000)


def test_both_masks_leave_everything_else_alone():
    result = by(SPIKESCR_SHD, full(200, (140,), 100))
    for sample in result:
        times, neurons = (sample == 0).all(axis=0), (sample == 0).all(axis=1)
        assert np.array_equal(sample == 0, times[None] | neurons[:, None])
        assert times.sum() in (0, 20) or neurons.all()
        assert neurons.sum() < 20
    assert by(SPIKESCR_GSC, full(50, (140,), 101)).mean() < 1


def test_no_samples_no_events_no_steps():
    for shape in ((0, 2, 4, 5, 9), (3, 2, 4, 5, 9)):
        events = Events.from_dense(np.zeros(shape, int), np.zeros(shape[0], int))
        assert len(augment(events, np.random.default_rng(0), EVERYTHING)) == shape[0]


def test_all_problems_at_once():
    with pytest.raises(AugmentError, match=r"shift_x: .*, got -1; drop: must be 0…1, got 1.5; time_mask: .*nan"):
        AugmentConfig(drop=1.5, shift_x=-1, time_mask=float("nan"))
    config = AugmentConfig(flip_probability=0.5, shift_y=1, shift_x=8, neuron_mask=8, shift_steps=10)
    with pytest.raises(AugmentError, match=r"flip_prob.*shift_y: needs.*shift_x: must be at most 7.*neuron.*9, which"):
        augment(some_events(0, (7,)), np.random.default_rng(0), config)


def test_a_batch_of_shd_takes_milliseconds():
    events = Events.from_dense(np.random.default_rng(0).random((128, 700, 100)) < 4000 / 70000)
    generator = np.random.default_rng(0)
    config = AugmentConfig(time_mask=0.2, neuron_mask=95, drop=0.1, shift_x=5)
    seconds = []
    for _ in range(5):
        start = process_time()
        augment(events, generator, config)
        seconds.append(process_time() - start)
    # 15 ms on a machine of its own; CI shares its cores.
    assert min(seconds) < 0.15
