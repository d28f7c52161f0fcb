"""Options of several kinds, chosen by their name: `--method.name tks --method.alpha 0.3`.

jsonargparse takes the first kind that has a field when options come one by one, whatever name was given before: with
`--method.name tks --method.temperature 2` it would silently train by another method. So such options are put together
here, and the name alone decides.
"""

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from lapilli.netx_exports.errors import LapilliError

Kinds = Mapping[str, type[Any]]
"""Dataclasses by the default of their field `name`."""


def named_parameters(function: Callable[..., Any]) -> dict[str, Kinds]:
    """Parameters of a function that are one of several dataclasses with names, and these."""
    hints = get_type_hints(function)
    return {name: kinds for name, hint in hints.items() if (kinds := _kinds(hint))}


def choose(
    parameter: str, kinds: Kinds, content: Mapping[str, Any], words: Sequence[str]
) -> tuple[dict[str, Any], list[str]]:
    """Make the object of a named parameter from a configuration and from command-line words that change it.

    Arguments:
        parameter: its name.
        kinds: what it may be.
        content: of the configuration; another name on the command line starts from that kind's defaults.
        words: of the command line.

    Returns:
        The object by the parameter's name, nothing where the parameter is not mentioned, and the words that are left.

    Raises:
        LapilliError: for a missing or an unknown name, an unknown option, or a value of the wrong type.
    """
    given, rest = _taken(parameter, words)
    if parameter not in content and not given:
        return {}, rest
    section = content.get(parameter)
    for keys, value in sorted(given, key=_order):
        section = _set(section, keys, value)
    return {parameter: None if section is None else _build(parameter, kinds, section)}, rest


def _kinds(hint: Any) -> Kinds:
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else ()
    found = [member for member in members if is_dataclass(member) and isinstance(member, type)]
    return {str(kind.name): kind for kind in found if hasattr(kind, "name")} if len(found) > 1 else {}


def _taken(parameter: str, words: Sequence[str]) -> tuple[list[tuple[list[str], Any]], list[str]]:
    """Keys and value of each word about the parameter, in their order; and the other words."""
    given, rest = [], []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        option, equals, text = word.removeprefix("--").partition("=")
        first, *keys = option.split(".")
        if not word.startswith("--") or first != parameter or keys == ["help"]:
            rest.append(word)
            continue
        if not equals and not queue:
            raise LapilliError(f"{word}: expected a value")
        given.append((keys, _value(option, text if equals else queue.pop(0))))
    return given, rest


def _value(option: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise LapilliError(f"{option}: {' '.join(str(error).split())}") from error


def _order(given: tuple[list[str], Any]) -> tuple[bool, int]:
    """What says more comes first, whatever the order of the words: everything, then names, then the rest."""
    keys = given[0]
    return bool(keys) and keys[-1] != "name", len(keys)


def _set(section: Any, keys: Sequence[str], value: Any) -> Any:
    if not keys:
        return value
    old = dict(section) if isinstance(section, Mapping) else {}
    if list(keys) == ["name"] and old.get("name", value) != value:
        return {"name": value}
    return {**old, keys[0]: _set(old.get(keys[0]), keys[1:], value)}


def _build(where: str, kinds: Kinds, section: Any) -> Any:
    if not isinstance(section, Mapping) or "name" not in section:
        raise LapilliError(f"{where}.name: missing; must be one of {', '.join(kinds)}")
    kind = kinds.get(str(section["name"]))
    if kind is None:
        raise LapilliError(f"{where}.name: must be one of {', '.join(kinds)}, got {section['name']!r}")
    known = [field.name for field in fields(kind)]
    if unknown := [str(key) for key in section if key not in known]:
        raise LapilliError(f"{where}: {section['name']} has no option {_listed(unknown)}; it has {_listed(known)}")
    inner = named_parameters(kind)
    built = {
        key: _build(f"{where}.{key}", inner[key], value)
        for key, value in section.items()
        if key in inner and value is not None
    }
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(kind, where, skip=set(inner))
    try:
        found = parser.parse_object({where: {key: value for key, value in section.items() if key not in inner}})
        return replace(parser.instantiate(found)[where], **built)
    except ArgumentError as error:
        raise LapilliError(" ".join(str(error).split())) from error


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
