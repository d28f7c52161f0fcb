"""Types of numbers with a range, for the annotations of configurations."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator


@dataclass(frozen=True)
class Bounds:
    """Refuses numbers outside of `low`…`high`.

    Arguments:
        low, high: None: no such end.
        above: whether `low` itself is outside.
        below: whether `high` itself is outside.
    """

    low: float | None = None
    high: float | None = None
    above: bool = False
    below: bool = False

    def __call__(self, value: Any) -> Any:
        """`value`, where it is inside.

        Raises:
            ValueError: saying what it must be.
        """
        low_enough = self.high is None or (value < self.high if self.below else value <= self.high)
        high_enough = self.low is None or (value > self.low if self.above else value >= self.low)
        if not (low_enough and high_enough):
            raise ValueError(f"must be {self}")
        return value

    def __str__(self) -> str:
        low = None if self.low is None else f"{'above' if self.above else 'at least'} {_shown(self.low)}"
        high = None if self.high is None else f"{'below' if self.below else 'at most'} {_shown(self.high)}"
        if low and high and not (self.above or self.below):
            return f"{_shown(self.low)}…{_shown(self.high)}"
        return " and ".join(filter(None, (low, high)))


def within(low: float, high: float) -> AfterValidator:
    """Annotation of a number in `low`…`high`, both included."""
    return AfterValidator(Bounds(low, high))


Share = Annotated[float, within(0, 1)]
AboveZero = Annotated[float, AfterValidator(Bounds(0, above=True))]
AtLeastZero = Annotated[float, AfterValidator(Bounds(0))]

Count = Annotated[int, AfterValidator(Bounds(1))]
"""At least 1."""

Natural = Annotated[int, AfterValidator(Bounds(0))]
"""At least 0."""


def _shown(number: float | None) -> str:
    return "" if number is None else str(int(number)) if number == int(number) else f"{number:g}"
