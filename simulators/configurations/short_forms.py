"""Short ways to write a value: a list of one item without brackets, a list as `64,128`, a kind by its name alone."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from lapilli.simulators.configurations.named import NAME, kinds_of, name_of
from lapilli.simulators.configurations.problems import inner_hint
from lapilli.simulators.files.plain_yaml import parse_yaml


def written_out(hint: Any, value: Any, default: Any = None) -> Any:
    """What a YAML value means for an annotation; what is no short form stays as it is.

    Arguments:
        hint: of the field, or the configuration itself.
        value: of the file or of the command line.
        default: of the field, whose kind a mapping without a name is of.
    """
    hint = inner_hint(hint)
    kinds = kinds_of(hint)
    if kinds:
        value = {NAME: value} if isinstance(value, str) and value in kinds else value
        hint = kinds.get(str(value.get(NAME, name_of(type(default))))) if isinstance(value, Mapping) else None
    if is_dataclass(hint) and isinstance(value, Mapping):
        hints = get_type_hints(hint, include_extras=True)
        defaults = {field.name: field.default for field in fields(hint)}
        return {name: written_out(hints.get(name), inner, defaults.get(name)) for name, inner in value.items()}
    return _list_of(hint, value) if _is_list(hint) else value


def _is_list(hint: Any) -> bool:
    """Whether an annotation is of a list or a tuple of plain values."""
    items = [inner_hint(item) for item in get_args(hint) if item is not Ellipsis]
    return get_origin(hint) in (tuple, list) and not any(is_dataclass(item) or kinds_of(item) for item in items)


def _list_of(hint: Any, value: Any) -> Any:
    if isinstance(value, str) and "," in value:
        return [parse_yaml(word.strip(), "list") for word in value.split(",")]
    any_length = get_origin(hint) is list or Ellipsis in get_args(hint)
    return [value] if any_length and isinstance(value, (bool, int, float, str)) else value
