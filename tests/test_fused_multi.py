"""Fused blocks that read several layers against the same parts of SLAYER."""

from typing import Any

import numpy as np
import pytest
import torch
from fused_equality import require_same, slayer_forbidden
from hypothesis import given, settings
from hypothesis import strategies as st

from lapilli.training.blocks import block_module
from lapilli.training.fused import Bias

THEIRS, OURS = block_module("slayer"), block_module("fused")
STANDARD = {"threshold": 1.0, "current_decay": 0.1, "voltage_decay": 0.03, "tau_grad": 0.01, "scale_grad": 10.0}
SIZES, NEURONS = (11, 1, 30), 13
SOURCES = (
    {"in_features": 2, "kernel_size": 3, "padding": 1, "stride": 2},
    {"in_features": 4, "kernel_size": (1, 1), "groups": 2},
)
IMAGES = ((2, 8, 6), (4, 4, 3))


def built(module: Any, kind: str, seed: int, neuron: dict[str, Any] | None = None, **options: Any) -> Any:
    torch.manual_seed(seed)
    parameters = STANDARD | (neuron or {})
    if kind == "MultiDense":
        return module.MultiDense(parameters, SIZES, NEURONS, weight_scale=[4, 3, 2], **options)
    return module.MultiConv(parameters, SOURCES, 6, weight_scale=5, **options)


def batch(kind: str, densities: tuple[float, float, float], n_steps: int, seed: int) -> list[torch.Tensor]:
    generator = np.random.default_rng(seed)
    shapes = [(size,) for size in SIZES] if kind == "MultiDense" else IMAGES
    return [
        torch.tensor(generator.random((3, *shape, n_steps)) < density, dtype=torch.float32)
        for shape, density in zip(shapes, densities)
    ]


def there_and_back(block: Any, inputs: list[torch.Tensor], seed: int) -> dict[str, torch.Tensor]:
    leaves = [values.clone().requires_grad_() for values in inputs]
    torch.manual_seed(seed)
    out = block(leaves)
    weights = np.random.default_rng(seed).normal(size=tuple(out.shape))
    out.backward(torch.tensor(weights, dtype=torch.float32))
    found = {"output": out.detach(), "random": torch.get_rng_state()}
    found |= {f"gradient of input {number}": leaf.grad for number, leaf in enumerate(leaves) if leaf.grad is not None}
    found |= {f"gradient of {name}": part.grad for name, part in block.named_parameters() if part.grad is not None}
    return found


@settings(max_examples=40)
@given(
    kind=st.sampled_from(["MultiDense", "MultiConv"]),
    densities=st.tuples(*[st.sampled_from([0.0, 0.02, 0.2, 0.7, 1.0])] * 3),
    n_steps=st.integers(1, 40),
    weight_norm=st.booleans(),
    delay=st.booleans(),
    learns=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_blocks_equal_slayers_parts(
    kind: str,
    densities: tuple[float, float, float],
    n_steps: int,
    weight_norm: bool,
    delay: bool,
    learns: bool,
    seed: int,
) -> None:
    options = {"weight_norm": weight_norm, "delay": delay}
    ours, theirs = (built(module, kind, seed, {"requires_grad": learns}, **options) for module in (OURS, THEIRS))
    inputs = batch(kind, densities, n_steps, seed)
    expected = there_and_back(theirs, inputs, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lapilli.training.blocks.multi._SlayerMulti.forward", forbidden)
        found = there_and_back(ours, inputs, seed)
    require_same(found, expected)


def forbidden(block: Any, inputs: Any) -> torch.Tensor:
    raise AssertionError(f"{type(block).__name__} ran SLAYER's code")


def test_weights_that_are_not_quantised_equal_slayers() -> None:
    ours, theirs = (built(module, "MultiDense", 0, pre_hook_fx=lambda weight: weight) for module in (OURS, THEIRS))
    inputs = batch("MultiDense", (0.2, 0.2, 0.2), 20, 0)
    require_same(there_and_back(ours, inputs, 0), there_and_back(theirs, inputs, 0))


def test_graded_spikes_run_slayers_code() -> None:
    ours, theirs = (built(module, "MultiDense", 0, {"graded_spike": True}) for module in (OURS, THEIRS))
    inputs = batch("MultiDense", (0.2, 0.2, 0.2), 20, 0)
    require_same(there_and_back(ours, inputs, 0), there_and_back(theirs, inputs, 0))


def test_a_bias_joins_the_sum() -> None:
    def norm() -> Bias:
        bias = Bias(NEURONS)
        bias.shift.data = torch.linspace(-0.2, 0.2, NEURONS)
        return bias

    ours, theirs = (built(module, "MultiDense", 0, {"norm": norm}) for module in (OURS, THEIRS))
    inputs = batch("MultiDense", (0.2, 0.2, 0.2), 20, 0)
    require_same(there_and_back(ours, inputs, 0), there_and_back(theirs, inputs, 0))


def test_one_input_is_a_dense_block() -> None:
    torch.manual_seed(0)
    single = OURS.Dense(dict(STANDARD), 20, NEURONS, weight_scale=4)
    block = OURS.MultiDense(dict(STANDARD), [20], NEURONS)
    block.synapses[0].weight.data = single.synapse.weight.data
    values = torch.tensor(np.random.default_rng(0).random((3, 20, 30)) < 0.2, dtype=torch.float32)
    with slayer_forbidden():
        assert torch.equal(block([values]), single(values))
    assert float(single(values).detach().sum()) > 0


@pytest.mark.parametrize("module", [OURS, THEIRS])
def test_inputs_that_do_not_fit_are_refused(module: Any) -> None:
    block = built(module, "MultiDense", 0)
    for wrong in ([torch.ones(1, 11, 5)], [torch.ones(1, 11, 5), torch.ones(1, 2, 5), torch.ones(1, 30, 5)]):
        with pytest.raises((ValueError, RuntimeError)):
            block(wrong)
