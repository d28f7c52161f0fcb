"""The networks that are trained in the benchmark, their input, and what a step of training is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lapilli.training.blocks import block_module
from lapilli.training.blocks.kinds import DynamicsName
from lapilli.training.networks.time import clear_state

NEURON = {"threshold": 1.0, "current_decay": 0.1, "voltage_decay": 0.03, "tau_grad": 0.01, "scale_grad": 10.0}
"""CUBA LIF of `lapilli.training.networks.network.NetworkConfig`: surrogate of width 1 and height 0.5."""

IMAGE = (2, 34, 34)
"""N-MNIST's polarities, rows and columns."""

KERNELS = ((2, 12, 5), (12, 32, 3))
"""Input channels, output channels and kernel of the convolutions, all of stride 2."""

FLAT = 32 * 7 * 7

Step = Callable[[], float]
"""Forward, loss and backward pass of one batch; gives the loss."""


@dataclass(frozen=True)
class Task:
    """What one step trains.

    Arguments:
        kind: "dense", "recurrent" or "conv".
        batch: samples.
        n_steps: time steps of each.
        density: probability of an input spike for each input and step.
        seed: of weights and input.
    """

    kind: str
    batch: int
    n_steps: int
    density: float
    seed: int = 0

    @property
    def network(self) -> str:
        """Layers, as the tables show them."""
        return {"dense": "700-256-20", "recurrent": "700-256r-20", "conv": "34×34×2-12c5-32c3-10"}[self.kind]

    @property
    def classes(self) -> int:
        """Neurons of the readout."""
        return 10 if self.kind == "conv" else 20

    def values(self) -> torch.Tensor:
        """Spikes (samples, *inputs, steps), float32."""
        shape = IMAGE if self.kind == "conv" else (700,)
        generator = np.random.default_rng(self.seed)
        active = generator.random((self.batch, *shape, self.n_steps), np.float32) < self.density
        return torch.from_numpy(active.astype(np.float32))

    def labels(self) -> torch.Tensor:
        """Classes (samples)."""
        return torch.arange(self.batch) % self.classes


def slayer_network(task: Task, dynamics: DynamicsName) -> torch.nn.Sequential:
    """Blocks of SLAYER, or those on fused kernels; the readout's voltages decide."""
    torch.manual_seed(task.seed)
    cuba = block_module(dynamics)
    if task.kind == "conv":
        sizes = [cuba.Conv(dict(NEURON), *sizes, stride=2, weight_scale=2) for sizes in KERNELS]
        return torch.nn.Sequential(*sizes, cuba.Flatten(), cuba.Affine(dict(NEURON), FLAT, task.classes))
    block = cuba.Recurrent if task.kind == "recurrent" else cuba.Dense
    hidden = block(dict(NEURON), 700, 256, weight_scale=2)
    return torch.nn.Sequential(hidden, cuba.Affine(dict(NEURON), 256, task.classes))


def slayer_step(task: Task, dynamics: DynamicsName, device: str = "cpu") -> Step:
    """A step of training with SLAYER's blocks."""
    network = slayer_network(task, dynamics).to(device)
    values, labels = task.values().to(device), task.labels().to(device)

    def forward() -> torch.Tensor:
        # SLAYER's recurrent block starts where the last batch ended.
        clear_state(network)
        voltages: torch.Tensor = network(values)
        return voltages.mean(-1)

    return training_step(network, forward, labels)


def training_step(network: torch.nn.Module, forward: Callable[[], torch.Tensor], labels: torch.Tensor) -> Step:
    """Forward pass to logits (samples, classes), cross entropy, and back."""

    def step() -> float:
        network.zero_grad()
        loss = torch.nn.functional.cross_entropy(forward(), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss)

    return step


def gradients_of(task: Task, dynamics: DynamicsName, device: str = "cpu") -> dict[str, Any]:
    """Voltages of the readout, loss and gradients of one step, on the CPU."""
    network = slayer_network(task, dynamics).to(device)
    values, labels = task.values().to(device), task.labels().to(device)
    voltages = network(values)
    loss = torch.nn.functional.cross_entropy(voltages.mean(-1), labels)
    loss.backward()  # type: ignore[no-untyped-call]
    found = {name: part.grad.cpu() for name, part in network.named_parameters() if part.grad is not None}
    return {"voltages": voltages.detach().cpu(), "loss": float(loss), **found}
