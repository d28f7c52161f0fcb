"""How neurons answer: the surrogate of their spikes, dropout of what they send, and their way back through time."""

from dataclasses import dataclass
from math import e, log2, pi
from typing import NamedTuple

import numpy as np
import torch

from lapilli.training.fused.threads import over_samples
from lapilli.training.networks.spikescr.functions.dropout import NO_DROPOUT, Dropout
from lapilli.training.networks.spikescr.kernels.lif import lif_back

_BELOW_ONE = np.nextafter(np.float32(1), np.float32(0))


@dataclass(frozen=True)
class Surrogate:
    """Derivative of a spike; voltages are in thresholds.

    Arguments:
        exponential: `peak * exp(-|v - 1| / width)` with a steepness of log2(e) / width, else
            `peak / (1 + (steepness * (v - 1))^2)`.
    """

    exponential: bool
    steepness: float
    peak: float

    @classmethod
    def atan(cls, alpha: float = 5.0) -> "Surrogate":
        """As SpikingJelly's `ATan`."""
        return cls(False, pi / 2 * alpha, alpha / 2)

    @classmethod
    def slayer(cls, width: float, peak: float) -> "Surrogate":
        """As SLAYER's."""
        return cls(True, log2(e) / width, peak)

    def slope(self, volts: torch.Tensor) -> torch.Tensor:
        """The derivative at these voltages."""
        distance = self.steepness * (volts - 1)
        if self.exponential:
            return self.peak * torch.exp2(-distance.abs())
        return self.peak / (1 + distance * distance)

    @property
    def numbers(self) -> tuple[bool, np.float32, np.float32]:
        """As the kernels take it."""
        return self.exponential, np.float32(self.steepness), np.float32(self.peak)


class Firing(NamedTuple):
    """How neurons answer, beside their parameters.

    Arguments:
        surrogate: derivative of a spike.
        dropout: of what they send.
        at_once: whether they fire at their threshold already, and not only above it.
        exponent: on integers, a current is what arrives `<< exponent`.
    """

    surrogate: Surrogate
    dropout: Dropout = NO_DROPOUT
    at_once: bool = False
    exponent: int = 6

    def back(self, gradient: torch.Tensor, volts: torch.Tensor) -> torch.Tensor:
        """From the gradient of what is sent to that of what drives the neurons, in thresholds."""
        found = torch.empty_like(volts)
        arrays = gradient.contiguous().numpy(), volts.numpy()
        edge = _BELOW_ONE if self.at_once else np.float32(1)

        def work(part: int, first: int, last: int) -> None:
            room = np.empty(volts.shape[2], np.float32)
            lif_back(first, last, *arrays, edge, *self.surrogate.numbers, *self.dropout, found.numpy(), room)

        over_samples(len(volts), work)
        return found
