"""The kernels' arguments in named groups, and the one place where they are laid out flat.

Triton's kernels take flat arguments. A field of a group has the name of the kernel's argument, which says what it is.
"""

from dataclasses import dataclass, fields
from typing import Any

import torch

from lapilli.training.fused.gpu.kernels import LANES


@dataclass(frozen=True)
class Sizes:
    """Sizes that both kernels take."""

    n_lanes: int
    n_neurons: int
    n_steps: int
    draws: int
    noise_step: int

    @classmethod
    def of(cls, by_step: torch.Tensor, noise: torch.Tensor | None) -> "Sizes":
        """Those of (samples, steps, neurons)."""
        n_samples, n_steps, n_neurons = by_step.shape
        draws = 0 if noise is None else noise.shape[1]
        return cls(n_samples * n_neurons, n_neurons, n_steps, draws, noise_step=int(draws > 1))


@dataclass(frozen=True)
class ForwardArrays:
    """Arrays of `kernels.forward`."""

    real: torch.Tensor
    caused: torch.Tensor
    keep_current: torch.Tensor
    keep_voltage: torch.Tensor
    bias: torch.Tensor
    current: torch.Tensor
    voltage: torch.Tensor
    noise: torch.Tensor
    shifts: torch.Tensor
    currents: torch.Tensor
    voltages: torch.Tensor
    out: torch.Tensor
    sent: torch.Tensor
    seen: torch.Tensor


@dataclass(frozen=True)
class ForwardNumbers:
    """Constants of neurons for `kernels.forward`."""

    threshold: int
    scale: float
    unit: float


@dataclass(frozen=True)
class ForwardModes:
    """What happens on the way forward."""

    recurrent: bool
    noisy: bool
    spiking: bool
    keeps_voltages: bool
    keeps_currents: bool


@dataclass(frozen=True)
class BackwardArrays:
    """Arrays of `kernels.backward`."""

    out_gradient: torch.Tensor
    caused: torch.Tensor
    noise: torch.Tensor
    shifts: torch.Tensor
    voltages: torch.Tensor
    currents: torch.Tensor
    keep_current: torch.Tensor
    keep_voltage: torch.Tensor
    through_current: torch.Tensor
    through_voltage: torch.Tensor
    gradients: torch.Tensor
    current_decay_gradient: torch.Tensor
    voltage_decay_gradient: torch.Tensor
    bias_gradient: torch.Tensor


@dataclass(frozen=True)
class BackwardNumbers:
    """Constants of neurons and of the surrogate for `kernels.backward`."""

    unit: float
    threshold: float
    tau: float
    peak: float


@dataclass(frozen=True)
class BackwardModes:
    """What happens on the way back."""

    recurrent: bool
    noisy: bool
    spiking: bool
    decays: bool
    biased: bool


@dataclass(frozen=True)
class Launch:
    """A kernel with all that it takes, but for the steps.

    Arguments:
        kernel: of `kernels`.
        device: of a tensor on it.
        sizes, arrays, numbers, modes: groups of arguments.
    """

    kernel: Any
    device: torch.Tensor
    sizes: Sizes
    arrays: ForwardArrays | BackwardArrays
    numbers: ForwardNumbers | BackwardNumbers
    modes: ForwardModes | BackwardModes

    def arguments(self, first: int, last: int) -> dict[str, Any]:
        """All arguments of steps `first` to `last`, in the kernel's order."""
        groups = (self.sizes, self.arrays, self.numbers, self.modes)
        named = {part.name: getattr(group, part.name) for group in groups for part in fields(group)}
        named |= {"first": first, "last": last, "lanes": LANES}
        return {name: named[name] for name in self.kernel.arg_names}

    def run(self, first: int, last: int) -> None:
        """Steps `first` to `last` of all samples and neurons."""
        grid = (-(-self.sizes.n_lanes // LANES),)
        with torch.cuda.device_of(self.device):  # type: ignore[no-untyped-call]
            self.kernel[grid](*self.arguments(first, last).values())


def absent(like: torch.Tensor, kind: torch.dtype | None = None) -> torch.Tensor:
    """What stands for an array of something that does not happen; no kernel reads it."""
    return like.new_empty(0, 0, 0, dtype=kind)
