"""Checks of the numbers in a method's configuration, each a phrase for a message."""

from collections.abc import Iterator
from math import isfinite


def share(name: str, value: float) -> Iterator[str]:
    """A phrase unless `value` is 0…1."""
    if not 0 <= value <= 1:
        yield f"{name}: must be 0…1, got {value}"


def above_zero(name: str, value: float) -> Iterator[str]:
    """A phrase unless `value` is finite and above 0."""
    if not (isfinite(value) and value > 0):
        yield f"{name}: must be above 0 and finite, got {value}"


def at_least_zero(name: str, value: float) -> Iterator[str]:
    """A phrase unless `value` is finite and not below 0."""
    if not (isfinite(value) and value >= 0):
        yield f"{name}: must be at least 0 and finite, got {value}"
