"""Pages of the configuration files: every field of every recipe, with type, default, unit and what is said of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, get_args, get_type_hints

import docstring_parser

from lapilli.configs import packaged_for
from lapilli.recipes import RECIPES
from lapilli.simulators.configurations.named import kinds_of
from lapilli.simulators.configurations.problems import inner_hint
from site_pages.markdown import anchor, filled_table, sentence
from site_pages.types_in_words import default_in_words, type_in_words, unit

HEADER = ("field", "meaning", "type", "default", "unit")


@dataclass(frozen=True)
class Section:
    """A configuration within a larger one.

    Arguments:
        place: its keys from the root, as "data.framing"; with the kind in brackets where there are several.
        kind: its class.
    """

    place: str
    kind: type[Any]


def page(command: str) -> str:
    """The page of the configuration of a recipe, by the name of its command, as `train_lstm`."""
    kind = RECIPES[command].options()
    found = sections(kind)
    homes: dict[Any, str] = {section.kind: f"[a section](#{anchor(section.place)})" for section in found}
    words = f"lapilli {command.replace('_', ' ')}"
    known = ", ".join(f"`{name}`" for name in packaged_for(command))
    parts = [
        f"# Configuration of `{words}`\n",
        f"{sentence(_about(kind))}\n",
        f"Each field may stand in the YAML file or on the command line: `{words} FILE.yaml --data.name digits`. "
        "A field that is left out has its default. "
        f"`{words} --print-config` prints the whole configuration.\n",
        f"These files come with lapilli: {known}.\n" if known else "",
        *(_heading(section) + fields_table(section, homes.__getitem__) for section in found),
    ]
    return "\n".join(parts)


def sections(kind: type[Any], place: str = "") -> list[Section]:
    """A configuration and all within it, each class once, at the place where it stands first."""
    found: dict[type[Any], Section] = {}
    for section in _walk(kind, place):
        found.setdefault(section.kind, section)
    return list(found.values())


def fields_table(section: Section, home: Callable[[Any], str]) -> str:
    """The fields of one configuration.

    Arguments:
        section: the configuration.
        home: what to say of a field that is a configuration itself.
    """
    hints = get_type_hints(section.kind, include_extras=True)
    said = docstring_parser.parse_from_object(section.kind).params
    texts = {entry.arg_name: sentence(entry.description or "") for entry in said}
    rows = []
    for field in fields(section.kind):
        hint, text = hints[field.name], texts.get(field.name, "")
        words = home(hint) if is_dataclass(hint) else type_in_words(hint)
        rows.append([f"`{field.name}`", text, words, default_in_words(field), unit(field.name, hint, text)])
    return filled_table(HEADER, rows)


def _walk(kind: type[Any], place: str) -> Iterator[Section]:
    yield Section(place, kind)
    hints = get_type_hints(kind, include_extras=True)
    for field in fields(kind):
        yield from _inside(hints[field.name], _join(place, field.name))


def _inside(hint: Any, place: str) -> Iterator[Section]:
    kinds = kinds_of(hint) or kinds_of(inner_hint(hint))
    if not kinds and len(members := [part for part in get_args(hint) if kinds_of(part)]) == 1:
        kinds = kinds_of(members[0])
    for name, kind in kinds.items():
        yield from _walk(kind, f"{place} ({name})")
    inner = inner_hint(hint)
    for candidate in () if kinds else (inner, *get_args(inner)):
        if is_dataclass(candidate):
            yield from _walk(candidate, place)  # type: ignore[arg-type]


def _heading(section: Section) -> str:
    return f"## {section.place}\n\n{sentence(_about(section.kind))}\n\n" if section.place else ""


def _about(kind: type[Any]) -> str:
    parsed = docstring_parser.parse(kind.__doc__ or "")
    return "\n\n".join(filter(None, (parsed.short_description, parsed.long_description)))


def _join(place: str, name: str) -> str:
    return f"{place.partition(' (')[0]}.{name}" if place else name
