"""The verbs of the command line and what each is for, told without loading any of them."""

import ast
import textwrap
from pathlib import Path

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
    ("data", "convert"): "data_convert",
    ("data", "list"): "data_list",
    ("data", "make"): "data_make",
    ("data", "prepare"): "data_prepare",
    ("data", "save"): "data_save",
    ("data", "show"): "data_show",
    ("zoo", "add"): "zoo_add",
    ("zoo", "get"): "zoo_get",
    ("zoo", "list"): "zoo_list",
    ("zoo", "show"): "zoo_show",
}
"""Two words that name a command with options of its own."""

BRANCHES = {
    "data": ("list", "prepare", "show", "save", "convert", "make"),
    "zoo": ("list", "show", "get", "add"),
    "bench": ("simulate", "train"),
}
"""Verbs that do nothing without a second word, and these words."""

_WIDTH, _COLUMN = 80, 22


def overview() -> str:
    """The text of `lapilli --help`, at most 80 columns wide."""
    lines = ["usage: lapilli COMMAND [options] [--debug]", ""]
    for name in COMMANDS:
        lines += _entry(f"  {name}", name)
        for pair, file in SUBCOMMANDS.items():
            if pair[0] == name:
                lines += _entry(f"    {' '.join(pair)}", file)
    lines += ["", "`lapilli COMMAND --help` lists the options; --debug shows an error's traceback."]
    return "\n".join([*lines, "`lapilli --version` says which lapilli this is."])


def _entry(words: str, file: str) -> list[str]:
    """Lines of help: the words of a command, and what it does in a column beside them."""
    text = textwrap.wrap(summary(documentation(file)), _WIDTH - _COLUMN)
    return [f"{words:{_COLUMN}}{text[0]}", *(" " * _COLUMN + line for line in text[1:])]


def second_words(verb: str) -> tuple[str, ...]:
    """Words that may follow a verb and make a command of their own with it."""
    return tuple(second for first, second in SUBCOMMANDS if first == verb)


def documentation(name: str) -> str:
    """Docstring of a command, out of its source: to import all commands would take a second."""
    source = Path(__file__).with_name("commands") / f"{name}.py"
    parts = ast.parse(source.read_text(encoding="utf-8")).body
    functions = {part.name: part for part in parts if isinstance(part, ast.FunctionDef)}
    return ast.get_docstring(functions[name]) or ""


def summary(documentation: str | None) -> str:
    """First line of a docstring."""
    return (documentation or "").strip().partition("\n")[0]
