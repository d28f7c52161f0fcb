"""Random logits for the tests of methods, and the check of a gradient by finite differences."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Case:
    """Logits (samples, classes, steps), labels, valid steps."""

    logits: Any
    labels: list[int]
    valid: Any

    @property
    def tensors(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return torch.from_numpy(self.logits), torch.tensor(self.labels), torch.from_numpy(self.valid)


@st.composite
def cases(draw: st.DrawFn, max_steps: int = 7) -> Case:
    """All sizes from 1; scales from nearly equal logits to saturated ones; with or without padding."""
    n_samples, n_classes, n_steps = draw(st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, max_steps)))
    scale = draw(st.sampled_from([0.01, 1.0, 8.0]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    valid = np.ones((n_samples, n_steps), bool)
    if draw(st.booleans()):
        valid = rng.random(valid.shape) < 0.6
        valid[:, rng.integers(n_steps)] = True
    labels = rng.integers(n_classes, size=n_samples).tolist()
    return Case(scale * rng.standard_normal((n_samples, n_classes, n_steps)), labels, valid)


def close(found: torch.Tensor, expected: float) -> bool:
    """Equal to 1e-6, of 1 or of the value where that is larger."""
    return abs(float(found) - expected) <= TOLERANCE * max(1.0, abs(expected))


def gradient(loss: Callable[[torch.Tensor], torch.Tensor], logits: Any) -> Any:
    values = torch.from_numpy(logits).requires_grad_()
    loss(values).backward()
    assert values.grad is not None
    return values.grad.numpy()


def differences(loss: Callable[[Any], float], logits: Any, step: float = 1e-5) -> Any:
    """Central differences of a formula in numpy."""
    found = np.zeros_like(logits)
    for place in np.ndindex(logits.shape):
        moved = np.zeros_like(logits)
        moved[place] = step
        found[place] = (loss(logits + moved) - loss(logits - moved)) / (2 * step)
    return found


def gradients_agree(found: Any, expected: Any) -> bool:
    return bool(np.abs(found - expected).max() <= TOLERANCE * max(1.0, np.abs(expected).max()))
