"""Fused blocks against SLAYER's: spikes and voltages bit for bit, gradients, random numbers, states."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from fused_equality import require_equal, require_same, slayer_forbidden, there_and_back, to_rest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lapilli.netx_exports import from_slayer
from lapilli.netx_exports.errors import LapilliError, UnsupportedError
from lapilli.training.blocks import block_module, selected_dynamics
from lapilli.training.networks.slayer import slayer

THEIRS = slayer.block.cuba
OURS = block_module("fused")
STANDARD = {"threshold": 1.0, "current_decay": 0.1, "voltage_decay": 0.03, "tau_grad": 0.01, "scale_grad": 10.0}


@dataclass(frozen=True)
class Case:
    """A block, its input and the gradient that comes back."""

    kind: str
    neuron: dict[str, Any] = field(default_factory=dict)
    block: dict[str, Any] = field(default_factory=dict)
    n_samples: int = 3
    n_inputs: int = 20
    n_neurons: int = 13
    n_steps: int = 30
    density: float = 0.2
    levels: tuple[float, ...] = (1.0,)
    dropout: float = 0.0
    longest_delay: float = 0.0
    by_step: bool = False
    seed: int = 0


def built(module: Any, case: Case) -> Any:
    torch.manual_seed(case.seed)
    dropout = {"dropout": slayer.neuron.Dropout(case.dropout)} if case.dropout else {}
    block = getattr(module, case.kind)(STANDARD | case.neuron | dropout, case.n_inputs, case.n_neurons, **case.block)
    if block.delay is not None and case.longest_delay:
        block.delay.delay.data = torch.rand(case.n_neurons) * case.longest_delay
        block.delay.init = True
    return block


def batch(case: Case) -> torch.Tensor:
    generator = np.random.default_rng(case.seed)
    shape = (case.n_samples, case.n_inputs, case.n_steps)
    active = generator.random(shape) < case.density
    values = torch.tensor(active * generator.choice(case.levels, shape), dtype=torch.float32)
    return values.transpose(1, 2).contiguous().transpose(1, 2) if case.by_step else values


def compare(case: Case) -> None:
    theirs, ours = built(THEIRS, case), built(OURS, case)
    if case.kind == "Recurrent":
        # SLAYER's keeps its state for the next batch, and its last spikes in the state dict.
        theirs.register_forward_pre_hook(lambda block, _: to_rest(block))
        theirs.register_forward_hook(lambda block, *_: to_rest(block))
    require_equal(ours, theirs, batch(case), case.seed)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from(["Dense", "Affine", "Recurrent"]))
    spiking, recurrent = kind != "Affine", kind == "Recurrent"
    scale = draw(st.sampled_from([1, 16, 64, 256]))
    shared = draw(st.booleans())
    decay = st.sampled_from([0.0, 1.0]) | st.floats(0, 1)
    decays = decay if shared else st.tuples(st.floats(0, 0.5), st.floats(0.5, 1))
    neuron = {
        "scale": scale,
        "threshold": max(1 / scale, round(draw(st.floats(0.05, 3)) * scale) / scale),
        "current_decay": draw(decays),
        "voltage_decay": draw(decays),
        "tau_grad": draw(st.floats(0.001, 1)),
        "scale_grad": draw(st.floats(0.1, 20)),
        "shared_param": shared,
        "requires_grad": draw(st.booleans()),
        "persistent_state": draw(st.booleans()),
    }
    block: dict[str, Any] = {"weight_scale": draw(st.sampled_from([0.5, 2.0, 20.0])) * 64 / scale**0.5}
    if spiking:
        # SLAYER's own way back refuses a shift by a step where states persist.
        shifts = recurrent or not neuron["persistent_state"]
        block |= {"delay_shift": shifts and draw(st.booleans()), "delay": draw(st.booleans())}
    if not recurrent:
        block |= {"weight_norm": draw(st.booleans())}
    return Case(
        kind,
        neuron,
        block,
        n_samples=draw(st.integers(1, 4)),
        n_inputs=draw(st.integers(1, 90)),
        n_neurons=draw(st.integers(1, 90)),
        n_steps=draw(st.integers(1, 12) | st.integers(1, 300)),
        density=draw(st.sampled_from([0.0, 0.02, 1.0]) | st.floats(0, 1)),
        levels=draw(st.sampled_from([(1.0,), (2.0,), (1.0, 3.0, -2.0), (0.5, 1.25)])),
        dropout=draw(st.sampled_from([0.0, 0.0, 0.2, 0.5])) if spiking else 0.0,
        longest_delay=draw(st.sampled_from([0.0, 3.0, 62.0])),
        by_step=draw(st.booleans()),
        seed=draw(st.integers(0, 2**31)),
    )


@settings(max_examples=60)
@given(cases())
@example(Case("Dense"))
@example(Case("Dense", n_steps=300, density=0.0))
@example(Case("Dense", n_steps=1, density=1.0))
@example(Case("Dense", {"dropout": None}, {"delay": True}, longest_delay=62, n_steps=40))
@example(Case("Recurrent", {}, {"weight_scale": 3, "delay": True}, longest_delay=5, dropout=0.5))
@example(Case("Recurrent", {}, {"weight_scale": 5}, n_neurons=64, n_steps=100, density=0.5))
@example(
    Case(
        "Recurrent",
        {"current_decay": 0.0, "voltage_decay": 0.0, "tau_grad": 1.0, "scale_grad": 1.0, "scale": 64},
        {"weight_scale": 4.0, "delay_shift": False},
        n_samples=1,
        n_inputs=1,
        n_neurons=1,
        n_steps=29,
        density=1.0,
        levels=(2.0,),
        dropout=0.2,
        seed=3,
    )
)
@example(Case("Affine", {"requires_grad": True, "shared_param": False}, {"weight_norm": True}))
def test_blocks_equal_slayer(case: Case) -> None:
    compare(case)


@pytest.mark.parametrize("kind", ["Dense", "Affine", "Recurrent"])
@pytest.mark.parametrize("density", [0.0, 0.01, 0.1, 0.3, 0.6, 1.0])
def test_densities_equal_slayer(kind: str, density: float) -> None:
    compare(Case(kind, block={"weight_scale": 4}, n_inputs=150, n_neurons=70, density=density, seed=3))


@pytest.mark.parametrize("kind", ["Dense", "Affine", "Recurrent"])
def test_two_threads_equal_slayer(kind: str) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        compare(Case(kind, block={"weight_scale": 4}, n_samples=5, n_steps=60))
    finally:
        torch.set_num_threads(before)


def unchanged(weight: torch.Tensor) -> torch.Tensor:
    return weight


NORMALISED = {"norm": slayer.neuron.norm.MeanOnlyBatchNorm}
UNFUSED = {
    "normalised, recurrent": Case("Recurrent", NORMALISED),
    "graded": Case("Dense", {"graded_spike": True}),
    "graded, recurrent": Case("Recurrent", {"graded_spike": True}),
}


@pytest.mark.parametrize("kind", ["Dense", "Affine"])
def test_weights_that_are_not_quantised_equal_slayers(kind: str) -> None:
    compare(Case(kind, block={"pre_hook_fx": unchanged, "weight_scale": 4}))


@pytest.mark.parametrize("name", UNFUSED)
def test_what_is_not_fused_runs_slayers_code(name: str) -> None:
    case = UNFUSED[name]
    theirs, ours = built(THEIRS, case), built(OURS, case)
    if case.kind == "Recurrent":
        theirs.register_forward_pre_hook(lambda block, _: to_rest(block))
        theirs.register_forward_hook(lambda block, *_: to_rest(block))
    require_same(there_and_back(ours, batch(case), 0), there_and_back(theirs, batch(case), 0))
    with slayer_forbidden(), pytest.raises(AssertionError, match="ran SLAYER's code"):
        ours(batch(case))


def test_a_recurrent_block_starts_each_batch_from_rest() -> None:
    case = Case("Recurrent", block={"weight_scale": 4})
    ours, theirs = built(OURS, case), built(THEIRS, case)
    assert torch.equal(ours(batch(case)), ours(batch(case)))
    assert not torch.equal(theirs(batch(case)), theirs(batch(case)))


def test_gradient_through_the_state_needs_the_kernels() -> None:
    block = OURS.Recurrent(STANDARD | {"graded_spike": True}, 4, 3, through_state=True)
    with pytest.raises(UnsupportedError, match="through_state"):
        block(torch.ones(1, 4, 5))


def test_exported_networks_are_the_same() -> None:
    networks = []
    for module in (OURS, THEIRS):
        torch.manual_seed(0)
        hidden = module.Recurrent(dict(STANDARD), 6, 5, weight_scale=3, delay=True)
        blocks = [hidden, module.Dense(dict(STANDARD), 5, 4, weight_scale=3)]
        networks.append(from_slayer(blocks, (6,)))
    assert networks[0] == networks[1]


def test_the_word_that_selects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAPILLI_DYNAMICS", raising=False)
    assert selected_dynamics() == "fused"
    monkeypatch.setenv("LAPILLI_DYNAMICS", "slayer")
    assert selected_dynamics() == "slayer"
    assert block_module().Dense is slayer.block.cuba.Dense
    assert selected_dynamics("fused") == "fused"
    monkeypatch.setenv("LAPILLI_DYNAMICS", "quick")
    with pytest.raises(LapilliError, match="must be one of slayer, fused, got 'quick'"):
        block_module()
