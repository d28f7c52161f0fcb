"""Encoders: analogue values as integer events."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lapilli.training.data.digits import digits, encode_latency
from lapilli.training.data.encoders import (
    EncodingError,
    delta,
    delta_decoded,
    direct,
    encode,
    latency,
    rate,
    repeat,
    to_unit,
)

SHAPES = array_shapes(min_dims=3, max_dims=3, max_side=6)


def test_direct_rounds_to_whole_levels():
    values = np.array([[[-1, -0.5, -0.1, 0, 0.13, 0.49, 1]]])
    assert direct(values, 4).tolist() == [[[-4, -2, 0, 0, 1, 2, 4]]]


def test_direct_takes_halves_to_the_even_neighbour():
    assert direct(np.array([[[0.5, 1.5, 2.5, -0.5]]]) / 4, 4).tolist() == [[[0, 2, 2, 0]]]


@given(arrays(np.float64, SHAPES, elements=st.floats(-1, 1)), st.integers(1, 1000))
def test_direct_is_within_half_a_level(values, levels):
    events = encode(values, "direct", levels=levels)
    assert events.dtype == np.int32
    assert np.abs(events - values * levels).max() <= 0.5
    assert np.abs(events).max() <= levels


def test_delta_by_hand():
    values = np.array([[[0.0, 0.4, 0.9, 1.0, 3.5, 3.0, 2.6, 2.5, -0.5]]])
    on, off = delta(values, 1.0)[0]
    assert on.tolist() == [0, 0, 0, 1, 2, 0, 0, 0, 0]
    assert off.tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 3]


def test_delta_tells_the_level_in_the_first_step():
    events = delta(np.array([[[0.75, 0.75], [-0.5, -0.5]]]), 0.25)
    assert events.tolist() == [[[3, 0], [0, 0], [0, 0], [2, 0]]]


@given(
    arrays(np.float64, SHAPES, elements=st.floats(-1000, 1000)),
    st.floats(0.01, 10),
)
def test_delta_reconstruction_is_less_than_a_threshold_off(values, threshold):
    events = encode(values, "delta", threshold=threshold)
    assert events.dtype == np.int32
    assert events.min() >= 0
    assert not np.any(events[:, : values.shape[1]] * events[:, values.shape[1] :]), "both ON and OFF in one step"
    # The decoded values are rounded once more, by a few units in the last place of the largest value.
    assert np.abs(delta_decoded(events, threshold) - values).max() < threshold + 1e-12


@given(arrays(np.float64, SHAPES, elements=st.floats(-5, 5)))
def test_delta_sends_nothing_while_a_value_has_moved_less_than_a_threshold(values):
    threshold = 0.5
    events = delta(values, threshold)
    moved = events[:, : values.shape[1]].astype(np.int64) - events[:, values.shape[1] :]
    before = np.concatenate([np.zeros((*values.shape[:2], 1)), delta_decoded(events, threshold)[:, :, :-1]], 2)
    assert np.array_equal(moved == 0, np.abs(values - before) < threshold)


def test_latency_is_brighter_earlier_and_black_silent():
    events = latency(np.array([[[1.0], [0.75], [0.25], [0.1], [0.0]]]), 4)
    assert [np.flatnonzero(row).tolist() for row in events[0]] == [[0], [1], [3], [], []]


def test_latency_is_the_encoding_of_the_digits():
    brightness = np.arange(64).reshape(1, 64) % 17
    expected = encode_latency(brightness, np.zeros(1, np.int64)).to_dense()
    assert np.array_equal(latency(brightness[:, :, None] / 16, 16), expected)
    assert digits("test").n_steps == 16


def test_rate_has_the_probabilities_asked_for():
    probabilities = np.array([0.0, 0.1, 0.5, 0.9, 1.0])
    n_steps = 20_000
    means = rate(repeat(probabilities[None], n_steps), 7).mean(axis=2)[0]
    assert means[[0, 4]].tolist() == [0, 1]
    # Five standard deviations of the mean.
    assert np.all(np.abs(means - probabilities) <= 5 * np.sqrt(probabilities * (1 - probabilities) / n_steps))


def test_rate_draws_every_step_and_channel_anew():
    spikes = rate(np.full((1, 50, 400), 0.5), 0)[0].astype(float)
    assert np.abs(np.corrcoef(spikes) - np.eye(50)).max() < 0.3
    assert np.abs(np.corrcoef(spikes[:, 1:].ravel(), spikes[:, :-1].ravel())[0, 1]) < 0.05


@given(arrays(np.float64, SHAPES, elements=st.floats(0, 1)), st.integers(0, 2**40))
def test_rate_depends_on_seed_and_sample_alone(values, seed):
    whole = encode(values, "rate", seed=seed)
    assert whole.dtype == np.int32
    assert np.array_equal(whole, np.concatenate([rate(values[[i]], seed) for i in range(len(values))]))


def test_rate_differs_by_seed_and_by_sample():
    values = np.full((2, 8, 32), 0.5)
    values[1, 0, 0] = 0.25
    assert not np.array_equal(rate(values, 0), rate(values, 1))
    assert not np.array_equal(rate(values, 0)[0], rate(values, 0)[1])


def test_repeat_shows_the_same_picture_in_every_step():
    values = np.array([[0.25, 1.0]])
    expected = [[[0.25] * 3, [1.0] * 3]]
    assert repeat(values, 3).tolist() == repeat(values[:, :, None], 3).tolist() == expected
    assert repeat(direct(values[:, :, None], 4), 2).tolist() == [[[1, 1], [4, 4]]]


def test_to_unit_clips():
    assert to_unit(np.array([-200.0, -80, -40, 0, 10]), -80, 0).tolist() == [0, 0, 0.5, 1, 1]
    with pytest.raises(EncodingError, match="high: must be above low, 1, got 1"):
        to_unit(np.zeros(1), 1, 1)


@pytest.mark.parametrize("encoder", ["direct", "delta", "latency", "rate"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(encoder, bad):
    values = np.zeros((2, 3, 1))
    values[1, 2, 0] = bad
    with pytest.raises(EncodingError, match=rf"{encoder}: values: must be .*, got {bad} at \[1, 2, 0\]"):
        encode(values, encoder)


@pytest.mark.parametrize(
    ("encoder", "value", "message"),
    [
        ("direct", -1.5, r"values: must be -1…1, got -1.5 at \[0, 0, 0\]"),
        ("latency", -0.5, r"values: must be 0…1, got -0.5"),
        ("rate", 1.5, r"values: must be 0…1, got 1.5"),
        ("delta", 1e12, r"threshold: 0.1 is too small for the value at \[0, 0, 0\], 1e\+13 thresholds"),
    ],
)
def test_values_out_of_range_are_refused(encoder, value, message):
    with pytest.raises(EncodingError, match=message):
        encode(np.full((1, 1, 1), value), encoder)


def test_all_problems_at_once():
    with pytest.raises(EncodingError, match=r"levels: must be 1…8388607, got 0; values: must be 0…1, got 2.0.*static"):
        latency(np.full((1, 1, 3), 2.0), 0)
    with pytest.raises(EncodingError, match=r"threshold: must be above 0 and finite, got 0; .*\(samples, channels, st"):
        delta(np.zeros((2, 2)), 0)
    with pytest.raises(EncodingError, match=r"seed: must be at least 0, got -1"):
        rate(np.zeros((1, 1, 1)), -1)
    with pytest.raises(EncodingError, match=r"n_steps: must be at least 1, got 0; values: must be static"):
        repeat(np.zeros((1, 2, 3)), 0)


def test_unknown_encoder():
    with pytest.raises(EncodingError, match="must be one of direct, delta, latency, rate, got 'morse'"):
        encode(np.zeros((1, 1, 1)), "morse")  # type: ignore[arg-type]


def test_numbers_of_another_kind_are_refused():
    with pytest.raises(EncodingError, match="values: must be real numbers, got complex128"):
        direct(np.zeros((1, 1, 1), complex), 4)
