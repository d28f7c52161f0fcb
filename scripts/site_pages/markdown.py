"""Markdown: tables, cells, anchors."""

import re
from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> str:
    """A table; the columns numbered in `right` are flush right."""
    rule = ["--:" if number in right else "---" for number in range(len(header))]
    lines = [_line(header), _line(rule), *(_line([cell(text) for text in row]) for row in rows)]
    return "\n".join(lines) + "\n"


def filled_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table without the columns in which nothing stands."""
    kept = [number for number in range(len(header)) if any(row[number] for row in rows)]
    return table([header[number] for number in kept], [[row[number] for number in kept] for row in rows])


def cell(text: str) -> str:
    """Text of one line, in which a stroke ends no cell."""
    return re.sub(r"(?<!\\)\|", r"\|", " ".join(text.split()))


def sentence(text: str) -> str:
    """Text that begins with a capital letter."""
    words = " ".join(text.split())
    return words[:1].upper() + words[1:]


def anchor(text: str) -> str:
    """The anchor that a heading with this text gets."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", text).strip().lower())


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
