"""What makes a frozen dataclass a configuration: its values are checked when it is made, all of them at once."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import pydantic.dataclasses
from pydantic import ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from lapilli.netx_exports.errors import ProblemsError
from lapilli.simulators.configurations.problems import CONTRADICTION, problems_of

Kind = TypeVar("Kind")

# Strict: no text for a number, no boolean for a whole number; a whole number is a number.
_CHECKED = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid")


class ConfigurationError(ProblemsError):
    """Values of a configuration that are out of range, of the wrong type, or that contradict each other.

    Arguments:
        subject: the configuration.
        problems: one phrase for each; where they stand in the configuration they say themselves.
    """

    def __init__(self, subject: str, problems: Sequence[str]) -> None:
        super().__init__(subject, problems)
        self.args = ("; ".join(self.problems),)


def configuration(subject: str, error: type[ProblemsError] = ConfigurationError) -> Callable[[type[Kind]], type[Kind]]:
    """Decorator of a frozen dataclass: an object of it has values that its annotations allow, or there is none.

    Annotations may be those of `ranges`. Numbers are finite. `__post_init__` may `refuse` what goes together badly.

    Arguments:
        subject: where it usually stands, as an error names an object that code makes; "": it is a whole file.
        error: raised when code makes an object with wrong values.
    """

    def checked(plain: type[Kind]) -> type[Kind]:
        made: Any = pydantic.dataclasses.dataclass(frozen=True, config=_CHECKED)(plain)
        initialise = made.__init__

        @functools.wraps(initialise)
        def initialise_checked(self: Any, *args: Any, **kwargs: Any) -> None:
            try:
                initialise(self, *map(_fixed, args), **{name: _fixed(value) for name, value in kwargs.items()})
            except ValidationError as found:
                section = subject if error is ConfigurationError else None
                raise error(subject, problems_of(found, made, section)) from None

        made.__init__ = initialise_checked
        made.__doc__ = plain.__doc__
        return made

    return checked


def refuse(problems: Iterable[str]) -> None:
    """Refuse a configuration, in its `__post_init__`, when there are problems.

    Arguments:
        problems: one phrase each, which begins with the name of a field and a colon.
    """
    if found := list(problems):
        raise PydanticCustomError(CONTRADICTION, "contradicts itself", {"problems": found})


def with_changes(kind: type[Kind], options: Kind | None, changes: Mapping[str, Any]) -> Kind:
    """A configuration of a function that takes one as a whole, field by field, or both.

    Arguments:
        kind: the configuration.
        options: as a whole; None: all defaults.
        changes: fields that replace those of `options`.

    Raises:
        ConfigurationError: for anything that is no such configuration, and values that are wrong.
    """
    if options is not None and not isinstance(options, kind):
        found = type(options).__name__
        raise ConfigurationError("options", [f"options: must be {kind.__name__}, got {found}; parts are given by name"])
    return kind(**changes) if options is None else replace(cast(Any, options), **changes)


def as_plain(config: Any) -> dict[str, Any]:
    """Nested values that YAML can write."""
    plain: dict[str, Any] = _plain(asdict(config))
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return str(value) if isinstance(value, Path) else value


def _fixed(value: Any) -> Any:
    """A list as the tuple that cannot be changed."""
    return tuple(value) if isinstance(value, list) else value
