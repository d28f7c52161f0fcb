"""Entry point: options from the commands' signatures, errors as one sentence, exit status 0 only when all is well.

Exit status: 0 done and true; 1 the answer is no (`prove` found a difference); 2 wrong input; 3 a defect of lapilli;
130 interrupted.
"""

import importlib
import inspect
import re
import sys
import traceback
from argparse import HelpFormatter
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import docstring_parser
import yaml
from jsonargparse import ActionConfigFile, ArgumentParser, set_parsing_settings  # type: ignore[attr-defined]

from lapilli.configs import CONFIG, OPTION, read_config, take_config
from lapilli.named import choose, named_parameters
from lapilli.netx_exports.errors import LapilliError

COMMANDS = (
    "demo",
    "train",
    "export",
    "inspect",
    "prove",
    "simulate",
    "plot",
    "profile",
    "learn",
    "data",
    "bench",
    "results",
    "doctor",
)
"""Verbs, in the order in which help lists them; each is the function of that name in `lapilli.commands`."""

SUBCOMMANDS = {
    ("train", "curriculum"): "train_curriculum",
    ("train", "stllr"): "train_stllr",
    ("bench", "train"): "bench_train",
    ("data", "list"): "data_list",
    ("data", "prepare"): "data_prepare",
    ("data", "show"): "data_show",
}
"""Two words that name a command with options of its own."""

Command = Callable[..., int | None]

# Fields of configuration dataclasses are described by the docstring below each.
set_parsing_settings(docstring_parse_attribute_docstrings=True)


class Parser(ArgumentParser):
    """A parser whose errors are one sentence."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print `message` on one line and exit with status 2."""
        if not self.exit_on_error:
            # A parser within the parser, that tries whether a value is of one of several types.
            super().error(message, ex)
        if ex is not None and self.debug_requested:
            traceback.print_exception(ex)
        _complain(message)
        sys.exit(2)

    debug_requested = False

    def format_help(self, formatter: HelpFormatter | None = None) -> str:
        """Help with options spelled `--n-steps`; `--n_steps` is understood too."""
        return re.sub(r"--[a-z_.]+", lambda match: match.group().replace("_", "-"), super().format_help(formatter))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    Parser.debug_requested = debug
    if not words or words[0] in ("-h", "--help"):
        print(overview())
        return 0 if words else 2
    if words[0] not in COMMANDS:
        _complain(f"unknown command {words[0]!r}; commands are {', '.join(COMMANDS)}")
        return 2
    try:
        if (pair := tuple(words[:2])) in SUBCOMMANDS:
            return run_command(SUBCOMMANDS[pair], words[2:])
        return run_command(words[0], words[1:])
    except LapilliError as error:
        # A training that was interrupted says how to go on.
        return _failed(error, str(error), 130 if isinstance(error.__cause__, SystemExit) else 2, debug)
    except KeyboardInterrupt as error:
        return _failed(error, "interrupted", 130, debug)
    except MemoryError as error:
        return _failed(error, "not enough memory", 2, debug)
    except BrokenPipeError:
        # The reader of our output went away, as `head` does.
        sys.stderr.close()
        return 0
    except Exception as error:
        text = f"a defect of lapilli ({type(error).__name__}: {error}); run with --debug and report it"
        return _failed(error, text, 3, debug)


def overview() -> str:
    """The text of `lapilli --help`."""
    lines = ["usage: lapilli COMMAND [options] [--debug]", ""]
    for name in COMMANDS:
        lines.append(f"  {name:10}{_summary(find_command(name))}")
    return "\n".join(
        [*lines, "", "`lapilli COMMAND --help` lists the options; --debug shows the traceback of an error."]
    )


def find_command(name: str) -> Command:
    """The function behind a verb."""
    command: Command = getattr(importlib.import_module(f"lapilli.commands.{name}"), name)
    return command


def run_command(name: str, words: Sequence[str]) -> int:
    """Parse the options of a verb and call it."""
    command = find_command(name)
    parser = command_parser(name, command)
    chosen: dict[str, Any] = {}
    words = [_underscored(word) for word in words]
    if recipe := _recipe(command):
        chosen, words = _configured(recipe, words)
    parsed = parser.parse_args(words)
    values = {**parser.instantiate(parsed), **chosen}
    positional = [values.pop(parameter) for parameter in _positional(command)]
    return command(*positional, **values) or 0


def command_parser(name: str, command: Command) -> Parser:
    """Options of a verb from its function's signature: positional-only parameters first, then `--name value`.

    A boolean that is False by default becomes a switch; help texts come from the docstring. `**options` stands for the
    options of the recipe that the verb's module names.
    """
    parser = Parser(prog=f"lapilli {name.replace('_', ' ')}", description=_summary(command))
    own = _add_options(parser, command, skip={CONFIG})
    if recipe := _recipe(command):
        text = (
            "YAML file with any of these options, or the name of one that comes with lapilli; may be the first argument"
        )
        parser.add_argument(OPTION, action=ActionConfigFile, help=text)
        _add_options(parser, recipe, skip=own)
    return parser


def _configured(recipe: Callable[..., Any], words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Values that are settled before the parser sees a word, and the words for it, options of a file in front."""
    config, rest = take_config(words)
    content = {} if config is None else read_config(config)
    values: dict[str, Any] = {CONFIG: config}
    for parameter, kinds in named_parameters(recipe).items():
        chosen, rest = choose(parameter, kinds, content, rest)
        values |= chosen
        content.pop(parameter, None)
    return values, [f"{OPTION}={yaml.safe_dump(content)}", *rest] if content else rest


def _add_options(parser: Parser, function: Callable[..., Any], skip: set[str | int]) -> set[str | int]:
    """Add the options of a function's signature; returns the names of its parameters."""
    helps = {entry.arg_name: entry.description for entry in docstring_parser.parse(function.__doc__ or "").params}
    handled: set[str | int] = set(skip)
    parameters = inspect.signature(function).parameters.values()
    for parameter in parameters:
        if parameter.name in skip or parameter.kind is parameter.VAR_KEYWORD:
            handled.add(parameter.name)
        elif parameter.kind is parameter.POSITIONAL_ONLY:
            optional = {} if parameter.default is parameter.empty else {"nargs": "?", "default": parameter.default}
            parser.add_argument(parameter.name, type=str, help=helps.get(parameter.name), **optional)
            handled.add(parameter.name)
        elif parameter.default is False:
            parser.add_argument("--" + parameter.name, action="store_true", help=helps.get(parameter.name))
            handled.add(parameter.name)
    parser.add_function_arguments(function, as_group=False, skip=handled)
    return {parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD}


def _recipe(command: Command) -> Callable[..., Any] | None:
    """The function that takes a verb's `**options`, if it has any; its module knows which."""
    if not any(p.kind is p.VAR_KEYWORD for p in inspect.signature(command).parameters.values()):
        return None
    recipe: Callable[..., Any] = sys.modules[command.__module__].options_from()
    return recipe


def _underscored(word: str) -> str:
    """`--n-steps=3` as `--n_steps=3`, the spelling that the parser knows."""
    if not word.startswith("--"):
        return word
    name, equals, value = word[2:].partition("=")
    return "--" + name.replace("-", "_") + equals + value


def _positional(command: Command) -> list[str]:
    parameters = inspect.signature(command).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind is parameter.POSITIONAL_ONLY]


def _summary(command: Command) -> str:
    return docstring_parser.parse(command.__doc__ or "").short_description or ""


def _failed(error: BaseException, text: str, status: int, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    _complain(text)
    return status


def _complain(text: str) -> None:
    print(f"lapilli: {' '.join(text.split())}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
