"""Formulas of arXiv 2401.10843 in integers: windows, how they are joined, Omega by a table, what is carried on."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lapilli.netx_exports import (
    INPUT,
    Clock,
    ConvSynapse,
    CubaLif,
    DenseSynapse,
    HandOverSynapse,
    IdentitySynapse,
    Layer,
    Network,
    Requantiser,
    UnsupportedError,
    WindowLif,
    Windows,
)
from lapilli.netx_exports.neurons.window_lif import omega_table
from lapilli.netx_exports.one_step import Cut, Join, Part, one_step_network
from lapilli.simulators import Events, RunResult, run

UNITS = range(12, 18)

ONE = np.ones((1, 1, 1, 1), int)
"""A convolution that lets a map of one channel through."""

TABLE_ERROR = 0.018
"""Largest difference of the table's 0.4 Omega from the formula: angles in steps of 2 pi / 256, entries of 8 bits."""


@pytest.mark.parametrize("dilated", [False, True])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (16, 16), (12, 20), (4, 4)])
def test_windows_lie_at_the_corners(groups: int, dilated: bool, height: int, width: int) -> None:
    windows = Windows(groups, dilated)
    rows, columns = windows.window_shape(height, width)
    share = 0.75 if dilated else 0.5
    assert (rows, columns) == (height * (share if groups > 1 else 1), width * (share if groups > 2 else 1))
    top, left, bottom, right = 0, 0, height - rows, width - columns
    expected = {
        1: [(0, 0)],
        2: [(top, 0), (bottom, 0)],
        4: [(top, left), (top, right), (bottom, left), (bottom, right)],
    }
    assert list(windows.origins(height, width)) == expected[groups]


def test_how_many_windows_cover_a_position() -> None:
    for groups in (1, 2, 4):
        assert np.all(Windows(groups).cover(8, 8) == 1)
    # One at the corners, two at the edges, four in the middle: 2.25 times the map in all.
    side = np.array([1, 1, 2, 2, 2, 2, 1, 1])
    assert np.array_equal(Windows(4, True).cover(8, 8), np.outer(side, side))
    assert Windows(4, True).cover(16, 16).sum() == 2.25 * 16 * 16
    assert np.array_equal(Windows(2, True).cover(8, 5), np.repeat(side[:, None], 5, axis=1))


@pytest.mark.parametrize(
    ("windows", "size", "phrase"),
    [
        (Windows(4, True), (8, 6), "multiples of 4 for dilated windows, got a map of 8 x 6"),
        (Windows(4), (8, 7), "multiples of 2 for plain windows, got a map of 8 x 7"),
        (Windows(2, True), (2, 8), "multiples of 4 for dilated windows, got a map of 2 x 8"),
        (Windows(3), (8, 8), "must be one of 1, 2, 4, got 3"),
    ],
)
def test_a_map_that_cannot_be_cut_is_refused(windows: Windows, size: tuple[int, int], phrase: str) -> None:
    for ask in (windows.window_shape, windows.origins, windows.cover):
        with pytest.raises(UnsupportedError, match=phrase):
            ask(*size)


def one_image(network: Network, image: npt.NDArray[np.int64]) -> RunResult:
    record = {layer.name: ("spikes", *layer.neuron.states) for layer in network.layers}
    events = Events.from_dense(image[None, ..., None])
    return run(network, events, "reference", n_steps=1 + network.depth, record=record)


def cut_and_joined(groups: int, join: Join, neuron: Any, unit_neuron: Any) -> Network:
    """A map of 8 x 8 that is cut into windows, which go back into a map."""
    rows, columns = Windows(groups, join.dilated).window_shape(8, 8)
    parts = [
        Part("window", (1, rows, columns), unit_neuron, (Cut(INPUT, ONE, join.dilated),)),
        Part("map", (1, 8, 8), neuron, (join,)),
    ]
    return one_step_network((1, 8, 8), parts, groups)


@pytest.mark.parametrize("groups", [2, 4])
def test_or_is_the_region_threshold_and_quarters_are_median_spikes(groups: int) -> None:
    """Spikes of windows that come and go, by biases of the windows' neurons: each position of each window by itself."""
    rng = np.random.default_rng(groups)
    windows = Windows(groups, True)
    rows, columns = windows.window_shape(8, 8)
    for _ in range(5):
        # A position spikes in some of its windows only, because their neurons have thresholds of their own.
        thresholds = rng.choice([0, 50], (1, rows, columns))
        image = rng.integers(0, 100, (1, 8, 8))
        cover = windows.cover(8, 8)
        spikes = np.zeros((8, 8), int)
        for y, x in windows.origins(8, 8):
            spikes[y : y + rows, x : x + columns] += image[0, y : y + rows, x : x + columns] > thresholds[0]
        median = spikes / cover
        neuron = WindowLif(thresholds, 14, windows=groups)
        joined = cut_and_joined(groups, Join("window", True), CubaLif(0, 4096, 4096), neuron)
        found = one_image(joined, image).spikes.to_dense()[0, 0, :, :, -1]
        assert np.array_equal(found, median > 0.1)
        assert np.array_equal(found, median > 0.2)
        quarters = cut_and_joined(groups, Join("window", True, 4 // cover), Requantiser(1, 0), neuron)
        assert np.array_equal(one_image(quarters, image).spikes.to_dense()[0, 0, :, :, -1], 4 * median)
        assert np.any(median % 1)


def projection(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Omega of the paper's Eq. 5 with theta = 0.5."""
    return 2 * np.sin(np.pi / 4 * a) * np.cos(np.pi / 4 * b)


def table_values(unit: int, a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """0.4 Omega as the docstring of `WindowLif` has it, in 1.0 = 1."""
    sine, shift = omega_table(), unit - 5
    product = sine[(a >> shift) & 255] * sine[((b >> shift) + 64) & 255]
    return (product << (unit - 14) if unit >= 14 else product >> (14 - unit)) / 2.0**unit


@pytest.mark.parametrize("unit", UNITS)
def test_the_table_is_omega_within_its_error_and_omega_is_bounded(unit: int) -> None:
    rng = np.random.default_rng(unit)
    a, b = rng.integers(-(2**23) + 1, 2**23, (2, 200_000))
    formula = 0.4 * projection(a / 2.0**unit, b / 2.0**unit)
    assert np.all(np.abs(formula) <= 0.4 * 2)
    found = table_values(unit, a, b)
    assert np.all(np.abs(found) <= 0.4 * 2 + 2.0**-unit)
    error = np.abs(found - formula).max()
    assert 0.01 < error < TABLE_ERROR


def test_the_table_is_one_period_and_its_cosine_is_a_quarter_on() -> None:
    table = omega_table()
    angles = 2 * np.pi * (np.arange(256) + 0.5) / 256
    assert np.array_equal(table, np.round(114.4867 * np.sin(angles)))
    assert np.array_equal(np.roll(table, -64), np.round(114.4867 * np.cos(angles)))
    assert np.array_equal(table, -table[::-1])  # odd
    assert table.max() ** 2 <= 0.8 * 2**14


def over_windows(neuron: WindowLif, sums: npt.NDArray[np.int64], lower: npt.NDArray[np.int64]) -> RunResult:
    """Neurons that get `sums` (neurons, windows) step by step, and hand-over from neurons that get `lower`."""
    size, windows = sums.shape
    first, second = np.eye(size, 2 * size, dtype=int), np.eye(size, 2 * size, size, dtype=int)
    feeds = (
        DenseSynapse(INPUT, second, delays=[[1]], weight_bits=9),
        HandOverSynapse("below", "potentials", "potentials"),
        HandOverSynapse("below", "cosines", "cosines"),
    )
    below = (DenseSynapse(INPUT, first, weight_bits=9),)
    layers = (
        Layer("below", (size,), WindowLif(1, neuron.unit), below, Clock(1, 1)),
        Layer("neurons", (size,), neuron, feeds, Clock(1, 2)),
    )
    record = {layer.name: ("spikes", *layer.neuron.states) for layer in layers}
    events = Events.from_dense(np.concatenate([lower, sums])[None])
    network = Network((2 * size,), layers, graded_input=True)
    return run(network, events, "reference", n_steps=windows + 2, record=record)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("carry", ["group", "layer", "sum", "omega"])
def test_what_is_carried_is_the_closed_form(carry: str, unit: int) -> None:
    """`0.4 init + I` in 1.0 = 1, window after window: a tenth of a per cent, and the table's error for Omega."""
    rng = np.random.default_rng(unit)
    size, windows = 40, 4
    sums, lower = rng.integers(-(2 ** (unit - 5)), 2 ** (unit - 5), (2, size, windows))
    found = over_windows(WindowLif(2 ** (unit - 7), unit, carry), sums, lower)
    potential = found.recordings["neurons"].potential[0, :, 2:] / 2.0**unit
    below = found.recordings["below"].potential[0, :, 1 : 1 + windows] / 2.0**unit
    assert np.array_equal(below * 2.0**unit, 64 * lower)
    for window in range(windows):
        a, b = potential[:, window - 1], below[:, window]
        initial = {"group": a, "layer": b, "sum": a + b, "omega": projection(a, b)}[carry] if window else 0 * a
        expected = 0.4 * initial + sums[:, window] * 64 / 2.0**unit
        error = np.abs(potential[:, window] - expected).max()
        assert error < (TABLE_ERROR if carry == "omega" else 0.003)
    spikes = found.recordings["neurons"].spikes.to_dense()[0, :, 2:]
    assert np.array_equal(spikes, potential > 0.5)


def test_without_carry_it_is_a_current_based_neuron_without_memory() -> None:
    """Sums and biases that do not wrap: the voltage before a spike is the potential, and the spikes are the same."""
    rng = np.random.default_rng(0)
    size, steps = 30, 12
    sums = rng.integers(-(2**16), 2**16, (1, size, steps))
    bias, threshold = rng.integers(-2000, 2000, size), rng.integers(0, 3000, size)
    runs = []
    for neuron in (WindowLif(threshold, 14, bias_mant=bias), CubaLif(threshold, 4096, 4096, bias)):
        network = Network((size,), (Layer("a", (size,), neuron, (IdentitySynapse(INPUT, 1),)),), graded_input=True)
        record = {"a": ("spikes", *neuron.states)}
        runs.append(run(network, Events.from_dense(sums), "reference", n_steps=steps, record=record))
    windows, plain = (found.recordings["a"] for found in runs)
    assert np.array_equal(windows.spikes.to_dense(), plain.spikes.to_dense())
    assert 0.2 < windows.spikes.to_dense().mean() < 0.8
    assert np.array_equal(np.where(windows.spikes.to_dense() != 0, 0, windows.potential), plain.voltage)


def test_windows_of_one_map_are_a_plain_convolution() -> None:
    """With one window and no carry nothing is left of windows."""
    rng = np.random.default_rng(3)
    weights, image = rng.integers(-50, 80, (3, 2, 3, 3)), rng.integers(0, 20, (2, 8, 8))
    parts = [Part("a", (3, 8, 8), WindowLif(64, 13, windows=1), (Cut(INPUT, weights, False, (1, 1)),))]
    whole = [Part("a", (3, 8, 8), WindowLif(64, 13, windows=1), (ConvSynapse(INPUT, weights, padding=(1, 1)),))]
    runs = [one_image(one_step_network((2, 8, 8), these, 1), image).recordings["a"] for these in (parts, whole)]
    assert np.array_equal(runs[0].potential, runs[1].potential)
    assert np.array_equal(runs[0].spikes.to_dense(), runs[1].spikes.to_dense())
    assert 0.2 < runs[0].spikes.to_dense()[..., 1].mean() < 1
