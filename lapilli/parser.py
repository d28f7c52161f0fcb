"""The parser of a command: options from the signature of its function and from its recipe, described for `--help`."""

import inspect
import re
import sys
import traceback
from argparse import HelpFormatter
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, fields
from functools import reduce
from operator import or_
from typing import Any, NoReturn, Union, get_args, get_origin, get_type_hints

import docstring_parser
from jsonargparse import ActionConfigFile, ArgumentParser, DefaultHelpFormatter, set_parsing_settings  # type: ignore[attr-defined]

from lapilli.configs import CONFIG, OPTION, packaged_for
from lapilli.netx_exports.errors import did_you_mean
from lapilli.plain_help import PlainHelp, choices, taken
from lapilli.recipes import OPTIONS, RECIPES
from lapilli.simulators.configurations.named import kinds_of
from lapilli.simulators.configurations.problems import inner_hint
from lapilli.streams import complain
from lapilli.verbs import summary

Command = Callable[..., int | None]

_WRONG = re.compile(r'Parser key "([^"]+)":\s.*(?:Given|Got) value: (.*)', re.S)
"""What jsonargparse says of a value of another type, on many lines and in words of Python."""

_MISSING = re.compile(r"the following arguments are required: (.*)")
_BARE = re.compile(r"argument (--\S+): expected one argument")
_BEHIND = "unrecognized arguments: "
_UNKNOWN = re.compile(r"unrecognized arguments: (--[^ =]+).*", re.S)

# Fields of configuration dataclasses are described by the docstring below each.
set_parsing_settings(
    docstring_parse_attribute_docstrings=True,
    # What may stand for a configuration are those of its annotation, not all of their subclasses.
    subclasses_disabled=[lambda kind: hasattr(kind, "__pydantic_validator__")],
)


class Parser(ArgumentParser):
    """A parser whose errors are one sentence, and whose help is in plain words."""

    def __init__(self, *arguments: Any, formatter_class: type[DefaultHelpFormatter] = PlainHelp, **others: Any) -> None:
        # The default is that of the parsers too that jsonargparse makes of this class.
        # An abbreviation would take `--sample 3` for `--samples 3`, which elsewhere are two things.
        super().__init__(*arguments, formatter_class=formatter_class, allow_abbrev=False, **others)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print `message` on one line and exit with status 2."""
        if not self.exit_on_error:
            # A parser within the parser, that tries whether a value is of one of several types.
            super().error(message, ex)
        if ex is not None and self.debug_requested:
            traceback.print_exception(ex)
        complain(self._plain(message))
        sys.exit(2)

    def _plain(self, message: str) -> str:
        """An error in plain words, with options as they are written on the command line."""
        if missing := _MISSING.fullmatch(message):
            return f"the following are required: {', '.join(map(self._written, missing[1].split(', ')))}"
        if unknown := _UNKNOWN.fullmatch(message):
            options = [self._written(action.dest) for action in self._actions if action.option_strings]
            return f"unrecognized option {_dashed(unknown[1])}{did_you_mean(_dashed(unknown[1]), options)}"
        if message.startswith(_BEHIND) and any(isinstance(action, ActionConfigFile) for action in self._actions):
            return f"{message}; a configuration stands in front of the options"
        if message.startswith(_BEHIND):
            return f"{message}; `{self.prog} --help` lists the options"
        if bare := _BARE.fullmatch(message):
            return f"{_dashed(bare[1])}: needs a value"
        found = _WRONG.fullmatch(message)
        action = next((one for one in self._actions if found is not None and one.dest == found[1]), None)
        if found is None or action is None or not (wanted := taken(action)):
            return message
        meant = did_you_mean(found[2], choices(action))
        return f"{self._written(found[1])}: must be {wanted}, got {found[2]}{meant}"

    def as_called(self, message: str) -> str:
        """A message of the code about a parameter, `n_steps: …`, with that as an option, `--n-steps: …`."""
        name, colon, text = message.partition(": ")
        known = any(action.dest == name and action.option_strings for action in self._actions)
        return f"{self._written(name)}{colon}{text}" if known and name != CONFIG else message

    def _written(self, name: str) -> str:
        """A parameter of the command as its user writes it: with dashes in front, unless it stands alone."""
        alone = any(action.dest == name and not action.option_strings for action in self._actions)
        return name if alone else _dashed(f"--{name}")

    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse's own one says nothing of an output that is full or closed.
        if message:
            (file or sys.stderr).write(message)

    debug_requested = False

    def format_help(self, formatter: HelpFormatter | None = None) -> str:
        """Help with options spelled `--n-steps`, where `--n_steps` is understood too, and types without ranges."""
        for action in self._actions:
            if hasattr(action, "_typehint"):
                action._typehint = _unranged(action._typehint)
        return re.sub(r"--[a-z_.]+", lambda match: match.group().replace("_", "-"), super().format_help(formatter))


def command_parser(name: str, command: Command) -> Parser:
    """Options of a command: positional-only parameters first, then `--name value`.

    A boolean that is False by default becomes a switch; help texts come from docstrings. The parameter `options` stands
    for the options of the command's recipe.
    """
    prog = f"lapilli {name.replace('_', ' ')}"
    parser = Parser(prog=prog, description=summary(command.__doc__))
    _add_parameters(parser, command)
    if recipe := RECIPES.get(name):
        known = ", ".join(packaged_for(name))
        text = (
            f"YAML file with any of these options, or one that comes with lapilli ({known}); may be the first argument"
        )
        parser.add_argument(OPTION, action=ActionConfigFile, help=text)
        _add_fields(parser, recipe.options())
    return parser


def positional(command: Command) -> list[str]:
    """Parameters of a command without a name on the command line."""
    parameters = inspect.signature(command).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind is parameter.POSITIONAL_ONLY]


def configurations_of(command: Command) -> dict[str, type[Any]]:
    """Parameters of a command that are configurations."""
    hints = get_type_hints(command)
    return {name: hint for name, hint in hints.items() if hasattr(hint, "__pydantic_validator__")}


def bracketed(command: Command, words: Sequence[str]) -> list[str]:
    """Words of the command line, where a list may be written as `64` or `64,128` in place of `[64,128]`."""
    lists = {name for name, hint in get_type_hints(command).items() if get_origin(inner_hint(hint)) is list}
    found, expected = [], False
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        of_list = word.startswith("--") and name in lists
        if expected and not word.startswith("-"):
            word = _in_brackets(word)
        elif of_list and equals:
            word = f"--{name}={_in_brackets(value)}"
        expected = of_list and not equals
        found.append(word)
    return found


def _in_brackets(text: str) -> str:
    return text if text.startswith("[") or text == "null" else f"[{text}]"


def _add_parameters(parser: Parser, command: Command) -> None:
    """Add a command's own options."""
    helps = {entry.arg_name: entry.description for entry in docstring_parser.parse(command.__doc__ or "").params}
    handled: set[str | int] = {CONFIG, OPTIONS}
    for parameter in inspect.signature(command).parameters.values():
        if parameter.kind is parameter.POSITIONAL_ONLY:
            optional = {} if parameter.default is parameter.empty else {"nargs": "?", "default": parameter.default}
            parser.add_argument(parameter.name, type=str, help=helps.get(parameter.name), **optional)
            handled.add(parameter.name)
        elif parameter.default is False:
            parser.add_argument("--" + parameter.name, action="store_true", help=helps.get(parameter.name))
            handled.add(parameter.name)
    parser.add_function_arguments(command, as_group=False, skip=handled)


def _add_fields(parser: Parser, kind: type[Any]) -> None:
    """Add the fields of a configuration as options."""
    helps = {entry.arg_name: entry.description for entry in docstring_parser.parse_from_object(kind).params}
    hints = get_type_hints(kind)
    for field in fields(kind):
        hint, text = hints[field.name], helps.get(field.name)
        if field.default is False:
            parser.add_argument(f"--{field.name}", action="store_true", help=text)
        elif hasattr(hint, "__dataclass_fields__"):
            parser.add_class_arguments(hint, field.name, help=text)
        else:
            # jsonargparse would mix a default of one kind with values of another; it only describes them here.
            default = None if kinds_of(hint) else _default(field)
            parser.add_argument(f"--{field.name}", type=hint, default=default, help=text)


def _dashed(option: str) -> str:
    return option.replace("_", "-")


def _unranged(hint: Any) -> Any:
    """A type without its annotations, however deep."""
    plain = get_type_hints(type("Holder", (), {"__annotations__": {"hint": hint}}))["hint"]
    return reduce(or_, get_args(plain)) if get_origin(plain) is Union else plain


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
