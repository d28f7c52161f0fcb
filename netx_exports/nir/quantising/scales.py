"""How many integers 1.0 of a layer is: as many as its weights and its states leave room for."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from lapilli.netx_exports.neurons.kinds import LARGEST_THRESHOLD

LARGEST_WEIGHT = 254
"""Weights are even, -254…254: what 8 bits with a sign hold, in Lava and on the chip."""

HEADROOM = 1.5
"""Times what was seen, that states may reach on other events before they leave 24 bits."""


@dataclass(frozen=True)
class Reach:
    """Largest magnitudes of a layer's states on some events, in thresholds; in the graph's units where there is none.

    Arguments:
        current: what a step adds to the voltage.
        voltage: at the end of a step.
        endless: of a voltage that loses nothing to spikes.
    """

    current: float
    voltage: float
    endless: float

    @classmethod
    def largest(cls, several: Iterable["Reach"]) -> "Reach":
        """The largest of each."""
        found = list(several)
        return cls(*(max(getattr(one, name) for one in found) for name in ("current", "voltage", "endless")))


NOWHERE = Reach(0.0, 0.0, 0.0)
"""Of states that stay 0."""


def largest_scale(largest_weight: float, reached: float) -> float:
    """Largest scale at which weights and states fit.

    Arguments:
        largest_weight: largest magnitude of a weight, in thresholds.
        reached: largest magnitude of a state, in thresholds.
    """
    by_weight = LARGEST_WEIGHT / largest_weight if largest_weight else math.inf
    by_state = LARGEST_THRESHOLD / (HEADROOM * reached) if reached else math.inf
    # Without weights and without states any scale does.
    return min(by_weight, by_state, LARGEST_THRESHOLD / HEADROOM)


def power_of_two(scale: float) -> float:
    """The largest power of two that is not above `scale`."""
    return 2.0 ** math.floor(math.log2(scale))
