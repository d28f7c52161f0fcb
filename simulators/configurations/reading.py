"""Configurations out of YAML: the one reader of packaged files, users' files, run folders and command lines."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from lapilli.netx_exports.errors import FormatError, LapilliError
from lapilli.netx_exports.files import PathLike
from lapilli.simulators.configurations.configuration import as_plain
from lapilli.simulators.configurations.named import NAME, kinds_of, name_of
from lapilli.simulators.configurations.problems import inner_hint, problems_of
from lapilli.simulators.configurations.short_forms import written_out
from lapilli.simulators.files.plain_yaml import read_yaml

Kind = TypeVar("Kind")

_POWER_OF_TEN = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+")
"""Numbers that YAML 1.1, and so PyYAML, takes for text, because they have no point or no sign: 1e-3, 1.5e3."""


def configured(
    kind: type[Kind], content: Mapping[str, Any], where: PathLike | None = None, section: str | None = None
) -> Kind:
    """An object of a configuration from what a file holds.

    Arguments:
        kind: the configuration.
        content: plain values by the names of its fields; what is missing has its default.
        where: the file, as an error names it; None: none.
        section: of the file, where `content` is not all of it.

    Raises:
        FormatError: naming the file, with every value that is wrong.
        LapilliError: the same without a file.
    """
    try:
        # pydantic's rules for JSON are those for a file: a list is a tuple, a mapping a configuration, text a path.
        return TypeAdapter(kind).validate_json(
            json.dumps(_plain(_over(_defaults(kind), kind, written_out(kind, content))))
        )
    except ValidationError as error:
        problems = problems_of(error, kind, section)
    except (RecursionError, ValueError) as error:
        problems = [f"cannot be read ({error})"]
    raise LapilliError("; ".join(problems)) if where is None else FormatError(str(where), problems)


def read_options(path: PathLike, kind: type[Kind], left_out: Sequence[str] = ()) -> Kind:
    """A configuration out of a file.

    Arguments:
        path: of the YAML file.
        kind: the configuration.
        left_out: keys that do not count.

    Raises:
        LapilliError: when there is no such file, or it cannot be read.
        FormatError: listing every key that is none and every value that is wrong.
    """
    content = {name: value for name, value in read_mapping(path).items() if name not in left_out}
    return configured(kind, content, path)


def read_section(content: Mapping[str, Any], name: str, kind: type[Kind], where: PathLike) -> Kind:
    """A section of what a file holds as a configuration.

    Arguments:
        content: of the file.
        name: of the section.
        kind: the configuration.
        where: how an error names the file.

    Raises:
        FormatError: for a missing section, a key that is none or a value that is wrong.
    """
    section = content.get(name)
    if not isinstance(section, Mapping):
        raise FormatError(str(where), [f"{name}: section missing"])
    return configured(kind, section, where, name)


def read_mapping(path: PathLike) -> dict[str, Any]:
    """What a YAML file holds, a mapping by text; nothing where it is empty.

    Raises:
        LapilliError: when there is no such file, or it cannot be read.
        FormatError: when it is no mapping.
    """
    content = read_yaml(path)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise FormatError(str(path), [f"must be a mapping of options, got {type(content).__name__}"])
    if strange := [f"names of options must be text, got {key!r:.80}" for key in content if not isinstance(key, str)]:
        raise FormatError(str(path), strange)
    return content


def _defaults(kind: Any) -> dict[str, Any]:
    """Defaults of a configuration's fields, where they have some."""
    found = {field.name: field.default for field in fields(kind) if field.default is not MISSING}
    made = {field.name: field.default_factory() for field in fields(kind) if field.default_factory is not MISSING}
    return found | made


def _over(defaults: Mapping[str, Any], kind: Any, content: Mapping[str, Any]) -> dict[str, Any]:
    """`content`, where a mapping for a field changes that field's default, which need not be that of its class."""
    hints = get_type_hints(kind, include_extras=True)
    found: dict[str, Any] = {}
    for name, value in content.items():
        default = defaults.get(name)
        if isinstance(value, Mapping) and is_dataclass(default) and _is_of(hints[name], type(default), value):
            value = {**as_plain(default), **_over(vars(default), type(default), value)}
        found[name] = value
    return found


def _is_of(hint: Any, kind: Any, value: Mapping[str, Any]) -> bool:
    """Whether a mapping is for a configuration of this kind; of several, the name decides, if there is one."""
    return not kinds_of(inner_hint(hint)) or value.get(NAME, name_of(kind)) == name_of(kind)


def _plain(value: Any) -> Any:
    """A YAML value as one of JSON: keys and dates as text, powers of ten as numbers."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(inner) for inner in value]
    if isinstance(value, str):
        return float(value) if _POWER_OF_TEN.fullmatch(value) else value
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)
