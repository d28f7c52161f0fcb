"""Pages of the command line, from the parsers that `lapilli --help` asks."""

import inspect
import re
from argparse import SUPPRESS, Action
from collections.abc import Sequence

import docstring_parser

from lapilli.calling import find_command
from lapilli.parser import Command, Parser, command_parser, configurations_of, positional
from lapilli.recipes import RECIPES
from lapilli.simulators.configurations.problems import inner_hint
from lapilli.verbs import SUBCOMMANDS, documentation, summary
from site_pages.configurations import Section, fields_table, sections
from site_pages.markdown import filled_table, sentence, table
from site_pages.types_in_words import type_in_words, value_in_words


def page(verb: str) -> str:
    """The page of a verb: its options, and below them the commands of two words that begin with it."""
    inner = [(" ".join(pair), name) for pair, name in SUBCOMMANDS.items() if pair[0] == verb]
    parts = [f"# lapilli {verb}\n", _command(verb)]
    parts += [f"## lapilli {words}\n\n{_command(name)}" for words, name in inner]
    return "\n".join(parts)


def overview(verbs: Sequence[str]) -> str:
    """The page that lists all verbs."""
    rows = [[f"[`{verb}`]({verb}.md)", summary(documentation(verb))] for verb in verbs]
    return (
        "# Command line\n\nThese pages are made from the parsers of the code. `lapilli COMMAND --help` says the same."
        "\n\n"
        f"{table(('command', 'what it does'), rows)}\n"
        "[Errors and exit statuses](../errors.md) says how a command ends.\n"
    )


def _command(name: str) -> str:
    command = find_command(name)
    parser = command_parser(name, command)
    said = docstring_parser.parse(command.__doc__ or "")
    own = [action for action in parser._actions if _own(action, command)]
    parts = [
        f"{sentence(said.short_description or '')}\n",
        f"```\n{_usage(parser, command)}\n```\n",
        f"{said.long_description}\n" if said.long_description else "",
        _options(own),
    ]
    if name in RECIPES:
        words = name.replace("_", " ")
        parts.append(
            f"The other options are the fields of its [configuration](../configuration/{name}.md), as in "
            f"`lapilli {words} --optimizer.lr 0.001`.\n"
        )
    else:
        parts += [
            _folded(section)
            for option, kind in configurations_of(command).items()
            for section in sections(kind, option)
        ]
    return "\n".join(part for part in parts if part)


def _own(action: Action, command: Command) -> bool:
    """Whether an option is one of the command itself, not a field of a configuration."""
    known = {*inspect.signature(command).parameters, "config"}
    return action.dest in known - {"options"} and type(action).__name__ != "_ActionConfigLoad"


def _usage(parser: Parser, command: Command) -> str:
    return re.sub(r"^usage: ", "", parser.format_usage().strip()) or " ".join([parser.prog, *positional(command)])


def _options(actions: Sequence[Action]) -> str:
    rows = []
    for action in actions:
        long = [option for option in action.option_strings if not option.endswith("+")]
        shown = ", ".join(option.replace("_", "-") for option in long) or action.dest
        rows.append([f"`{shown}`", sentence(action.help or ""), _takes(action), _default(action)])
    return filled_table(("option", "meaning", "takes", "default"), rows) if rows else ""


def _takes(action: Action) -> str:
    if action.nargs == 0:
        return "nothing"
    hint = inner_hint(getattr(action, "_typehint", action.type))
    return "path" if action.dest == "config" else "text" if hint is None else type_in_words(hint)


def _default(action: Action) -> str:
    nothing = action.default in (None, SUPPRESS, "") or action.nargs == 0
    return "" if nothing else value_in_words(action.default)


def _folded(section: Section) -> str:
    """The fields of a configuration, folded up: several commands have the same."""
    body = fields_table(section, lambda _: "more options, below").replace("\n", "\n    ").rstrip()
    option = section.place.replace("_", "-")
    return f'??? note "Options `--{option}.…`: {summary(section.kind.__doc__)}"\n\n    {body}\n'
