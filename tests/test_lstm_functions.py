"""Kernels of LSTM layers: the integers of a loop over single units, and autograd's gradients."""

from typing import Any

import numpy as np
import plain_lstm_layers as plain
import pytest
import torch

from lapilli.training.networks.lstm import integers
from lapilli.training.networks.lstm.functions.hard import hard_layer
from lapilli.training.networks.lstm.functions.spiking import Given, spiking_layer, traced
from lapilli.training.networks.lstm.integers import Cell, Weights

UNITS, SOURCES, SAMPLES = 5, 4, 3


def drawn(generator: torch.Generator, *shape: int, low: float = -1.0, high: float = 1.0) -> torch.Tensor:
    return torch.rand(shape, generator=generator) * (high - low) + low


def random_layer(seed: int, *, loud: float = 1.0, of_copies: bool = False, n_elements: int = 6) -> Given:
    """A layer whose gates all spike now and then; loud ones saturate."""
    generator = torch.Generator().manual_seed(seed)
    copies = 1 + seed % 5
    x = drawn(generator, n_elements, copies if of_copies else 1, SAMPLES, 4 * UNITS, low=-4000, high=4000).round()
    recurrent = integers.weights(drawn(generator, 4 * UNITS, UNITS, low=-1.5, high=1.5) * loud, 1)
    kept = drawn(generator, 4, low=0, high=1) if seed % 3 else torch.ones(4)
    thresholds = drawn(generator, 4, low=1, high=5) * torch.tensor([1.0, 1.0, 1.0, 0.4])
    bias = drawn(generator, 4 * UNITS, low=-1, high=3) * loud
    starts = drawn(generator, 3, low=-1, high=3)
    cell = integers.cell(bias, thresholds, kept, starts, drawn(generator, 1, low=0.5, high=1.5) * loud)
    return Given(x * loud, seed % 4 - 2, recurrent, cell, copies)


def by_units(given: Given) -> dict[str, np.ndarray]:
    arrays = given.x.numpy(), given.exponent, given.recurrent.values.numpy(), given.recurrent.exponent
    numbers = integers.cell_integers(given.cell)
    return plain.integer_layer(*arrays, integers.bias_integers(given.cell).numpy(), numbers, given.copies)


@pytest.mark.parametrize("seed", range(40))
def test_a_layer_does_what_single_units_do(seed: int) -> None:
    given = random_layer(seed, of_copies=seed % 2 == 1)
    trace, expected = traced(given), by_units(given)
    for name, found in trace._asdict().items():
        assert np.array_equal(found.numpy(), expected[name]), name


def test_what_was_drawn_spikes_in_all_ways() -> None:
    sent = [traced(random_layer(seed)) for seed in range(10)]
    shares = [float((torch.cat([trace.h.flatten() for trace in sent]) == sign).float().mean()) for sign in (-1, 0, 1)]
    assert min(shares) > 0.05


@pytest.mark.parametrize("seed", range(6))
def test_saturations_are_those_of_single_units(seed: int) -> None:
    given = random_layer(seed, loud=400.0, n_elements=80)
    trace, expected = traced(given), by_units(given)
    for name, found in trace._asdict().items():
        assert np.array_equal(found.numpy(), expected[name]), name


def test_every_state_was_saturated_somewhere() -> None:
    traces = [traced(random_layer(seed, loud=400.0, n_elements=80)) for seed in range(6)]
    volts = torch.cat([trace.volts.reshape(-1, 4, UNITS) for trace in traces])
    assert volts[:, [0, 1, 3]].abs().max() == plain.TOP_STATE
    assert volts[:, 2].abs().max() == plain.TOP_CURRENT
    assert max(float(trace.tanh.abs().max()) for trace in traces) == plain.TOP_STATE


def test_a_cell_ends_at_24_bits() -> None:
    largest = torch.full((1,), plain.TOP_CURRENT / 256)
    cell = integers.cell(torch.full((4 * UNITS,), 600.0), torch.ones(4), torch.ones(4), torch.zeros(3), largest)
    nothing = Weights(torch.zeros(4 * UNITS, UNITS), 0)
    given = Given(torch.zeros(70, 1, 1, 4 * UNITS), 0, nothing, cell, 2)
    trace, expected = traced(given), by_units(given)
    assert trace.cell[62].max() < trace.cell[-1].max() == plain.TOP_STATE
    for name, found in trace._asdict().items():
        assert np.array_equal(found.numpy(), expected[name]), name


def leaves(tensors: Any, dtype: torch.dtype) -> list[torch.Tensor]:
    return [tensor.detach().to(dtype).requires_grad_() for tensor in tensors]


@pytest.mark.parametrize("seed", range(15))
def test_gradients_are_those_of_autograd(seed: int) -> None:
    given = random_layer(seed, of_copies=seed % 2 == 1)
    numbers = (given.x, given.recurrent.values, *given.cell)
    mine, theirs = leaves(numbers, torch.float32), leaves(numbers, torch.float64)
    recurrent = Weights(mine[1], given.recurrent.exponent)
    sent = spiking_layer(Given(mine[0], given.exponent, recurrent, Cell(*mine[2:]), given.copies), 0.3)
    around = theirs[1], given.recurrent.exponent
    expected = plain.spiking_layer(theirs[0], given.exponent, *around, Cell(*theirs[2:]), given.copies, 0.3)
    assert torch.equal(sent.double(), expected)
    projection = drawn(torch.Generator().manual_seed(seed), *sent.shape)
    (sent * projection).sum().backward()
    (expected * projection).sum().backward()
    for name, found, right in zip(("x", "recurrent", *Cell._fields), mine, theirs):
        assert found.grad is not None
        if right.grad is None:
            # A layer of one copy has no leak.
            assert (name, given.copies, float(found.grad.abs().max())) == ("kept", 1, 0.0)
            continue
        largest = right.grad.abs().max()
        assert largest > 0 or (name, given.copies) == ("kept", 1), name
        assert (found.grad.double() - right.grad).abs().max() <= 1e-5 * largest, name


def test_weights_take_the_smallest_exponent_that_holds_them() -> None:
    found = integers.weights(torch.tensor([[0.5, -0.99, 0.01]]), 1)
    assert (found.exponent, found.values.tolist()) == (0, [[128.0, -254.0, 2.0]])
    assert integers.weights(torch.tensor([[1.01]]), 1).exponent == 1
    assert integers.weights(torch.tensor([[0.01]]), 1) == (torch.tensor([[164.0]]), -6)
    assert integers.weights(torch.tensor([[0.5]]), 16) == (torch.tensor([[128.0]]), -4)


def test_inputs_whose_sums_are_not_exact_are_refused() -> None:
    integers.check_exact(520, 127)
    with pytest.raises(Exception, match=r"sums over 521 inputs of up to 127 .* at most 520 inputs"):
        integers.check_exact(521, 127)


@pytest.mark.parametrize("seed", range(4))
def test_an_lstm_of_clipped_activations_is_that_of_autograd(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = drawn(generator, 7, SAMPLES, 4 * UNITS, low=-4, high=4)
    recurrent, bias = drawn(generator, 4 * UNITS, UNITS), drawn(generator, 4 * UNITS)
    clips = drawn(generator, 5, low=0.5, high=2.5)
    mine, theirs = (leaves((x, recurrent, bias, clips), dtype) for dtype in (torch.float32, torch.float64))
    found, expected = hard_layer(*mine), plain.hard_layer(*theirs)
    assert (found - expected).abs().max() <= 1e-5
    projection = drawn(generator, *found.shape)
    (found * projection).sum().backward()
    (expected * projection).sum().backward()
    for one, other in zip(mine, theirs):
        assert one.grad is not None
        assert other.grad is not None
        assert (one.grad.double() - other.grad).abs().max() <= 1e-5 * other.grad.abs().max()
