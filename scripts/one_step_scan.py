"""How long a training step over windows takes: the compiled scan beside the same scan in torch's own operations.

    python scripts/one_step_scan.py

The second convolution of a block of 16 channels on maps of 16 × 16, dilated windows, 64 images, one thread, with Omega.
Times are processor time, the least of several, forward and backward. The scan alone, and the network's whole step.
"""

import time
from collections.abc import Callable
from math import pi
from typing import Any

import torch

from lapilli.training.networks.one_step.carry import Carry, carry_of
from lapilli.training.networks.one_step.config import OneStepConfig
from lapilli.training.networks.one_step.functions.window_lif import window_lif
from lapilli.training.networks.one_step.network import OneStepNetwork
from lapilli.training.networks.one_step.nodes import window

SHAPE = (4, 64, 12, 12, 16)
REPEATS = 15


class Rectangle(torch.autograd.Function):
    """A spike above 0.5, with the derivative of a rectangle."""

    @staticmethod
    def forward(ctx: Any, potential: torch.Tensor) -> torch.Tensor:
        """Spikes."""
        ctx.save_for_backward(potential)
        return (potential > 0.5).float()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        """The gradient of potentials."""
        (potential,) = ctx.saved_tensors
        return gradients[0] * ((potential - 0.5).abs() < 0.5)


def plain(current: torch.Tensor, below: torch.Tensor | None, carry: Carry, *_: Any) -> tuple[torch.Tensor, ...]:
    """The scan in floating point, by torch's operations; carries are "group" and "omega"."""
    potentials = [current[0]]
    for number in range(1, len(current)):
        before = potentials[-1]
        start = 0.4 * before
        if carry.reads_below and below is not None:
            start = 0.8 * torch.sin(pi / 4 * before) * torch.cos(pi / 4 * below[number])
        potentials.append(start + current[number])
    potential = torch.stack(potentials)
    return Rectangle.apply(potential), potential


def least(step: Callable[[], object]) -> float:
    """Processor time in ms."""
    step()
    found = []
    for _ in range(REPEATS):
        started = time.process_time()
        step()
        found.append(time.process_time() - started)
    return 1000 * min(found)


def scan_step(scan: Callable[..., tuple[torch.Tensor, ...]]) -> Callable[[], object]:
    """The scan there and back."""
    generator = torch.Generator().manual_seed(0)
    current, below = (torch.randn(SHAPE, generator=generator).requires_grad_() for _ in range(2))
    weights = torch.randn(SHAPE, generator=generator)

    def step() -> object:
        spikes, _ = scan(current, below, carry_of("omega"), 14, 0.5)
        return torch.autograd.grad(spikes, (current, below), weights)

    return step


def network_step() -> Callable[[], object]:
    """A step of the default network on 64 images."""
    torch.manual_seed(0)
    module = OneStepNetwork(OneStepConfig(), (3, 32, 32), 10).train()
    images, labels = torch.randint(0, 256, (64, 3, 32, 32, 2)).float(), torch.randint(0, 10, (64,))

    def step() -> object:
        module.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(images)[:, :, 0], labels)
        return loss.backward()

    return step


def main() -> None:
    """Print what was measured."""
    torch.set_num_threads(1)
    compiled, by_torch = least(scan_step(window_lif)), least(scan_step(plain))
    print(f"scan: {compiled:.2f} ms compiled, {by_torch:.2f} ms in torch, {by_torch / compiled:.1f} times")
    whole = least(network_step())
    vars(window)["window_lif"] = plain
    other = least(network_step())
    print(f"step of a network: {whole / 64:.2f} ms an image, {other / 64:.2f} with the scan in torch")


if __name__ == "__main__":
    main()
