"""What pydantic finds in a configuration, as lapilli's phrases: dotted place, what it must be, what was found."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lapilli.netx_exports.errors import did_you_mean, one_of
from lapilli.simulators.configurations.named import NAME, kinds_of

CONTRADICTION = "contradiction"
"""Type of an error whose context lists phrases of its own."""

_EXPECTED = {
    "bool_type": "true or false",
    "dataclass_type": "a mapping of options",
    "dict_type": "a mapping of options",
    "finite_number": "finite",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "path_type": "a path",
    "string_type": "text",
    "tuple_type": "a list",
}
"""What a value must be, by pydantic's type of error."""


def problems_of(error: ValidationError, kind: Any, section: str | None = None) -> list[str]:
    """One phrase for each problem.

    Arguments:
        error: what pydantic found.
        kind: the configuration that it was to be.
        section: where it stands in a larger one.
    """
    entries = error.errors(include_url=False)
    return [phrase for entry in entries for phrase in _phrases(entry, kind, section or "")]


def inner_hint(hint: Any) -> Any:
    """An annotation without its range, and without None."""
    while True:
        if get_origin(hint) is Annotated:
            hint = get_args(hint)[0]
        elif NoneType in (members := get_args(hint)) and len(members) == 2:
            hint = next(member for member in members if member is not NoneType)
        else:
            return hint


def hint_at(kind: Any, place: Sequence[str | int], section: str = "") -> tuple[Any, str]:
    """The annotation at a place of a configuration, None where there is none, and the place in words.

    Arguments:
        kind: the configuration.
        place: names of fields, numbers of items, and names of the kind where a field may be of several.
        section: where the configuration itself stands.
    """
    hint, words = kind, section
    for step in place:
        hint = inner_hint(hint)
        if is_dataclass(hint) and isinstance(step, int):
            # An argument that code gave by its position.
            step = fields(hint)[step].name if step < len(fields(hint)) else str(step)
        if step in (kinds := kinds_of(hint)):
            hint = kinds[str(step)]
            continue
        words += f"[{step}]" if isinstance(step, int) else f".{step}" if words else step
        if is_dataclass(hint):
            hint = get_type_hints(hint, include_extras=True).get(str(step))
        else:
            items = get_args(hint)
            hint = None if not items or not isinstance(step, int) else items[0] if Ellipsis in items else items[step]
    return hint, words


def _phrases(entry: ErrorDetails, kind: Any, section: str) -> list[str]:
    place, context, found = entry["loc"], entry.get("ctx", {}), entry["input"]
    hint, where = hint_at(kind, place, section)
    prefix = f"{where}: " if where else ""
    match entry["type"]:
        case "contradiction":
            return [f"{where}.{phrase}" if where else phrase for phrase in context["problems"]]
        case "unexpected_keyword_argument":
            return [_unknown(kind, place, section)]
        case "missing":
            return [f"{prefix}missing"]
        case "union_tag_not_found" | "dict_type" if names := ", ".join(kinds_of(inner_hint(hint))):
            return [f"{where}.{NAME}: missing; must be one of {names}"]
        case "union_tag_invalid":
            return [f"{where}.{NAME}: {one_of(context['tag'], kinds_of(inner_hint(hint)))}"]
        case "literal_error":
            return [f"{prefix}{one_of(found, get_args(inner_hint(hint)))}"]
        case "is_instance_of":
            return [f"{prefix}must be a {context['class']}, got {_shown(found)}"]
        case "value_error":
            return [f"{prefix}{context['error']}, got {_shown(found)}"]
        case error if error in _EXPECTED:
            return [f"{prefix}must be {_EXPECTED[error]}, got {_shown(found)}"]
    return [f"{prefix}{entry['msg']}, got {_shown(found)}"]


def _unknown(kind: Any, place: Sequence[str | int], section: str) -> str:
    """An option that is none, with its neighbours."""
    owner, where = hint_at(kind, place[:-1], section)
    owner = inner_hint(owner)
    names = [field.name for field in fields(owner)]
    known = ", ".join(names)
    if not where:
        return f"there is no option {place[-1]}{did_you_mean(str(place[-1]), names) or f'; there are {known}'}"
    # The name of a kind is a step, but no place of its own.
    of_several = len(place) > 1 and hint_at(kind, place[:-2], section)[1] == where
    who = f"{where}: {place[-2]}" if of_several else where
    return f"{who} has no option {place[-1]}{did_you_mean(str(place[-1]), names) or f'; it has {known}'}"


def _shown(found: Any) -> str:
    """A value as a message shows it; a long one is cut."""
    if isinstance(found, Mapping):
        return "a mapping"
    text = repr(list(found)) if isinstance(found, tuple) else repr(found)
    return text if len(text) <= 80 else f"{text[:77]}…"
