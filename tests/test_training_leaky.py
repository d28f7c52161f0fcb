"""Leaky sums: compiled and by torch the same, there and back."""

import pytest
import torch

from lapilli.training.networks.leaky import _by_torch, leaky_sum


@pytest.mark.parametrize("shape", [(2, 9, 5), (3, 1, 4), (2, 6, 3, 2, 2)])
@pytest.mark.parametrize("own", [True, False])
def test_compiled_sums_are_those_of_torch(shape: tuple[int, ...], own: bool) -> None:
    torch.manual_seed(0)
    drawn, weights = torch.randn(shape), torch.randn(shape)
    keep = torch.rand(shape[2] if own else 1)
    found = []
    for sums in (leaky_sum, _by_torch):
        values = drawn.clone().requires_grad_()
        total = sums(values, keep)
        (total * weights).sum().backward()
        found += [total.detach(), values.grad]
    assert torch.allclose(found[0], found[2], atol=1e-6)
    assert torch.allclose(found[1], found[3], atol=1e-5)
    assert torch.equal(drawn, values.detach())


def test_values_by_steps_last_in_memory_are_read_right() -> None:
    values = torch.arange(24.0).reshape(2, 3, 4).transpose(1, 2)
    assert torch.allclose(leaky_sum(values, torch.tensor([0.5])), _by_torch(values, torch.tensor([0.5])))
