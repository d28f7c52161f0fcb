"""Samples: what is selected, in which order, with which facts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapilli.simulators import Events, events_equal
from lapilli.training.data.catalogue import prepared
from lapilli.training.data.digits import digits
from lapilli.training.data.samples import in_memory

EVENTS = Events.from_dense(np.random.default_rng(0).integers(-2, 3, (9, 4, 6)), np.arange(9) % 3)
SAMPLES = in_memory(EVENTS, np.arange(9) + 100, np.arange(9))


@given(st.lists(st.integers(-9, 8)))
def test_any_samples_in_any_order(chosen: list[int]) -> None:
    index = np.array(chosen, int)
    selected = SAMPLES.select(index)
    assert events_equal(selected, EVENTS.select(index))
    assert np.array_equal(selected.labels, EVENTS.labels[index])
    part = SAMPLES.subset(index)
    assert events_equal(part.events(), selected)
    assert np.array_equal(part.labels, selected.labels)
    assert np.array_equal(part.groups, (np.arange(9) + 100)[index])
    assert np.array_equal(part.lengths, np.arange(9)[index])
    assert part.n_events == selected.n_events


@pytest.mark.parametrize("chosen", [slice(2, 7), slice(None, None, -2), slice(5, 5)])
def test_slices(chosen: slice) -> None:
    assert events_equal(SAMPLES.select(chosen), EVENTS.select(chosen))
    assert events_equal(
        SAMPLES.subset(chosen).select([0] if len(SAMPLES.subset(chosen)) else []),
        EVENTS.select(chosen).select([0] if len(EVENTS.select(chosen)) else []),
    )


def test_a_part_of_a_part() -> None:
    assert events_equal(SAMPLES.subset([8, 3, 1]).subset([2, 0]).events(), EVENTS.select([1, 8]))


def test_samples_that_do_not_exist_are_refused() -> None:
    with pytest.raises(IndexError):
        SAMPLES.select([9])


def test_facts_of_what_was_given() -> None:
    assert (len(SAMPLES), SAMPLES.shape, SAMPLES.n_steps) == (9, (4,), 6)
    plain = in_memory(EVENTS)
    assert plain.groups.tolist() == [-1] * 9
    assert plain.lengths.tolist() == [6] * 9


def test_the_digits_are_those_of_training_digits() -> None:
    found = prepared("digits")
    assert found.folder is None
    for part, samples in found.parts.items():
        assert events_equal(samples.events(), digits(part))
        assert np.array_equal(samples.labels, digits(part).labels)
