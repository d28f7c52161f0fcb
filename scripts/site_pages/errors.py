"""The page of errors: exit statuses of the command line, and every exception that lapilli raises on purpose."""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

import docstring_parser

from lapilli import cli
from lapilli.netx_exports import LapilliError
from site_pages.carried import ROOT
from site_pages.markdown import sentence, table

PACKAGE = ROOT / "lapilli"


class Raised(NamedTuple):
    """A class of errors.

    Arguments:
        name: of the class.
        module: that has it.
        base: name of the class above it.
        text: first sentence of its docstring.
    """

    name: str
    module: str
    base: str
    text: str


def page() -> str:
    """The page."""
    statuses = table(("exit status", "meaning"), [[f"`{code}`", sentence(text)] for code, text in exit_statuses()])
    rows = [[f"`{error.name}`", sentence(error.text), f"`{error.base}`", f"`{error.module}`"] for error in errors()]
    return (
        "# Errors and exit statuses\n\nThe command line complains in one sentence. "
        "`--debug` shows the traceback beside it.\n\n"
        f"## Exit statuses\n\n{statuses}\n"
        "## Exceptions\n\nThese are the errors that lapilli raises on purpose. All of them are of the class "
        "`LapilliError`, so that one `except` catches every one.\n\n"
        f"{table(('exception', 'meaning', 'is a', 'module'), rows)}"
    )


def exit_statuses() -> list[tuple[str, str]]:
    """Status and meaning, out of the docstring of `lapilli.cli`."""
    said = re.search(r"^Exit status: (.*?)\.$", " ".join((cli.__doc__ or "").split("\n\n")[1].split()), re.M)
    if said is None:
        raise ValueError("lapilli.cli: its docstring has no sentence `Exit status: …`")
    return [(entry.partition(" ")[0], entry.partition(" ")[2]) for entry in said[1].split("; ")]


def errors() -> list[Raised]:
    """Every class of errors below `LapilliError`, those above first."""
    found = {error.name: error for error in _classes()}
    lines = {error.name: _line(error, found) for error in found.values()}
    below = [error for error in found.values() if lines[error.name][0] == LapilliError.__name__]
    return sorted(below, key=lambda error: lines[error.name])


def _classes() -> Iterator[Raised]:
    # The wings are links, which `Path.rglob` does not follow before Python 3.13.
    folders = [PACKAGE, *(link for link in PACKAGE.iterdir() if link.is_symlink())]
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        for part in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(part, ast.ClassDef) and part.name.endswith("Error"):
                bases = [base.id for base in part.bases if isinstance(base, ast.Name)]
                text = docstring_parser.parse(ast.get_docstring(part) or "").short_description or ""
                module = ".".join(["lapilli", *path.relative_to(PACKAGE).with_suffix("").parts])
                yield Raised(part.name, module, bases[0] if bases else "", text)


def _line(error: Raised, known: dict[str, Raised]) -> list[str]:
    """Names of the classes above an error, the highest first, and its own."""
    return [*(_line(known[error.base], known) if error.base in known else ()), error.name]
