"""Entry point: options from the commands' signatures, errors as one sentence, exit status 0 only when all is well.

Exit status: 0 done and true; 1 the answer is no (`prove` found a difference); 2 wrong input, or nowhere to write to;
3 a defect of lapilli; 130 interrupted by Ctrl-C, SIGTERM or SIGHUP; 141 whoever read the output went away.
"""

import ast
import difflib
import errno
import importlib
import inspect
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import field, make_dataclass
from pathlib import Path
from typing import Any

from lapilli import __version__
from lapilli.configs import CONFIG, OPTION, read_config, take_config
from lapilli.interruption import INTERRUPTED, interruptible
from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.installing import how_to_install
from lapilli.parser import Command, Parser, bracketed, command_parser, complain, configurations_of, positional, summary
from lapilli.recipes import OPTIONS, RECIPES, Recipe
from lapilli.streams import silence_output

COMMANDS = (
    "demo",
    "train",
    "export",
    "inspect",
    "prove",
    "simulate",
    "plot",
    "view",
    "listen",
    "profile",
    "learn",
    "data",
    "zoo",
    "bench",
    "results",
    "doctor",
    "completion",
)
"""Verbs, in the order in which help lists them; each is the function of that name in `lapilli.commands`."""

SUBCOMMANDS = {
    ("train", "curriculum"): "train_curriculum",
    ("train", "lstm"): "train_lstm",
    ("train", "stllr"): "train_stllr",
    ("bench", "train"): "bench_train",
    ("data", "list"): "data_list",
    ("data", "prepare"): "data_prepare",
    ("data", "save"): "data_save",
    ("data", "show"): "data_show",
    ("zoo", "add"): "zoo_add",
    ("zoo", "get"): "zoo_get",
    ("zoo", "list"): "zoo_list",
    ("zoo", "show"): "zoo_show",
}
"""Two words that name a command with options of its own."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    Parser.debug_requested = debug
    if sys.stderr is None:
        # What is printed to a closed error stream would go to the standard output.
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if sys.stdout is None:
        complain("the standard output is closed")
        return 2
    try:
        status = _status([word for word in words if word != "--debug"], debug)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # The reader of our output went away, as `head` does; a shell says so of a process that the kernel ends for it.
        silence_output()
        return 128 + signal.SIGPIPE
    except OSError as error:
        silence_output()
        return _failed(error, f"cannot write the output: {error.strerror or error}", 2, debug)


def _status(words: Sequence[str], debug: bool) -> int:
    """Exit status of a command; an output that cannot be written is an OSError."""
    if not words or words[0] in ("-h", "--help"):
        print(overview())
        return 0 if words else 2
    if words[0] in ("--version", "version"):
        print(f"lapilli {__version__}")
        return 0
    if words[0] == "help":
        return _status([*words[1:], "--help"], debug)
    if words[0] not in COMMANDS:
        near = difflib.get_close_matches(words[0], COMMANDS, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        complain(f"unknown command {words[0]!r}{meant or '; commands are ' + ', '.join(COMMANDS)}")
        return 2
    try:
        if (pair := tuple(words[:2])) in SUBCOMMANDS:
            return run_command(SUBCOMMANDS[pair], words[2:])
        return run_command(words[0], words[1:])
    except LapilliError as error:
        # A training that was interrupted says how to go on.
        return _failed(error, str(error), INTERRUPTED if isinstance(error.__cause__, SystemExit) else 2, debug)
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):
            # rich exits when the reader of a table has left.
            raise stop.__context__ from None
        # The parser has printed its help, or said what is wrong.
        return stop.code if isinstance(stop.code, int) else 2
    except KeyboardInterrupt as error:
        return _failed(error, "interrupted", INTERRUPTED, debug)
    except MemoryError as error:
        return _failed(error, "not enough memory", 2, debug)
    except Exception as error:
        if isinstance(error, OSError) and _of_output(error):
            raise
        text = f"a defect of lapilli ({type(error).__name__}: {error}); run with --debug and report it"
        return _failed(error, text, 3, debug)


def _of_output(error: OSError) -> bool:
    """Whether an error is of the standard output: those of files have a name, or were caught where they are written."""
    return error.filename is None and error.errno in (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG)


def overview() -> str:
    """The text of `lapilli --help`."""
    lines = ["usage: lapilli COMMAND [options] [--debug]", ""]
    for name in COMMANDS:
        lines.append(f"  {name:10}{summary(documentation(name))}")
        inner = [(pair[1], file) for pair, file in SUBCOMMANDS.items() if pair[0] == name]
        lines += [f"    {name} {word:11}{summary(documentation(file))}" for word, file in inner]
    lines += ["", "`lapilli COMMAND --help` lists the options; --debug shows the traceback of an error."]
    return "\n".join([*lines, "`lapilli --version` says which lapilli this is."])


def find_command(name: str) -> Command:
    """The function behind a verb.

    Raises:
        LapilliError: where what its module imports is not installed.
    """
    try:
        command: Command = getattr(importlib.import_module(f"lapilli.commands.{name}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "lapilli").partition(".")[0] == "lapilli":
            raise
        raise LapilliError(
            f"`lapilli {name.replace('_', ' ')}` needs {error.name}: {how_to_install('train')}"
        ) from error
    return command


def run_command(name: str, words: Sequence[str]) -> int:
    """Parse the options of a verb and call it."""
    command = find_command(name)
    parser = command_parser(name, command)
    words = bracketed(command, [_underscored(word) for word in words])
    chosen: dict[str, Any] = {}
    if recipe := RECIPES.get(name):
        chosen, words = _options_of(recipe, command, words)
    elif configurations := configurations_of(command):
        chosen, words = _read(configurations, words)
    parsed = parser.instantiate(parser.parse_args(words))
    values = {name: parsed[name] for name in inspect.signature(command).parameters if name in parsed} | chosen
    with interruptible():
        return command(*[values.pop(name) for name in positional(command)], **values) or 0


def _options_of(recipe: Recipe, command: Command, words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """The options of a recipe by the names of the command's parameters, and the words for its own options.

    What a configuration file says of the command's own options is a word for the parser, in front of the others.
    """
    # Here, because pydantic takes a while, which commands without configurations need not wait for.
    from lapilli.simulators.configurations import as_plain, configured
    from lapilli.simulators.files.plain_yaml import write_yaml
    from lapilli.words import changed, kind_named

    config, words = take_config(words)
    words = kind_named(recipe.options(), words)
    content = {} if config is None else read_config(config)
    own = inspect.signature(command).parameters.keys() - {CONFIG, OPTIONS}
    of_command = {name: content.pop(name) for name in own & content.keys()}
    section, rest = changed(recipe.options(), content, words)
    options = configured(recipe.options(), section)
    if any(word.startswith("--print_config") for word in rest):
        of_command |= as_plain(options)
    in_front = [f"{OPTION}={write_yaml(of_command)}"] if of_command else []
    return {OPTIONS: options, CONFIG: config}, [*in_front, *rest]


def _read(configurations: Mapping[str, type[Any]], words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Configurations by the names of the command's parameters, and the words for its other options."""
    from lapilli.simulators.configurations import configuration, configured
    from lapilli.words import changed

    defaults = [(name, kind, field(default_factory=kind)) for name, kind in configurations.items()]
    together: type[Any] = configuration("")(make_dataclass("Options", defaults, frozen=True))
    section, rest = changed(together, {}, words)
    return vars(configured(together, section)), rest


def documentation(name: str) -> str:
    """Docstring of a command, out of its source: to import all commands would take a second."""
    source = Path(__file__).with_name("commands") / f"{name}.py"
    parts = ast.parse(source.read_text(encoding="utf-8")).body
    functions = {part.name: part for part in parts if isinstance(part, ast.FunctionDef)}
    return ast.get_docstring(functions[name]) or ""


def _underscored(word: str) -> str:
    """`--n-steps=3` as `--n_steps=3`, the spelling that the parser knows."""
    if not word.startswith("--"):
        return word
    name, equals, value = word[2:].partition("=")
    return "--" + name.replace("-", "_") + equals + value


def _failed(error: BaseException, text: str, status: int, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    complain(text)
    return status
