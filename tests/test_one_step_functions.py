"""One time step: window neurons, joins and requantised sums, forward on integers, gradients beside plain torch."""

from math import cos, floor, pi, sin

import numpy as np
import pytest
import torch

from lapilli.netx_exports.windows import Windows
from lapilli.training.networks.one_step.carry import KEEP, activation, carry_of, omega_table
from lapilli.training.networks.one_step.functions.requantise import requantised
from lapilli.training.networks.one_step.functions.spikes import drawn, fired
from lapilli.training.networks.one_step.functions.window_lif import window_lif
from lapilli.training.networks.one_step.functions.windows import covers, cut, joined
from lapilli.training.networks.one_step.topology import Cutting

FUSIONS = [("none", 0.5), ("group", 0.5), ("layer", 0.5), ("sum", 0.5), ("relu", 0.5), ("tanh", 0.5), ("sigmoid", 0.5)]
OMEGAS = [("omega", 0.25), ("omega", 0.5), ("omega", 1.0)]
ALWAYS = 1e6
"""A width of the surrogate with which its derivative is 1 everywhere."""


def draw(unit, shape=(4, 2, 3, 3, 5), size=1.0, seed=0):
    """Currents and potentials of a layer below, as multiples of the unit's steps."""
    generator = torch.Generator().manual_seed(seed)
    current = torch.randn(shape, generator=generator) * size
    below = torch.randn(shape, generator=generator) * size
    return (current * 2.0 ** (unit - 6)).round() * 2.0 ** (6 - unit), (below * 2.0**unit).round() * 2.0**-unit


def start_of(fusion, theta, unit, a, b):
    """What a window begins with, in Python's integers, as `WindowLif` says it."""
    carry = carry_of(fusion, theta)
    if fusion == "none":
        return 0
    if fusion in ("group", "layer", "sum"):
        return ({"group": a, "layer": b, "sum": a + b}[fusion] * KEEP) >> 12
    if fusion != "omega":
        place = max(-128, min(127, (a + b) >> (unit - 5)))
        return int(carry.table[place + 128]) << (unit - (6 if fusion == "relu" else 8))
    shift = unit - 5 - {0.25: -1, 0.5: 0, 1.0: 1}[theta]
    sine = omega_table()
    product = int(sine[(a >> shift) & 255]) * int(sine[((b >> shift) + 64) & 255])
    return product << (unit - 14) if unit >= 14 else product >> (14 - unit)


@pytest.mark.parametrize(("fusion", "theta"), FUSIONS + OMEGAS)
@pytest.mark.parametrize(("unit", "size"), [(12, 1.0), (13, 300.0), (15, 1.0), (17, 20.0)])
def test_potentials_are_those_of_integers(fusion, theta, unit, size):
    current, below = draw(unit, (4, 40), size)
    spikes, potential = window_lif(current, below, carry_of(fusion, theta), unit, 0.5)
    for place in range(current.shape[1]):
        now = 0
        for window in range(4):
            start = 0
            if window:
                start = start_of(fusion, theta, unit, now, int(below[window, place] * 2**unit))
            now = start + (int(current[window, place] * 2 ** (unit - 6)) << 6)
            now = max(-(2**23) + 1, min(2**23 - 1, now))
            assert potential[window, place] * 2**unit == now
            assert spikes[window, place] == (now > 2 ** (unit - 1))


@pytest.mark.parametrize(("fusion", "theta"), FUSIONS + OMEGAS)
def test_gradients_are_those_of_the_formulas(fusion, theta):
    current, below = draw(14, seed=1)
    weights = [torch.randn(current.shape, generator=torch.Generator().manual_seed(seed)) for seed in (2, 3)]
    found = gradients(lambda i, b: window_lif(i, b, carry_of(fusion, theta), 14, ALWAYS), current, below, weights)
    expected = gradients(lambda i, b: plain_scan(i, b, fusion, theta), current, below, weights)
    for one, other in zip(found, expected):
        apart = (one - other).abs()
        if fusion in ("none", "group", "layer", "sum"):
            assert apart.max() < 1e-3
        else:
            # A table's step is 1/32, its entries have 8 bits; ReLU has a bend.
            assert apart.mean() < 0.01
            assert (apart > 0.1).float().mean() < 0.02


@pytest.mark.parametrize("theta", [0.25, 0.5, 1.0])
@pytest.mark.parametrize(("unit", "size"), [(12, 1.0), (14, 3.0), (17, 20.0)])
def test_the_code_s_projection_is_the_sine_of_a_product(theta, unit, size):
    """`2 sin((θ π/2 a) cos(θ π/2 b))`, place by place and window by window, in Python's numbers."""
    current, below = draw(unit, (4, 40), size)
    spikes, potential = window_lif(current, below, carry_of("omega", theta, "code"), unit, 0.5)
    for place in range(current.shape[1]):
        now = 0.0
        for window in range(4):
            if window:
                angle = theta * pi / 2 * now * cos(theta * pi / 2 * float(below[window, place]))
                start = 0.4 * 2 * sin(angle)
            else:
                start = 0.0
            found = float(potential[window, place])
            # The angle is of float32, whose error grows with it; the start is rounded to a step.
            bound = 2.0**-unit + 1e-5 + 4e-6 * theta * pi / 2 * abs(now)
            end = 2.0 ** (23 - unit) - 2.0**-unit
            expected = max(-end, min(end, start + float(current[window, place])))
            assert found == pytest.approx(expected, abs=bound)
            assert found * 2**unit == floor(found * 2**unit)
            assert spikes[window, place] == (found > 0.5)
            now = found


def test_both_forms_agree_near_zero_and_differ_where_the_notes_say():
    values = torch.tensor([[0.5, 2.0, 0.1], [0.0, 0.0, 0.0]])
    below = torch.tensor([[0.0, 0.0, 0.0], [0.5, 1.0, 0.1]])
    code, paper = (
        window_lif(values, below, carry_of("omega", 0.5, form), 17, 0.5)[1][1] / 0.4 for form in ("code", "paper")
    )
    assert code.tolist() == pytest.approx([0.710, 1.792, 0.1565], abs=1e-3)
    # Its tables have the resolution that is exported.
    assert paper.tolist() == pytest.approx([0.707, 1.414, 0.1565], abs=0.025)


@pytest.mark.parametrize("theta", [0.25, 0.5, 1.0])
def test_gradients_of_the_code_s_projection_are_those_of_its_formula(theta):
    current, below = draw(14, seed=1)
    weights = [torch.randn(current.shape, generator=torch.Generator().manual_seed(seed)) for seed in (2, 3)]
    carry = carry_of("omega", theta, "code")
    found = gradients(lambda i, b: window_lif(i, b, carry, 14, ALWAYS), current, below, weights)
    expected = gradients(lambda i, b: plain_scan(i, b, "code", theta), current, below, weights)
    for one, other in zip(found, expected):
        assert one.abs().max() > 0.1
        assert (one - other).abs().max() < 0.01


def gradients(scan, current, below, weights):
    current, below = current.clone().requires_grad_(), below.clone().requires_grad_()
    spikes, potential = scan(current, below)
    ((spikes * weights[0]).sum() + (potential * weights[1]).sum()).backward()
    return current.grad, torch.zeros_like(below) if below.grad is None else below.grad


def start_in_floating_point(fusion, theta, a, b):
    """What a window begins with, by the formulas."""
    if fusion == "code":
        return 0.8 * torch.sin(theta * pi / 2 * a * torch.cos(theta * pi / 2 * b))
    if fusion == "omega":
        return 0.8 * torch.sin(theta * pi / 2 * a) * torch.cos(theta * pi / 2 * b)
    functions = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
    if fusion in functions:
        return 0.4 * functions[fusion](a + b)
    return 0.4 * {"none": 0 * a, "group": a, "layer": b, "sum": a + b}[fusion]


def plain_scan(current, below, fusion, theta):
    """The same scan in floating point; its spikes have the derivative 1."""
    potentials = [current[0]]
    for window in range(1, len(current)):
        a, b = potentials[-1], below[window]
        potentials.append(start_in_floating_point(fusion, theta, a, b) + current[window])
    potential = torch.stack(potentials)
    return potential, potential


def test_the_surrogate_is_a_rectangle():
    current = torch.tensor([[-0.25, 0.25, 0.75, 1.25]]).requires_grad_()
    spikes, _ = window_lif(current, None, carry_of("none"), 14, 0.5)
    spikes.sum().backward()
    assert current.grad.tolist() == [[0, 1, 1, 0]]
    values = torch.tensor([-0.25, 0.25, 0.5, 1.25]).requires_grad_()
    fired(values, 0.5).sum().backward()
    assert values.grad.tolist() == [0, 1, 1, 0]
    assert fired(values, 0.5).tolist() == [0, 0, 0, 1]


def test_an_encoder_draws_with_the_probability_that_its_value_is():
    torch.manual_seed(0)
    values = torch.tensor([-1.0, 0.25, 2.0]).repeat(4000, 1)
    rates = drawn(values, 0.5).mean(0).tolist()
    assert rates[0] == 0
    assert rates[2] == 1
    assert rates[1] == pytest.approx(0.25, abs=0.05)


def test_omega_is_bounded_by_four_thresholds_and_has_the_paper_s_values():
    table = omega_table() / 2**7
    levels = np.arange(256)
    product = table[levels][:, None] * table[(levels + 64) % 256][None]
    assert np.abs(product / 0.4).max() <= 2 + 1e-3
    angles = 2 * pi * (levels + 0.5) / 256
    assert np.abs(product / 0.4 - 2 * np.sin(angles)[:, None] * np.cos(angles)[None]).max() < 0.02


@pytest.mark.parametrize("windows", [Windows(1), Windows(2), Windows(4), Windows(2, True), Windows(4, True)])
def test_a_map_that_is_cut_and_joined_is_the_map(windows):
    cutting = Cutting(windows, 8)
    values = (torch.rand(2, 8, 8, 3) > 0.5).float()
    pieces = cut(values, cutting)
    assert pieces.shape == (windows.groups, 2, *cutting.window, 3)
    assert torch.equal(joined(pieces, cutting, False), values)
    assert torch.equal(joined(pieces, cutting, True), values)


def test_dilated_windows_cover_corners_once_edges_twice_and_the_middle_four_times():
    found = covers(Cutting(Windows(4, True), 8))[:, :, 0]
    assert sorted(set(found.flatten().tolist())) == [1, 2, 4]
    assert found[0, 0] == 1
    assert found[0, 4] == 2
    assert found[4, 4] == 4
    assert found.sum() == 8 * 8 * 2.25


def test_or_is_the_region_threshold_of_means_and_both_have_the_gradient_of_means():
    cutting = Cutting(Windows(4, True), 8)
    pieces = (torch.rand(4, 3, 6, 6, 2) > 0.7).float()
    means = joined(pieces, cutting, True)
    assert torch.equal(joined(pieces, cutting, False), (means > 0.1).float())
    assert set(means.unique().tolist()) == {0, 0.25, 0.5, 0.75, 1}
    weights, found = torch.rand(3, 8, 8, 2), []
    for median in (False, True):
        given = pieces.clone().requires_grad_()
        (joined(given, cutting, median) * weights).sum().backward()
        found.append(given.grad)
    assert torch.equal(*found)
    by_mean = cut(weights / covers(cutting), cutting)
    assert torch.equal(found[0], by_mean)


def test_the_gradient_of_a_cut_adds_up_what_windows_share():
    cutting = Cutting(Windows(4, True), 8)
    values = torch.rand(2, 8, 8, 3).requires_grad_()
    cut(values, cutting).sum().backward()
    assert torch.equal(values.grad, covers(cutting).expand(2, 8, 8, 3))


@pytest.mark.parametrize("name", ["identity", "relu", "gelu"])
@pytest.mark.parametrize("unit", [0, 4, 7])
def test_requantised_sums_are_rounded_held_and_looked_up(name, unit):
    total = torch.randn(3, 4, 4, 5) * 100 / 2**unit
    skip = torch.randn(3, 4, 4, 5) / 2**unit
    table = activation(name, unit)
    level = ((total + skip) * 2**unit + 0.5).floor().clamp(-128, 127)
    expected = torch.from_numpy(table.table)[level.long() + 128] / 2**unit
    given = total.clone().requires_grad_(), skip.clone().requires_grad_()
    found = requantised(*given, unit, table)
    assert torch.equal(found, expected)
    found.sum().backward()
    assert torch.equal(given[0].grad, torch.from_numpy(table.slope)[level.long() + 128])
    assert torch.equal(given[0].grad, given[1].grad)


def test_gelu_is_that_of_torch_within_half_a_step():
    levels = torch.arange(-128, 128) / 16
    expected = torch.nn.functional.gelu(levels).clamp(max=127 / 16)
    assert (torch.from_numpy(activation("gelu", 4).table) / 16 - expected).abs().max() <= 1 / 32 + 1e-6
