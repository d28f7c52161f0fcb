"""How neurons answer: the surrogate of their spikes, and dropout of what they send."""

from dataclasses import dataclass
from math import e, log2, pi
from typing import NamedTuple

import numpy as np
import torch

from lapilli.training.networks.spikescr.functions.dropout import NO_DROPOUT, Dropout

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

    @property
    def edge(self) -> np.float32:
        """A neuron fired where its voltage, in thresholds, is above that."""
        return _BELOW_ONE if self.at_once else np.float32(1)
