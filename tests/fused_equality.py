"""Comparing fused blocks with SLAYER's: two passes there and back, everything that they leave."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import pytest
import torch

from lapilli.training.networks.slayer import slayer

RELATIVE = 1e-5
LEAST = 1e-30
"""The least normal number, 1e-38, which torch's exponential takes as 0, times slopes and weights of up to 1e4 each."""


def there_and_back(block: Any, values: torch.Tensor, seed: int) -> dict[str, torch.Tensor]:
    """Output, gradients of everything, random state and neuron states of two passes, one after the other."""
    found = {}
    torch.manual_seed(seed)
    for number in range(2):
        leaf = values.detach().requires_grad_()
        block.zero_grad()
        out = block(leaf)
        weights = np.random.default_rng(seed + number).normal(size=tuple(out.shape))
        out.backward(torch.tensor(weights, dtype=torch.float32))
        found[f"output {number}"] = out.detach()
        found[f"gradient {number} of input"] = leaf.grad
        for name, parameter in block.named_parameters():
            if parameter.grad is not None:
                found[f"gradient {number} of {name}"] = parameter.grad.clone()
    return found | {"random": torch.get_rng_state()} | dict(block.state_dict())


@contextmanager
def slayer_forbidden() -> Iterator[None]:
    """Fail where a block falls back on SLAYER's code."""

    def forbidden(block: Any, x: torch.Tensor) -> torch.Tensor:
        raise AssertionError(f"{type(block).__name__} ran SLAYER's code")

    names = ("Dense", "Affine", "Recurrent", "Conv", "Pool", "ConvT", "Unpool")
    kinds = [getattr(slayer.block.base, f"Abstract{name}") for name in names]
    with pytest.MonkeyPatch.context() as patch:
        for kind in kinds:
            patch.setattr(kind, "forward", forbidden)
        yield


def size(name: str, gradients: dict[str, torch.Tensor]) -> float:
    """The largest gradient, or the largest of what is added up in it, where that can cancel."""
    parameter = name.split(" of ")[-1]
    both = [part for other, part in gradients.items() if other.startswith("gradient") and other.endswith(parameter)]
    found = max(float(part.abs().max()) for part in both)
    if parameter.endswith("delay.delay"):
        # A difference of what comes back, which is of size 1.
        return max(found, 1.0)
    if parameter.endswith("weight_v"):
        return max(found, size(name.replace("weight_v", "weight_g"), gradients))
    if parameter.endswith("_decay"):
        # A sum over all neurons and steps, of either sign.
        return 10 * max(float(part.abs().max()) for other, part in gradients.items() if is_decay(other))
    return found


def is_decay(name: str) -> bool:
    return name.startswith("gradient") and name.endswith("_decay")


def require_same(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        found = ours[name]
        assert found.shape == expected.shape, name
        if name.startswith("gradient") and not expected.isfinite().all():
            # Exploded through recurrent weights: SLAYER multiplies silent inputs with infinity, which is no number.
            continue
        if name.startswith("gradient"):
            assert (found - expected).abs().max() <= max(RELATIVE * size(name, theirs), LEAST), name
        else:
            assert torch.equal(found, expected), name


def watch_magnitudes(neuron: Any) -> list[float]:
    """The largest states of each call, in units of fixed point."""
    magnitudes: list[float] = []
    dynamics = neuron.dynamics

    def watched(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        states: tuple[torch.Tensor, torch.Tensor] = dynamics(values)
        magnitudes.extend(float(state.detach().abs().max()) * neuron.s_scale for state in states)
        return states

    neuron.dynamics = watched
    return magnitudes


def to_rest(block: Any) -> None:
    block.neuron.current_state = torch.zeros(1)
    block.neuron.voltage_state = torch.zeros(1)
    block.spike_state = torch.zeros(1)


def require_equal(ours: Any, theirs: Any, values: torch.Tensor, seed: int) -> None:
    """Ours must be the same, and must be fused unless states leave 24 bits."""
    magnitudes = watch_magnitudes(theirs.neuron)
    expected = there_and_back(theirs, values, seed)
    allowed = nullcontext() if max(magnitudes) >= 1 << 23 else slayer_forbidden()
    with allowed:
        found = there_and_back(ours, values, seed)
    require_same(found, expected)
