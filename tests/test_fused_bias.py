"""Fused blocks with a bias or a normalisation against SLAYER's."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from fused_equality import require_equal, slayer_forbidden, there_and_back, to_rest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapilli.netx_exports.errors import UnsupportedError
from lapilli.training.blocks import block_module
from lapilli.training.fused import Bias
from lapilli.training.networks.slayer import slayer

THEIRS, OURS = slayer.block.cuba, block_module("fused")
STANDARD = {"threshold": 1.0, "current_decay": 0.1, "voltage_decay": 0.03, "tau_grad": 0.01, "scale_grad": 10.0}
MEAN, SCALED = slayer.neuron.norm.MeanOnlyBatchNorm, slayer.neuron.norm.WgtScaleBatchNorm
NEURONS, STEPS = 9, 25


def norm_of(kind: str, seed: int) -> Any:
    if kind != "bias":
        return MEAN if kind == "mean" else SCALED

    def build() -> Bias:
        bias = Bias(NEURONS)
        generator = np.random.default_rng(seed)
        bias.shift.data = torch.tensor(generator.normal(size=NEURONS) / 5, dtype=torch.float32)
        return bias

    return build


def built(module: Any, kind: str, norm: Any, seed: int, **neuron: Any) -> Any:
    torch.manual_seed(seed)
    parameters = STANDARD | neuron | {"norm": norm}
    if kind == "Conv":
        return module.Conv(parameters, 2, NEURONS, 3, weight_scale=5)
    return getattr(module, kind)(parameters, 15, NEURONS, weight_scale=5)


def batch(kind: str, density: float, seed: int) -> torch.Tensor:
    shape = (3, 2, 6, 5, STEPS) if kind == "Conv" else (3, 15, STEPS)
    return torch.tensor(np.random.default_rng(seed).random(shape) < density, dtype=torch.float32)


@settings(max_examples=40)
@given(
    kind=st.sampled_from(["Dense", "Affine", "Conv"]),
    norm=st.sampled_from(["bias", "mean", "scaled"]),
    training=st.booleans(),
    learns=st.booleans(),
    dropout=st.sampled_from([0.0, 0.5]),
    density=st.sampled_from([0.0, 0.03, 0.2, 0.7]),
    seed=st.integers(0, 2**31),
)
def test_normalised_blocks_equal_slayer(
    kind: str, norm: str, training: bool, learns: bool, dropout: float, density: float, seed: int
) -> None:
    blocks = []
    for module in (OURS, THEIRS):
        dropped = {"dropout": slayer.neuron.Dropout(dropout)} if dropout else {}
        block = built(module, kind, norm_of(norm, seed), seed, requires_grad=learns, **dropped)
        if norm != "bias":
            # As after a training.
            block.neuron.norm.running_mean = torch.tensor(np.random.default_rng(seed).normal(size=NEURONS) / 9).float()
        blocks.append(block.train(training))
    require_equal(blocks[0], blocks[1], batch(kind, density, seed), seed)


@pytest.mark.parametrize("norm", ["bias", "mean"])
@pytest.mark.parametrize("training", [False, True])
def test_state_that_persists_equals_slayers(norm: str, training: bool) -> None:
    blocks = [
        built(module, "Dense", norm_of(norm, 3), 3, persistent_state=True).train(training) for module in (OURS, THEIRS)
    ]
    for block in blocks:
        block.delay_shift = False
        if norm == "mean":
            block.neuron.norm.running_mean = torch.linspace(-0.3, 0.3, NEURONS)
    require_equal(blocks[0], blocks[1], batch("Dense", 0.2, 3), 3)


def test_what_becomes_too_large_leaves_the_means_to_slayer() -> None:
    ours, theirs = (built(module, "Dense", MEAN, 0, voltage_decay=0.0, current_decay=0.0) for module in (OURS, THEIRS))
    values = batch("Dense", 0.2, 0)
    values[0, 0, 3] = 1e5
    for block in (ours, theirs):
        block.eval()
        block.synapse.weight.data = block.synapse.weight.data.abs() + 0.1
        block.train()
    require_equal(ours, theirs, values, 0)


def in_lavas_arithmetic(block: Any, values: torch.Tensor) -> np.ndarray[Any, Any]:
    """Spikes (samples, neurons, steps) of a recurrent layer by the equations of Lava's LIF, with integers."""
    scale = block.neuron.s_scale
    weight, feedback = (
        (block.neuron.quantize_8bit(part.weight).detach().flatten(1).double().numpy() * scale).astype(np.int64)
        for part in (block.input_synapse, block.recurrent_synapse)
    )
    bias = block.neuron.norm.bias.detach().double().numpy().astype(np.int64) << 6
    keep_current, keep_voltage = (
        4096 - int(decay.round()) for decay in (block.neuron.current_decay, block.neuron.voltage_decay)
    )
    threshold = int(block.neuron.threshold * scale) + 1
    current, voltage, sent = np.zeros((3, len(values), NEURONS), np.int64)
    found = np.zeros((len(values), NEURONS, STEPS))
    for t in range(STEPS):
        arriving = values[..., t].numpy().astype(np.int64) @ weight.T + sent @ feedback.T
        current = np.sign(current) * (np.abs(current) * keep_current >> 12) + arriving
        voltage = np.sign(voltage) * (np.abs(voltage) * keep_voltage >> 12) + current + bias
        sent = (voltage >= threshold).astype(np.int64)
        voltage = np.where(sent > 0, 0, voltage)
        found[..., t] = sent
    return found


def test_a_recurrent_block_adds_its_bias_as_lava_does() -> None:
    block = built(OURS, "Recurrent", norm_of("bias", 5), 5)
    block.delay_shift = False
    values = batch("Dense", 0.2, 5)
    with slayer_forbidden():
        spikes = block(values)
    spikes.sum().backward()
    assert np.array_equal(spikes.detach().numpy(), in_lavas_arithmetic(block, values))
    assert 0.05 < float(spikes.detach().mean()) < 0.95
    assert block.neuron.norm.shift.grad.abs().min() > 0


def test_the_gradient_of_a_recurrent_bias_is_that_of_the_current_that_decays_at_once() -> None:
    """With a current that keeps nothing, SLAYER's own code adds the bias to the voltage as well."""
    ours, theirs = (built(module, "Recurrent", norm_of("bias", 7), 7, current_decay=1.0) for module in (OURS, THEIRS))
    theirs.register_forward_pre_hook(lambda block, _: to_rest(block))
    theirs.register_forward_hook(lambda block, *_: to_rest(block))
    require_equal(ours, theirs, batch("Dense", 0.2, 7), 7)


def test_a_bias_of_a_recurrent_block_needs_the_kernels() -> None:
    block = OURS.Recurrent(STANDARD | {"norm": partial(Bias, 3), "graded_spike": True}, 4, 3)
    with pytest.raises(UnsupportedError, match="bias: SLAYER's own code adds it to the current"):
        block(torch.ones(1, 4, 5))


def test_normalised_recurrent_blocks_run_slayers_code() -> None:
    block = built(OURS, "Recurrent", MEAN, 0)
    with slayer_forbidden(), pytest.raises(AssertionError, match="ran SLAYER's code"):
        there_and_back(block, batch("Dense", 0.2, 0), 0)


def test_mantissas_are_those_of_the_export() -> None:
    block = built(OURS, "Dense", norm_of("bias", 1), 1)
    norm = block.neuron.norm
    assert torch.equal(norm.bias, norm.quantised * block.neuron.w_scale)
    assert torch.equal(norm.bias, norm.bias.round())
