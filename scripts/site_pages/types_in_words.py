"""Types, ranges, defaults and units of configuration fields, in plain words."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from lapilli.simulators.configurations.named import kinds_of
from lapilli.simulators.configurations.ranges import Bounds

_PLAIN: Mapping[Any, str] = {bool: "true or false", int: "whole number", float: "number", str: "text", Path: "path"}

_UNITS = (
    (r"_ms:|: .*\bin ms\b", "ms"),
    (r"_epochs:|: Epochs\b", "epochs"),
    (r"_samples:|: Samples\b", "samples"),
    (r"_steps:|: (SNN )?Steps\b|in steps\b|so many steps|Farthest shift in time", "steps"),
    (r": (Neurons|Units|Widest silent band|Farthest shift)\b", "neurons"),
    (r": Channels\b", "channels"),
    (r": Rows and columns\b", "rows and columns"),
    (r": Share\b", "share"),
    (r": Probability\b", "probability"),
    (r": Factor\b", "factor"),
    (r": .*\bbits\b", "bits"),
)
"""Unit of a number, by the first of these that stands in "name: first sentence"."""


def type_in_words(hint: Any) -> str:
    """An annotation as a reader who knows no Python would say it."""
    if kinds := kinds_of(hint):
        return "one of " + ", ".join(f"`{name}`" for name in kinds)
    origin, members = get_origin(hint), get_args(hint)
    if origin is Annotated:
        inner = type_in_words(members[0])
        ranges = [str(bounds) for note in members[1:] if (bounds := _bounds(note)) is not None]
        return ", ".join([inner, *ranges])
    if origin is Literal:
        return "one of " + ", ".join(f"`{choice}`" for choice in members)
    if origin in (Union, UnionType):
        words = [type_in_words(member) for member in members if member is not NoneType]
        return " or ".join(words) + (", or null" if NoneType in members else "")
    if origin in (tuple, list):
        return _list_in_words(members)
    return "a section" if is_dataclass(hint) else _PLAIN.get(hint, getattr(hint, "__name__", str(hint)))


def default_in_words(field: Field[Any]) -> str:
    """What holds where nothing is said; "" for a section, whose fields say it."""
    if field.default is MISSING and field.default_factory is MISSING:
        return "must be given"
    value = field.default_factory() if field.default_factory is not MISSING else field.default
    return value_in_words(value)


def value_in_words(value: Any) -> str:
    """A value as YAML has it; of a configuration, its name."""
    if is_dataclass(value):
        name = getattr(value, "name", None)
        return f"`{name}`" if isinstance(name, str) and "name" in type(value).__annotations__ else ""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, tuple | list):
        return f"`[{', '.join(map(str, value))}]`"
    return f"{value:g}" if isinstance(value, float) else f"`{value}`" if isinstance(value, str) else str(value)


def unit(name: str, hint: Any, text: str) -> str:
    """Unit of a number, found in its name or the first sentence about it; "" where it has none."""
    if not {"number", "whole"} & set(re.findall(r"\w+", type_in_words(hint))):
        return ""
    first = f"{name}: {text.partition('. ')[0]}"
    return next((found for pattern, found in _UNITS if re.search(pattern, first)), "")


def _list_in_words(members: tuple[Any, ...]) -> str:
    if Ellipsis in members or len(members) == 1:
        words = type_in_words(members[0])
        return f"list of: {words}" if is_dataclass(members[0]) or "," in words else f"list of {words}s"
    return f"list of {len(members)}: " + ", ".join(type_in_words(member) for member in members)


def _bounds(note: Any) -> Bounds | None:
    check = getattr(note, "func", None)
    return check if isinstance(check, Bounds) else None
