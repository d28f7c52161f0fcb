"""Completion of the command line by a shell: verbs, options, what an option chooses from, configurations, files."""

from argparse import SUPPRESS, Action, ArgumentParser
from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

import shtab

from lapilli.calling import find_command
from lapilli.configs import packaged_for
from lapilli.netx_exports import LapilliError
from lapilli.parser import command_parser
from lapilli.recipes import RECIPES
from lapilli.simulators.configurations.named import kinds_of
from lapilli.simulators.configurations.problems import inner_hint
from lapilli.verbs import COMMANDS, SUBCOMMANDS, documentation, summary

_INSTEAD = ("_ActionPrintConfig", "_ActionHelpClassPath", "_ActionConfigLoad", "_HelpAction", "_ActionHelp")


def completion_script(shell: str) -> str:
    """The script that a shell reads to complete `lapilli`.

    Arguments:
        shell: "bash", "zsh" or "fish".
    """
    root = ArgumentParser("lapilli")
    root.add_argument("--version", action="store_true", help="which lapilli this is")
    verbs = root.add_subparsers()
    for verb in COMMANDS:
        # shtab leaves out what has no help.
        parser = verbs.add_parser(verb, help=summary(documentation(verb)))
        inner = {words[1]: name for words, name in SUBCOMMANDS.items() if words[0] == verb}
        if verb in RECIPES:
            # A shell's script cannot have a word that is a verb or the name of a configuration; it has all options.
            known = [configuration for name in (verb, *inner.values()) for configuration in packaged_for(name)]
            parser.add_argument("configuration", nargs="?", choices=[*inner, *known])
            _add_options(parser, (verb, *inner.values()))
            continue
        if not inner:
            _add_options(parser, (verb,))
        else:
            words = parser.add_subparsers()
            for word, name in inner.items():
                _add_options(words.add_parser(word, help=summary(documentation(name))), (name,))
    return shtab.complete(root, shell)


def _add_options(parser: ArgumentParser, names: Iterable[str]) -> None:
    """Add the options of commands, each once; none of those that this installation cannot run."""
    for name in names:
        try:
            actions = command_parser(name, find_command(name))._actions
        except LapilliError:
            continue
        for action in actions:
            if type(action).__name__ in _INSTEAD or action.dest == SUPPRESS:
                continue
            if action.option_strings:
                _add_option(parser, action)
            elif name not in RECIPES:
                parser.add_argument(action.dest, nargs="?").complete = shtab.FILE  # type: ignore[attr-defined]


def _add_option(parser: ArgumentParser, action: Action) -> None:
    spelled = [option.replace("_", "-") for option in action.option_strings if not option.endswith("+")]
    if not {*spelled} & parser._option_string_actions.keys():
        if action.nargs == 0:
            parser.add_argument(*spelled, dest=action.dest, action="store_true")
            return
        choices = _choices(action)
        added = parser.add_argument(*spelled, dest=action.dest, choices=choices or None)
        if not choices:
            added.complete = shtab.FILE  # type: ignore[attr-defined]


def _choices(action: Action) -> list[str]:
    """What an option chooses from; empty where that is no list."""
    hint: Any = inner_hint(getattr(action, "_typehint", action.type))
    if hint is bool or type(action).__name__ == "ActionYesNo":
        return ["true", "false"]
    return list(map(str, get_args(hint))) if get_origin(hint) is Literal else list(kinds_of(hint))
