"""Words of the command line about a configuration, `--method.name tks --method.alpha 0.3`, as what a file would hold.

jsonargparse describes the options in `--help`, but does not read them: of several kinds it takes the first one that has
a field, whatever name was given, and it stops at the first wrong value.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from lapilli.netx_exports.errors import LapilliError, one_of
from lapilli.netx_exports.files import is_file
from lapilli.simulators.configurations import read_mapping
from lapilli.simulators.configurations.named import NAME, kinds_of
from lapilli.simulators.configurations.problems import inner_hint
from lapilli.simulators.files.plain_yaml import parse_yaml


@dataclass(frozen=True)
class Given:
    """One option of the command line.

    Arguments:
        keys: names of the fields on the way to it.
        text: its value, as it was written.
    """

    keys: tuple[str, ...]
    text: str


def changed(kind: type[Any], content: Mapping[str, Any], words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """What a configuration file holds, changed by the command line; and the words that are about something else.

    Arguments:
        kind: the configuration.
        content: of the file. Another name on the command line starts from that kind's defaults.
        words: of the command line, without the command.

    Raises:
        LapilliError: for an option without a value, or a value that is no YAML.
    """
    given, rest = _taken(kind, words)
    section: Any = dict(content)
    for option in sorted(given, key=_order):
        section = _set(kind, section, option.keys, option)
    return section, rest


def kind_named(kind: type[Any], words: Sequence[str]) -> list[str]:
    """Words, where `--method.help tks` has the kind's class as jsonargparse wants it, in place of its name.

    Raises:
        LapilliError: for a name that no kind has.
    """
    hints, found = get_type_hints(kind, include_extras=True), list(words)
    for place, word in enumerate(words):
        option, equals, text = word.removeprefix("--").partition("=")
        name, _, last = option.partition(".")
        kinds = kinds_of(inner_hint(hints.get(name))) if word.startswith("--") and last == "help" else {}
        if not kinds:
            continue
        given = text if equals else next(iter(words[place + 1 :]), "")
        if given not in kinds:
            raise LapilliError(f"--{option}: {one_of(given, kinds)}")
        found[place : place + 1 + (not equals)] = [f"--{option}={kinds[given].__module__}.{kinds[given].__qualname__}"]
        break
    return found


def switches(kind: type[Any]) -> Iterator[str]:
    """Names of fields that are false unless the command line says them, without a value."""
    return (field.name for field in fields(kind) if field.default is False)


def _taken(kind: type[Any], words: Sequence[str]) -> tuple[list[Given], list[str]]:
    """The options about the configuration, in their order, and the other words."""
    known, bare = {field.name for field in fields(kind)}, set(switches(kind))
    given, rest = [], []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        option, equals, text = word.removeprefix("--").partition("=")
        keys = tuple(option.split("."))
        if not word.startswith("--") or keys[0] not in known or keys[-1] == "help":
            rest.append(word)
        elif option in bare and not equals:
            given.append(Given(keys, "true"))
        elif not equals and not queue:
            raise LapilliError(f"{word}: expected a value")
        else:
            given.append(Given(keys, text if equals else queue.pop(0)))
    return given, rest


def _order(given: Given) -> tuple[bool, int]:
    """What says more comes first, whatever the order of the words: sections, then names, then the rest."""
    return len(given.keys) > 1 and given.keys[-1] != NAME, len(given.keys)


def _set(hint: Any, section: Any, keys: Sequence[str], given: Given) -> Any:
    """`section`, which is to be of the type `hint`, with the option at `keys`."""
    hint = inner_hint(hint)
    if not keys:
        return _value(hint, given)
    kinds = kinds_of(hint)
    section = {NAME: section} if isinstance(section, str) and section in kinds else section
    old = dict(section) if isinstance(section, Mapping) else {}
    if kinds and list(keys) == [NAME] and old.get(NAME, given.text) != given.text:
        old = {}
    kind = kinds.get(str(old.get(NAME))) if kinds else hint
    inner = get_type_hints(kind, include_extras=True).get(keys[0]) if is_dataclass(kind) else None
    return {**old, keys[0]: _set(inner, old.get(keys[0]), keys[1:], given)}


def _value(hint: Any, given: Given) -> Any:
    """The value of an option: as YAML has it, but text and paths as they were written, and a file for a section."""
    if hint is str or (hint is Path and given.text != "null"):
        return given.text
    value = parse_yaml(given.text, ".".join(given.keys))
    section = is_dataclass(hint) or bool(kinds_of(hint))
    return read_mapping(value) if section and isinstance(value, str) and is_file(value) else value
