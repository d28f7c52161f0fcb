"""The clock of a layer: in which steps its neurons act."""

from dataclasses import dataclass

MAX_PERIOD = 1 << 16
"""Longest period, and latest phase, in steps."""


@dataclass(frozen=True)
class Clock:
    """A layer acts in the steps `phase`, `phase + period`, `phase + 2 period`, …

    In all other steps the states of its neurons stay as they are and nothing is sent; what arrives then is lost. Before
    `phase` the neurons are thus at rest, whatever their biases are.

    Arguments:
        period: steps from one in which the layer acts to the next, 1…65,536.
        phase: the first of them, 0…65,536.
    """

    period: int = 1
    phase: int = 0

    def problems(self) -> list[str]:
        """Everything that is wrong with it."""
        limits = {"period": (1, MAX_PERIOD), "phase": (0, MAX_PERIOD)}
        return [
            f"clock: {name} must be an integer in {low}…{high}, got {getattr(self, name)!r:.80}"
            for name, (low, high) in limits.items()
            if type(getattr(self, name)) is not int or not low <= getattr(self, name) <= high
        ]

    def acts(self, step: int) -> bool:
        """Whether the layer acts in a step, counted from 0."""
        return step >= self.phase and (step - self.phase) % self.period == 0

    def steps_within(self, n_steps: int) -> int:
        """In how many of the steps 0…n_steps - 1 the layer acts."""
        return max(0, -(-(n_steps - self.phase) // self.period))


EVERY_STEP = Clock()
"""The clock of a layer that says nothing of one."""
