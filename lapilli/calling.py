"""A verb is called with what its options say; what they may be comes from its signature and its recipe."""

import importlib
import inspect
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import field, make_dataclass
from typing import Any

from lapilli.configs import CONFIG, OPTION, read_config, take_config
from lapilli.data_named import check_data
from lapilli.interruption import interruptible
from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.installing import how_to_install
from lapilli.parser import Command, bracketed, command_parser, configurations_of, positional
from lapilli.recipes import OPTIONS, RECIPES, Recipe
from lapilli.streams import complain


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
    if name in RECIPES:
        check_data(words)
    command = find_command(name)
    parser = command_parser(name, command)
    words = bracketed(command, [_underscored(word) for word in words])
    if "--run_dir=" in words or ("--run_dir", "") in itertools.pairwise(words):
        # As a path it would be the folder where the command was called.
        raise LapilliError("--run-dir: must name a folder")
    chosen: dict[str, Any] = {}
    unsaid = ""
    if recipe := RECIPES.get(name):
        chosen, words, unsaid = _options_of(recipe, command, words)
    elif configurations := configurations_of(command):
        chosen, words = _read(configurations, words)
    parsed = parser.instantiate(parser.parse_args(words))
    values = {name: parsed[name] for name in inspect.signature(command).parameters if name in parsed} | chosen
    try:
        with interruptible():
            status = command(*[values.pop(name) for name in positional(command)], **values) or 0
    except LapilliError as error:
        error.args = (parser.as_called(str(error)),)
        raise
    if unsaid:
        complain(unsaid)
    return status


def _options_of(recipe: Recipe, command: Command, words: Sequence[str]) -> tuple[dict[str, Any], list[str], str]:
    """The options of a recipe by the names of the command's parameters, the words for its own options, and a remark.

    What a configuration file says of the command's own options is a word for the parser, in front of the others. The
    remark is of data that nobody named; else it is "".
    """
    # Here, because pydantic takes a while, which commands without configurations need not wait for.
    from lapilli.simulators.configurations import as_plain, configured
    from lapilli.simulators.configurations.named import NAME
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
    unsaid = f"no data set was named, so it was {options.data.name}; --data.name names another"
    data = section.get("data", {})
    named = not isinstance(data, Mapping) or NAME in data
    return {OPTIONS: options, CONFIG: config}, [*in_front, *rest], "" if named else unsaid


def _read(configurations: Mapping[str, type[Any]], words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Configurations by the names of the command's parameters, and the words for its other options."""
    from lapilli.simulators.configurations import configuration, configured
    from lapilli.words import changed

    defaults = [(name, kind, field(default_factory=kind)) for name, kind in configurations.items()]
    together: type[Any] = configuration("")(make_dataclass("Options", defaults, frozen=True))
    section, rest = changed(together, {}, words)
    return vars(configured(together, section)), rest


def _underscored(word: str) -> str:
    """`--n-steps=3` as `--n_steps=3`, the spelling that the parser knows."""
    if not word.startswith("--"):
        return word
    name, equals, value = word[2:].partition("=")
    return "--" + name.replace("-", "_") + equals + value
