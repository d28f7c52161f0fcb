"""Axonal delays: what SLAYER's own module gives, there and back."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lapilli.training.networks.axonal_delays import delayed
from lapilli.training.networks.slayer import slayer


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000),
    n_steps=st.integers(1, 20),
    largest=st.sampled_from([0.5, 3.0, 30.0]),
    scale=st.sampled_from([1, 7]),
)
def test_delays_are_those_of_slayer(seed: int, n_steps: int, largest: float, scale: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    spikes = (torch.rand(3, 5, n_steps, generator=generator) < 0.4).float()
    weights = torch.randn(3, 5, n_steps, generator=generator)
    found = []
    for apply in (lambda values, delay: delayed(values, delay), lambda values, delay: delay(values)):
        delay = slayer.axon.Delay(max_delay=62, grad_scale=scale)
        # Some out of their range: both clamp them.
        delay.delay.data, delay.init = torch.linspace(-1, largest, 5), True
        leaf = spikes.clone().requires_grad_()
        late = apply(leaf, delay)
        (late * weights).sum().backward()
        found.append((late.detach(), leaf.grad, delay.delay.detach().clone(), delay.delay.grad))
    ours, theirs = found
    assert all(torch.equal(a, b) for a, b in zip(ours[:3], theirs[:3]))
    assert torch.allclose(ours[3], theirs[3], atol=1e-5)


def test_the_output_is_by_steps_in_memory_as_fused_blocks_read_it() -> None:
    delay = slayer.axon.Delay(max_delay=3)
    delay.delay.data, delay.init = torch.zeros(4), True
    assert delayed(torch.ones(2, 4, 6), delay).transpose(1, 2).is_contiguous()


@pytest.mark.parametrize("n_steps", [0, 1])
def test_hardly_any_steps(n_steps: int) -> None:
    delay = slayer.axon.Delay(max_delay=3)
    delay.delay.data, delay.init = torch.full((4,), 2.0), True
    late = delayed(torch.ones(2, 4, n_steps), delay)
    assert late.shape == (2, 4, n_steps)
    assert not late.any()
