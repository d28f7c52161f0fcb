"""SpikeSCR's kernels: the way forward equals plain torch, the way back autograd's gradients."""

from typing import Any

import numpy as np
import plain_spikescr as plain
import pytest
import torch

from lapilli.training.networks.spikescr.functions.attention import Memory, attended
from lapilli.training.networks.spikescr.functions.dropout import NO_DROPOUT, Dropout, dropped_out
from lapilli.training.networks.spikescr.functions.firing import Firing, Surrogate
from lapilli.training.networks.spikescr.functions.neurons import integer_neurons, moments, normed_lif
from lapilli.training.networks.spikescr.functions.rotary import turned
from lapilli.training.networks.spikescr.functions.taps import tapped
from lapilli.training.networks.spikescr.functions.thresholds import reached

ATAN, SLAYER = Surrogate.atan(5.0), Surrogate.slayer(0.4, 0.5)
DROPOUT = Dropout(np.uint32(12345), np.uint32(1 << 30), np.float32(4 / 3))
SHAPE = (3, 11, 12)


def drawn(*shape, seed=0, low=-3.0, high=3.0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * (high - low) + low


def spikes(*shape, seed=0, share=0.4):
    return (drawn(*shape, seed=seed, low=0, high=1) < share).float()


def double(*tensors) -> Any:
    return [None if tensor is None else tensor.detach().double().requires_grad_() for tensor in tensors]


def leaves(*tensors) -> Any:
    return [None if tensor is None else tensor.detach().clone().requires_grad_() for tensor in tensors]


def assert_same_gradients(found, expected, *, seed=9):
    """Of (output, inputs) pairs: gradients of a random projection agree to 1e-5 of the largest."""
    for output, _ in (found, expected):
        weights = drawn(*output.shape, seed=seed).to(output.dtype)
        (output * weights).sum().backward()
    for mine, theirs in zip(found[1], expected[1]):
        if mine is not None:
            largest = theirs.grad.abs().max()
            assert largest > 0
            assert (mine.grad.double() - theirs.grad).abs().max() <= 1e-5 * largest


@pytest.mark.parametrize("surrogate", [ATAN, SLAYER], ids=["atan", "slayer"])
@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("dropout", [NO_DROPOUT, DROPOUT], ids=["all", "dropped"])
def test_neurons_behind_a_batch_norm(surrogate, gated, dropout):
    values, scale, shift = drawn(*SHAPE) * 5 + 2, drawn(12, seed=1, low=0.5, high=2), drawn(12, seed=2, low=-0.5)
    gate = spikes(*SHAPE, seed=3, share=0.6) if gated else None
    mine = leaves(values, scale, shift, gate)
    theirs = double(values, scale, shift, gate)
    out = normed_lif(mine[0], mine[1], mine[2], moments(mine[0]), 1e-5, Firing(surrogate, dropout), mine[3])
    drive = plain.normed(theirs[0], theirs[1], theirs[2], 1e-5)
    drive = drive * theirs[3] if gated else drive
    fired = normed_lif(mine[0], mine[1], mine[2], moments(mine[0]), 1e-5, Firing(surrogate), mine[3]).detach() > 0
    expected, volts = plain.float_neurons(drive, surrogate, dropout, fired)
    # What rounding may decide is left out; nearly everything else must be there.
    clear = (volts - 1).abs() > 1e-4
    assert clear.float().mean() > 0.99
    assert torch.equal(fired[clear], (volts > 1)[clear])
    assert torch.equal(out.double(), expected)
    assert_same_gradients((out, mine), (expected, theirs))


@pytest.mark.parametrize("surrogate", [ATAN, SLAYER], ids=["atan", "slayer"])
@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("dropout", [NO_DROPOUT, DROPOUT], ids=["all", "dropped"])
def test_neurons_on_integers(surrogate, gated, at_once, dropout):
    values, bias = drawn(*SHAPE, low=-90, high=120).round(), drawn(12, seed=1, low=-20, high=20).round()
    threshold = 2.0 ** drawn(12, seed=2, low=4, high=7).round()
    gate = spikes(*SHAPE, seed=3, share=0.6) if gated else None
    mine, theirs = leaves(values, bias, gate), double(values, bias, gate)
    firing = Firing(surrogate, dropout, at_once)
    out = integer_neurons(mine[0], threshold, firing, mine[1], mine[2])
    expected = plain.integer_neurons(
        theirs[0], threshold.double(), surrogate, dropout, at_once, bias=theirs[1], gate=theirs[2]
    )
    assert torch.equal(out.double(), expected)
    assert 0.05 < (out > 0).float().mean() < 0.6
    assert_same_gradients((out, mine), (expected, theirs))


def test_a_neuron_fires_at_its_threshold_only_where_it_is_told_to():
    values, threshold = torch.full((1, 1, 1), 4.0), torch.full((1,), 4.0)
    assert integer_neurons(values, threshold, Firing(ATAN)).item() == 0
    assert integer_neurons(values, threshold, Firing(ATAN, at_once=True)).item() == 1


def test_fractions_that_dropout_left_are_rounded():
    values, threshold = torch.tensor([3.4, 4.6]).reshape(1, 1, 2), torch.full((2,), 4.0)
    assert integer_neurons(values, threshold, Firing(ATAN, at_once=True)).flatten().tolist() == [0, 1]


def test_states_keep_to_24_bits():
    # A current of 2^23 + 64 wraps to -2^23 + 64; twice 2^22 in the voltage is as much as there is.
    values = torch.tensor([131073.0, 0.0, 131071.0, 131071.0]).reshape(1, 4, 1)
    assert integer_neurons(values, torch.full((1,), 131000.0), Firing(ATAN)).flatten().tolist() == [0, 0, 0, 1]


def test_rotary_positions():
    values = spikes(*SHAPE)
    table = torch.round(drawn(11, 3, 2, seed=4, low=-128, high=128))
    mine, theirs = leaves(values), double(values)
    out, expected = turned(mine[0], table), plain.turned(theirs[0], table.double())
    assert torch.equal(out.double(), expected)
    assert_same_gradients((out, mine), (expected, theirs))


@pytest.mark.parametrize("look_ahead", [0, 1, 4, 11])
@pytest.mark.parametrize("lost", [0.0, 596.0])
@pytest.mark.parametrize("masked", [False, True])
def test_attention(look_ahead, lost, masked):
    query, key, value = (spikes(*SHAPE, seed=seed) for seed in range(3))
    write = torch.ones(SHAPE[:2])
    if masked:
        write[:, 7:] = 0
    memory, decay = Memory(4, look_ahead), torch.tensor(lost)
    mine, theirs = leaves(query, key, value, decay), double(query, key, value, decay)
    out = attended(mine[0], mine[1], mine[2], write, memory, mine[3])
    expected = plain.attended(theirs[0], theirs[1], theirs[2], write.double(), memory, theirs[3])
    assert torch.equal(out.double(), expected)
    assert_same_gradients((out, mine), (expected, theirs))


def test_attention_without_decay_is_the_product_of_three_matrices():
    query, key, value = (spikes(2, 9, 8, seed=seed) for seed in range(3))
    later = torch.arange(9)[None, :] > torch.arange(9)[:, None] + 2
    products = torch.einsum("nti,nsi->nts", query, key).masked_fill(later, 0)
    found = attended(query, key, value, torch.ones(2, 9), Memory(8, 2), torch.tensor(0.0))
    assert torch.equal(found, 64 * torch.einsum("nts,nsj->ntj", products, value))


@pytest.mark.parametrize("surrogate", [ATAN, SLAYER], ids=["atan", "slayer"])
def test_neurons_that_keep_nothing(surrogate):
    volts = torch.cat([drawn(*SHAPE, low=-1, high=3).flatten(), torch.ones(1)])
    mine, theirs = leaves(volts), double(volts)
    out = reached(mine[0], surrogate)
    assert torch.equal(out, (volts >= 1).float())
    expected = plain._Spike.apply(theirs[0], theirs[0] >= 1, surrogate)
    assert_same_gradients((out, mine), (expected, theirs))


@pytest.mark.parametrize(("n_taps", "back"), [(5, 0), (5, 2), (31, 15), (1, 0), (31, 0)])
def test_taps_in_time(n_taps, back):
    values, weights = spikes(*SHAPE), drawn(n_taps, 12, seed=5, low=-100, high=100).round()
    mine, theirs = leaves(values, weights), double(values, weights)
    out, expected = tapped(mine[0], mine[1], back), plain.tapped(theirs[0], theirs[1], back)
    assert torch.equal(out.double(), expected)
    assert_same_gradients((out, mine), (expected, theirs))


def test_dropout_keeps_its_share_and_its_mask_on_the_way_back():
    values = torch.ones(50, 40, 30, requires_grad=True)
    out = dropped_out(values, DROPOUT)
    assert torch.equal(out.double(), plain.mask(DROPOUT, values.shape))
    out.sum().backward()
    assert torch.equal(values.grad, out.detach())
    assert (out > 0).double().mean().item() == pytest.approx(0.75, abs=0.01)


def test_dropout_is_drawn_by_the_seed():
    draws = [Dropout.drawn(0.1) for _ in range(2) if torch.manual_seed(3)]
    assert draws[0] == draws[1]
    assert Dropout.drawn(0.1) != draws[0]
    assert Dropout.drawn(0.0) is NO_DROPOUT


def test_threads_do_not_change_what_is_sent():
    values, scale, shift = drawn(*SHAPE), drawn(12, seed=1), drawn(12, seed=2)
    before = torch.get_num_threads()
    outs = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        outs.append(normed_lif(values, scale, shift, moments(values), 1e-5, Firing(ATAN, DROPOUT)))
    torch.set_num_threads(before)
    assert torch.equal(*outs)
