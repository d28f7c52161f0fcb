"""Numbers below the least normal one on the way back."""

from typing import Any

import numpy as np
import pytest
import torch

from lapilli.training.blocks import block_module
from lapilli.training.loop.denormals import are_flushed, flushing

STANDARD = {"threshold": 1.0, "current_decay": 0.1, "voltage_decay": 0.03, "tau_grad": 0.01, "scale_grad": 10.0}


@pytest.mark.skipif(not torch.set_flush_denormal(False), reason="this processor cannot")
def test_they_are_0_inside_and_as_before_after() -> None:
    assert not are_flushed()
    assert flushing(are_flushed)()
    assert not are_flushed()
    torch.set_flush_denormal(True)
    try:
        assert flushing(are_flushed)()
        assert are_flushed()
    finally:
        torch.set_flush_denormal(False)


def test_a_failure_leaves_them_as_before() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        flushing(fail)()
    assert not are_flushed()


def denormals(block: Any, values: torch.Tensor) -> list[int]:
    """How many gradients of each weight are denormal numbers."""
    (block(values) * 1e-22).sum().backward()
    gradients = [part.grad.abs() for part in block.parameters() if part.grad is not None]
    assert all(float(part.max()) > 0 for part in gradients)
    return [int(((part > 0) & (part < np.finfo(np.float32).tiny)).sum()) for part in gradients]


@pytest.mark.skipif(not torch.set_flush_denormal(False), reason="this processor cannot")
@pytest.mark.parametrize("threads", [1, 2])
def test_no_gradient_of_weights_is_one(threads: int) -> None:
    """Far from the threshold the surrogate gradient is as small as a number can be."""
    values = torch.tensor(np.random.default_rng(0).random((16, 30, 50)) < 0.1, dtype=torch.float32)
    found = []
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for dynamics in ("fused", "slayer"):
            torch.manual_seed(0)
            parameters = STANDARD | {"tau_grad": 0.0005}
            found.append(denormals(block_module(dynamics).Recurrent(parameters, 30, 40, weight_scale=4), values))
    finally:
        torch.set_num_threads(before)
    assert found[0] == [0, 0]
    assert max(found[1]) > 0
    assert not are_flushed()
