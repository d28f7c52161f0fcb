"""Texts of numbers and shapes of charts show what they are given."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapilli.profile.charts import (
    MOST_COLUMNS,
    MOST_ROWS,
    area,
    decade_ticks,
    decades,
    on_decades,
    place,
    raster,
    round_steps,
)
from lapilli.profile.text import joules, mean_text, percent, plain, three_digits

UNITS = {"J": 1.0, "mJ": 1e-3, "µJ": 1e-6, "nJ": 1e-9, "pJ": 1e-12, "fJ": 1e-15}


@given(st.floats(1e-15, 1e3))
def test_joules_keep_three_digits(value: float) -> None:
    number, unit = joules(value).split(" ")
    assert float(number.replace(",", "")) * UNITS[unit] == pytest.approx(value, rel=0.0051)
    assert 1 <= float(number.replace(",", "")) < 1000 or unit in ("J", "fJ")
    assert len(number.replace(".", "").replace(",", "").lstrip("0")) >= 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 J"),
        (9.386e-9, "9.39 nJ"),
        (999.6e-9, "1.00 µJ"),
        (2.36e-7, "236 nJ"),
        (1e-12, "1.00 pJ"),
        (0.12, "120 mJ"),
        (3.4e-17, "0.0340 fJ"),
    ],
)
def test_joules(value: float, text: str) -> None:
    assert joules(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(4608.0, "4,608"), (7820.525, "7,820.5"), (0.0, "0"), (5.8750, "5.88"), (0.0123456, "0.0123"), (1e-9, "1.00e-09")],
)
def test_means(value: float, text: str) -> None:
    assert mean_text(value) == text


@given(st.floats(1e-12, 1e12))
def test_three_digits(value: float) -> None:
    assert three_digits(value) == pytest.approx(value, rel=0.00501)
    assert float(plain(three_digits(value)).replace(",", "")) == pytest.approx(value, rel=0.00501)
    assert percent(value).endswith("%")


@given(st.integers(1, 1500), st.integers(1, 500), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_raster_holds_every_spike_and_no_other(n_steps: int, n_neurons: int, seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    n = int(share * min(n_steps * n_neurons, 400))
    places = rng.choice(n_steps * n_neurons, n, replace=False)
    step, neuron = places // n_neurons, places % n_neurons
    found = raster(step, neuron, n_steps, n_neurons)
    assert found.columns <= MOST_COLUMNS
    assert found.rows <= MOST_ROWS
    drawn: list[tuple[int, int]] = []
    for column, row, length in re.findall(r"M(\d+) (\d+)\.5h(\d+)", found.path):
        assert int(column) + int(length) <= found.columns
        drawn += [(int(column) + further, int(row)) for further in range(int(length))]
    assert re.sub(r"M\d+ \d+\.5h\d+", "", found.path) == ""
    assert len(set(drawn)) == len(drawn)
    wanted = set(zip((step // found.steps_of_column).tolist(), (neuron // found.neurons_of_row).tolist()))
    assert set(drawn) == wanted


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=1500))
def test_area_follows_its_values(values: list[float]) -> None:
    found = area(np.array(values))
    heights = [1 - float(top) for top in re.findall(r"V([\d.]+)h1", found.path)]
    shared = found.steps_of_column
    means = [np.mean(values[first : first + shared]) for first in range(0, len(values), shared)]
    assert len(heights) == len(means) == found.columns <= MOST_COLUMNS
    assert found.peak == pytest.approx(max(means), abs=1e-12)
    for height, mean in zip(heights, means):
        assert height == pytest.approx(mean / found.peak if found.peak else 0, abs=0.00051)


@given(st.lists(st.floats(1e-14, 10), min_size=1, max_size=8))
def test_logarithmic_axis(values: list[float]) -> None:
    limits = decades(values)
    assert all(-1e-9 <= on_decades(value, limits) <= 100 + 1e-9 for value in values)
    for tick in decade_ticks(limits):
        number, unit = tick.text.split(" ")
        assert on_decades(float(number) * UNITS[unit], limits) == pytest.approx(tick.place, abs=1e-6)


@given(st.floats(0, 1e7), st.floats(0, 1e7))
def test_round_steps_enclose(one: float, other: float) -> None:
    low, high = sorted((one, other))
    if high - low < 1e-6:
        return
    steps = round_steps(low, high)
    assert 2 <= len(steps) <= 8
    assert steps[0] <= low + 1e-9 * high
    assert steps[-1] >= high * (1 - 1e-9)
    assert -1e-6 <= place(low, steps) <= place(high, steps) <= 100 + 1e-6
