"""What commands share: tables, JSON, progress on the error stream."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from lapilli.printable import printable


class NumberText(str):
    """A number that is written already, and stands right-aligned in a table."""


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print one JSON document on the standard output."""
    print(json.dumps(value, indent=2, allow_nan=False))


def print_json_line(value: Mapping[str, Any]) -> None:
    """Print one JSON document on one line of the standard output, at once: whoever reads it may wait for it."""
    print(json.dumps(value, allow_nan=False), flush=True)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; columns of numbers are right-aligned."""
    # As `Text`, brackets in names are no markup.
    table = Table(title=Text(printable(title)) if title else None, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        numeric = all(isinstance(row[number], (int, float, NumberText)) for row in rows) and bool(rows)
        table.add_column(Text(column), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    Console().print(table)


def print_lines(lines: Iterable[str]) -> None:
    """Print sentences, indented, broken where the terminal ends."""
    for line in lines:
        Console().print(Padding(Text(printable(line)), (0, 0, 0, 2)))


@contextmanager
def progress_bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on the error stream; yields the function to call with the number of items finished."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda n: progress.advance(task, n)


@contextmanager
def progress_line(text: str) -> Iterator[Callable[[str], None]]:
    """A line on the error stream for work whose end is not known; yields the function to call with what it says now."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False))
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(text, total=None)
        yield lambda now: progress.update(task, description=printable(now))


def _cell(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return printable(str(value))
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
