"""Tables of the pages of results, made from `results/*.csv`.

A page has a line such as

    <!-- table: kdcl_shd; columns: stage, frames, test_accuracy; by: stage -->

in the place of a table. Without `by`, the rows of one case are averaged over their seeds, as `lapilli results` does;
without `columns`, all that differ are shown.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from lapilli.simulators.evidence.provenance import read_csv
from lapilli.simulators.evidence.spread import (
    PROVENANCE,
    Group,
    Row,
    Spread,
    groups_to_show,
    number,
)
from site_pages.markdown import table

MARK = re.compile(r"^<!-- table: (?P<name>\w+)(?:; columns: (?P<columns>[^;]+?))?(?:; by: (?P<by>[^;]+?))? -->$", re.M)

_LONGEST = 64
"""Rows of a table that a page shows; the file has the others."""

_UNITS = (
    (r"accuracy|_(before|after)$|^zero_weights$|^spike_rate$", "%"),
    (r"seconds$", "s"),
    (r"_ms$", "ms"),
    (r"_mib$", "MiB"),
    (r"^uj_", "µJ"),
)
"""Unit of a column, by the first of these that its name has."""

_MADE_UP = {"case", "fingerprint", "configuration"}
"""Columns that are not shown where nobody asks for them: others say the same."""


def with_tables(text: str, folder: Path, link: str) -> str:
    """The text of a page, its marks replaced by tables.

    Arguments:
        text: of the page.
        folder: of the CSV files.
        link: from the page to the folder of their copies.
    """
    return MARK.sub(lambda mark: _made(mark, folder, link), text)


def tables_of(text: str) -> list[str]:
    """Names of the tables that a page shows."""
    return [mark["name"] for mark in MARK.finditer(text)]


def _made(mark: re.Match[str], folder: Path, link: str) -> str:
    rows = read_csv(folder / f"{mark['name']}.csv")
    groups = groups_to_show(rows, _names(mark["by"]) or None)
    columns = _names(mark["columns"]) or _differing(groups)
    if unknown := [name for name in columns if name not in rows[0]]:
        raise ValueError(f"results/{mark['name']}.csv: no column {unknown[0]!r}")
    seeds = ["seeds"] if any(len(group.seeds) > 1 for group in groups) else []
    cells = [[*(_cell(name, group) for name in columns), *(_seeds(group) for _ in seeds)] for group in groups]
    right = [place for place, name in enumerate(columns) if any(number(row[name]) is not None for row in rows)]
    shown = table([*map(_heading, columns), *seeds], cells[:_LONGEST], right)
    return "\n".join([shown, _origin(mark["name"], rows, link, len(cells) - _LONGEST)])


def _differing(groups: Sequence[Group]) -> list[str]:
    found = dict.fromkeys(name for group in groups for name in group.values if name not in _MADE_UP)
    return [name for name in found if len({str(group.values.get(name)) for group in groups}) > 1 or len(groups) == 1]


def _heading(column: str) -> str:
    words, unit = column.replace("_", " "), _unit(column)
    words = re.sub(r" (ms|mib)$", "", re.sub(r"^uj ", "energy ", re.sub(r"seconds$", "time", words)))
    return f"{words} ({unit})" if unit else words


def _cell(column: str, group: Group) -> str:
    value, factor = group.values.get(column, ""), 100 if _unit(column) == "%" else 1
    if isinstance(value, Spread):
        return f"{_number(value.mean * factor, factor)} ± {float(f'{value.std * factor:.2g}'):,.10g}"
    found = number(value)
    return value if found is None else _number(found * factor, factor)


def _number(value: float, factor: int) -> str:
    if factor == 100:
        return f"{value:.2f}"
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1e4 else f"{value:,.4g}"


def _seeds(group: Group) -> str:
    return str(len(set(group.seeds)))


def _unit(column: str) -> str:
    return next((unit for pattern, unit in _UNITS if re.search(pattern, column)), "")


def _origin(name: str, rows: Sequence[Row], link: str, left_out: int) -> str:
    """Where a table comes from, folded up."""
    more = f" The file has {left_out} more." if left_out > 0 else ""
    lines = [f"    {what}: {', '.join(found)}\n" for what, found in _different(rows).items()]
    return (
        f"File: [{name}.csv]({link}/{name}.csv), {len(rows)} rows.{more}\n\n"
        f'??? note "Origin of these numbers"\n\n{chr(10).join(lines)}'
    )


def _different(rows: Sequence[Row]) -> Mapping[str, list[str]]:
    found = {name: list(dict.fromkeys(row[name] for row in rows if row.get(name))) for name in PROVENANCE}
    found["command"] = [f"`{command}`" for command in found["command"]]
    return {name: [*cells[:5], *(["…"] if len(cells) > 5 else [])] for name, cells in found.items() if cells}


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in text.split(",")] if text else []
