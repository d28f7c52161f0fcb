"""`lapilli results`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from lapilli.choices import names
from lapilli.netx_exports.errors import LapilliError, did_you_mean, one_of
from lapilli.output import NumberText, print_json, print_lines, print_table
from lapilli.paths import checkout
from lapilli.simulators.evidence.provenance import read_csv
from lapilli.simulators.evidence.spread import (
    PROVENANCE,
    Group,
    Row,
    Spread,
    groups_to_show,
    number,
)

_LEAST_WIDTH = 9
"""Characters that a column needs to be read."""


def results(
    table: str = "",
    /,
    *,
    folder: Path | None = None,
    by: str | None = None,
    columns: str | None = None,
    json: bool = False,
) -> None:
    """Show what was measured and committed: the tables of `results/`, or one of them with mean ± std over seeds.

    Arguments:
        table: name of a table, or its file; without one, all tables are listed.
        folder: where the tables are; if not given, "results" here, or that of the checkout that lapilli runs from.
        by: columns that say what a row measures, separated by commas; the others are averaged. Found by itself if not
            given.
        columns: to show, separated by commas; all if not given.
        json: print it as JSON.
    """
    folder = _usual_folder() if folder is None else folder
    if not table:
        _list_tables(folder, json)
        return
    path = _find(table, folder)
    rows = read_csv(path)
    if not rows:
        raise LapilliError(f"{path}: has no rows")
    groups = groups_to_show(rows, _columns(by, "by", rows))
    shown = _columns(columns, "columns", rows)
    if json:
        print_json({"table": path.stem, "groups": [_group_json(group) for group in groups], **_origin(rows)})
        return
    _print_groups(path.stem, groups, shown)
    print_lines(
        f"{name}: {_first(found) if name == 'commands' else ', '.join(found)}" for name, found in _origin(rows).items()
    )


def _usual_folder() -> Path:
    here, root = Path("results"), checkout()
    return here if root is None or here.is_dir() else root / here


def _columns(text: str | None, option: str, rows: Sequence[Row]) -> Sequence[str] | None:
    chosen = names(text, option)
    if unknown := [name for name in chosen or () if name not in rows[0]]:
        raise LapilliError(f"--{option}: {one_of(unknown[0], rows[0])}")
    return chosen


def _print_groups(title: str, groups: Sequence[Group], shown: Sequence[str] | None) -> None:
    """As a table; what is the same everywhere as lines below it, unless it was asked for."""
    found = dict.fromkeys(name for group in groups for name in group.values) if shown is None else shown
    cells = {name: [_cell(name, group.values.get(name, "")) for group in groups] for name in found}
    same = {name: of_groups[0] for name, of_groups in cells.items() if len(set(of_groups)) == 1}
    if shown is not None or len(groups) == 1:
        same = {}
    varying = [name for name in cells if name not in same]
    fitting = len(varying) if shown is not None else Console().width // _LEAST_WIDTH - 1
    varying, left_out = varying[:fitting], varying[fitting:]
    # Names with spaces can be broken where the terminal is narrow.
    header = ["seeds", *(name.replace("_", " ") for name in varying)]
    rows = [[len(group.seeds), *(cells[name][row] for name in varying)] for row, group in enumerate(groups)]
    print_table(f"{title}: mean ± standard deviation where seeds differ", header, rows)
    print_lines(f"{name}: {value}" for name, value in same.items() if value)
    if left_out:
        print_lines([f"not shown, for the terminal is too narrow (--columns chooses): {', '.join(left_out)}"])


def _first(found: Sequence[str]) -> str:
    return found[0] + (f" (and {len(found) - 1} more)" if len(found) > 1 else "") if found else ""


def _list_tables(folder: Path, json: bool) -> None:
    found = [(path, read_csv(path)) for path in _tables(folder)]
    if json:
        print_json([{"table": path.stem, "rows": len(rows), **_origin(rows)} for path, rows in found])
        return
    cells = []
    for path, rows in found:
        origin = _origin(rows)
        period = " … ".join(dict.fromkeys(origin["dates"][:1] + origin["dates"][-1:]))
        cells.append([path.stem, len(rows), len(origin["seeds"]), ", ".join(origin["commits"]), period])
    print_table(f"{folder}: `lapilli results TABLE` shows one", ["table", "rows", "seeds", "commit", "date"], cells)
    print("the commands, as they were called at the commit of the table:")
    print_lines(f"{path.stem}: {_first(_origin(rows)['commands'])}" for path, rows in found)


def _tables(folder: Path) -> list[Path]:
    tables = sorted(folder.glob("*.csv"))
    if not tables:
        raise LapilliError(f"no tables in {folder}; --folder says where they are")
    return tables


def _find(table: str, folder: Path) -> Path:
    for path in (folder / f"{table}.csv", folder / table, Path(table)):
        if path.is_file():
            return path
    known = [path.stem for path in _tables(folder)]
    raise LapilliError(
        f"no table {table!r} in {folder}{did_you_mean(table, known) or '; there are ' + ', '.join(known)}"
    )


def _origin(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Where the rows come from: the different values of each column of the provenance, sorted, seeds as numbers."""
    plural = {name: sorted({row[name] for row in rows if name in row}) for name in PROVENANCE}
    plural["seed"].sort(key=lambda seed: (number(seed) is None, number(seed) or 0, seed))
    return {f"{name}s": found for name, found in plural.items()}


def _group_json(group: Group) -> dict[str, Any]:
    values: Mapping[str, Any] = {
        name: {"mean": value.mean, "std": value.std, "n": value.n} if isinstance(value, Spread) else value
        for name, value in group.values.items()
    }
    return {"seeds": list(group.seeds), "values": values}


def _cell(column: str, value: str | Spread) -> str:
    percent = column.endswith("accuracy")
    if isinstance(value, Spread):
        if percent:
            return NumberText(f"{value.mean:.2%} ± {value.std:.2%}")
        return NumberText(f"{value.mean:,.5g} ± {value.std:.2g}")
    found = number(value)
    if not value:
        return NumberText(value)
    if found is None:
        return value
    return NumberText(f"{found:.2%}" if percent else value)
