"""What a test knows about a value and types do not say."""

from typing import TypeVar

Kind = TypeVar("Kind")


def of_kind(kind: type[Kind], value: object) -> Kind:
    """The value, which is of that kind."""
    assert isinstance(value, kind)
    return value
