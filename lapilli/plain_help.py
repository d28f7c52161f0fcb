"""How `--help` says things: usage on one line, and of each option what it takes and what holds without it."""

from argparse import OPTIONAL, SUPPRESS, Action
from collections.abc import Iterable
from copy import copy
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from jsonargparse import ActionConfigFile, DefaultHelpFormatter  # type: ignore[attr-defined]

from lapilli.simulators.configurations.named import kinds_of
from lapilli.simulators.configurations.problems import inner_hint

_WORDS: dict[Any, tuple[str, str]] = {
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("", "words"),
    Path: ("a path", "paths"),
}
"""What an option takes: one of it, and several. A text needs no word."""

PRINT_CONFIG = "print the configuration with all that is set, as a YAML file that --config reads, and end."


class PlainHelp(DefaultHelpFormatter):
    """Help without the words of Python: no `str | null`, no `Optional[Literal[...]]`, no 40 lines of usage."""

    def _format_usage(self, usage: Any, actions: Iterable[Action], groups: Any, prefix: str | None) -> str:
        """The command, what stands without a name, and that options follow; all of them are listed below it."""
        named = [self._format_args(action, action.dest) for action in actions if not action.option_strings]
        return " ".join([f"{'usage: ' if prefix is None else prefix}{self._prog}", *named, "[options]"]) + "\n\n"

    def _format_action(self, action: Action) -> str:
        # `--framing FILE` beside `--framing.bin-ms 10`, which recipes' files make superfluous.
        return "" if type(action).__name__ == "_ActionConfigLoad" else str(super()._format_action(action))

    def _format_action_invocation(self, action: Action) -> str:
        # `--hidden+ 64` adds to a list; nobody adds to what stands on the same line.
        shown = copy(action)
        shown.option_strings = [option for option in action.option_strings if not option.endswith("+")]
        return str(super()._format_action_invocation(shown))

    def _get_help_string(self, action: Action) -> str:
        if type(action).__name__ == "_ActionPrintConfig":
            return PRINT_CONFIG
        if type(action).__name__ == "_ActionHelpClassPath":
            return "show the options of one of its kinds, and end."
        text = (action.help or "").strip()
        if isinstance(action, ActionConfigFile) or getattr(action, "_jsonargparse_preexpanded_help", False):
            return text
        shown = isinstance(action.metavar, str) and action.metavar.startswith("{")
        needed = "required" if action.required and action.option_strings else ""
        facts = [fact for fact in ("" if shown else taken(action), needed or _default(action)) if fact]
        return f"{text} ({'; '.join(facts)})" if facts else text

    def _format_args(self, action: Action, default_metavar: str) -> str:
        known = {"_ActionPrintConfig": "", "_ActionHelpClassPath": "KIND"}.get(type(action).__name__)
        return known if known is not None else str(super()._format_args(action, default_metavar))


def taken(action: Action) -> str:
    """What an option takes, in words; "" where there are none for it."""
    hint = _hint(action)
    if hint is None or not action.option_strings:
        return ""
    if names := choices(action):
        return f"one of {', '.join(names)}"
    if get_origin(hint) in (list, tuple):
        inner = next(iter(get_args(hint)), None)
        known = [name for one in (inner, *get_args(inner)) if get_origin(one) is Literal for name in get_args(one)]
        return f"of {', '.join(known)}" if known else _WORDS.get(inner, ("", ""))[1]
    return _WORDS.get(hint, ("", ""))[0]


def choices(action: Action) -> list[str]:
    """The words of which an option takes one; none where it takes anything else."""
    hint = _hint(action)
    return list(kinds_of(hint)) or [str(word) for word in get_args(hint) if get_origin(hint) is Literal]


def _hint(action: Action) -> Any:
    return inner_hint(getattr(action, "_typehint", action.type))


def _default(action: Action) -> str:
    """What holds without an option; texts say it of those that have nothing."""
    value = action.default
    nothing = value in (None, SUPPRESS, "") or (value is False and action.nargs == 0)
    if nothing or not (action.option_strings or action.nargs == OPTIONAL):
        return ""
    if isinstance(value, bool):
        return f"default: {str(value).lower()}"
    return f"default: {', '.join(map(str, value)) if isinstance(value, list | tuple) else value}"
