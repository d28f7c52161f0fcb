"""Fused convolutions and what stands around them, against SLAYER's blocks."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from fused_equality import require_equal, require_same
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lapilli.training.blocks import block_module
from lapilli.training.networks.slayer import slayer

THEIRS, OURS = slayer.block.cuba, block_module("fused")
STANDARD = {"threshold": 1.0, "current_decay": 0.1, "voltage_decay": 0.03, "tau_grad": 0.01, "scale_grad": 10.0}


@dataclass(frozen=True)
class Case:
    """A convolution and its input."""

    channels: tuple[int, int] = (2, 3)
    groups: int = 1
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    image: tuple[int, int] = (7, 6)
    n_samples: int = 2
    n_steps: int = 20
    density: float = 0.05
    levels: tuple[float, ...] = (1.0,)
    neuron: dict[str, Any] = field(default_factory=dict)
    block: dict[str, Any] = field(default_factory=dict)
    dropout: float = 0.0
    channels_last: bool = False
    seed: int = 0


def built(module: Any, case: Case) -> Any:
    torch.manual_seed(case.seed)
    dropout = {"dropout": slayer.neuron.Dropout(case.dropout)} if case.dropout else {}
    n_inputs, n_outputs = (number * case.groups for number in case.channels)
    sizes = {"stride": case.stride, "padding": case.padding, "dilation": case.dilation, "groups": case.groups}
    neuron = STANDARD | case.neuron | dropout
    return module.Conv(neuron, n_inputs, n_outputs, case.kernel, **sizes, weight_scale=4, **case.block)


def batch(case: Case) -> torch.Tensor:
    generator = np.random.default_rng(case.seed)
    shape = (case.n_samples, case.channels[0] * case.groups, *case.image, case.n_steps)
    active = generator.random(shape) < case.density
    values = torch.tensor(active * generator.choice(case.levels, shape), dtype=torch.float32)
    order = (0, 4, 2, 3, 1)
    return values.permute(*order).contiguous().permute(0, 4, 2, 3, 1) if case.channels_last else values


def pairs(least: int, most: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(least, most), st.integers(least, most))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kernel, dilation = draw(pairs(1, 4)), draw(pairs(1, 2))
    least = [dilation[axis] * (kernel[axis] - 1) + 1 for axis in range(2)]
    return Case(
        channels=draw(st.tuples(st.integers(1, 3), st.integers(1, 20))),
        groups=draw(st.sampled_from([1, 1, 2, 3])),
        kernel=kernel,
        stride=draw(pairs(1, 3)),
        padding=draw(pairs(0, 2)),
        dilation=dilation,
        image=(least[0] + draw(st.integers(0, 5)), least[1] + draw(st.integers(0, 5))),
        n_samples=draw(st.integers(1, 3)),
        n_steps=draw(st.integers(1, 12) | st.integers(1, 60)),
        density=draw(st.sampled_from([0.0, 0.02, 0.09, 1.0]) | st.floats(0, 1)),
        levels=draw(st.sampled_from([(1.0,), (2.0,), (1.0, 3.0, -2.0), (0.5, 1.25)])),
        neuron={
            "requires_grad": draw(st.booleans()),
            "persistent_state": draw(st.sampled_from([False, False, True])),
        },
        block={"delay": draw(st.booleans()), "weight_norm": draw(st.booleans()), "delay_shift": False},
        dropout=draw(st.sampled_from([0.0, 0.0, 0.5])),
        channels_last=draw(st.booleans()),
        seed=draw(st.integers(0, 2**31)),
    )


@settings(max_examples=60)
@given(cases())
@example(Case(density=0.0))
@example(
    Case(stride=(2, 2), padding=(1, 1), channels=(2, 12), kernel=(5, 5), image=(17, 17), block={"delay_shift": True})
)
@example(Case(density=0.5, channels=(4, 17), groups=2, channels_last=True))
def test_convolutions_equal_slayer(case: Case) -> None:
    ours, theirs = built(OURS, case), built(THEIRS, case)
    # SLAYER's own gradient of delays has a wrong shape where each channel is one neuron.
    assume(not case.block.get("delay") or ours.synapse(batch(case)).shape[2:4].numel() > 1)
    require_equal(ours, theirs, batch(case), 0)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_whole_network_equals_slayers(threads: int) -> None:
    """Convolutions, pooling, unpooling, a transposed convolution, flattening, a readout."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    found = []
    try:
        for module in (OURS, THEIRS):
            torch.manual_seed(0)
            blocks = [
                module.Conv(dict(STANDARD), 2, 8, 3, padding=1, weight_scale=6),
                module.Pool(dict(STANDARD), 2, weight_scale=100),
                module.Conv(dict(STANDARD), 8, 8, 3, groups=2, weight_scale=6),
                module.ConvT(dict(STANDARD), 8, 4, 3, weight_scale=6),
                module.Unpool(dict(STANDARD), 2, weight_scale=100),
                module.Flatten(),
                module.Affine(dict(STANDARD), 4 * 12 * 12, 5),
            ]
            network = torch.nn.Sequential(*blocks)
            values = (torch.rand(3, 2, 12, 12, 25) < 0.1).float().requires_grad_()
            out = network(values)
            out.pow(2).sum().backward()
            gradients = {
                f"gradient of {name}": part.grad for name, part in network.named_parameters() if part.requires_grad
            }
            found.append({"out": out.detach(), "gradient of input": values.grad} | gradients)
    finally:
        torch.set_num_threads(before)
    assert found[0]["out"].abs().sum() > 0
    assert all(float(value.detach().abs().sum()) > 0 for name, value in found[0].items() if "weight" in name)
    require_same(*found)


@pytest.mark.parametrize("shape", [(1, 3, 7, 6, 5), (1, 2, 2, 2, 5)])
def test_images_that_slayer_refuses_are_refused(shape: tuple[int, ...]) -> None:
    for module in (THEIRS, OURS):
        with pytest.raises((RuntimeError, AssertionError, ValueError, IndexError)):
            built(module, Case())(torch.zeros(shape))
