"""Tables of measurements over seeds: which rows differ by the seed alone, and their means and standard deviations."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

PROVENANCE = ("commit", "date", "machine", "seed", "command")
"""Columns of `lapilli.simulators.evidence.provenance.provenance`."""

Row = Mapping[str, str]


@dataclass(frozen=True)
class Spread:
    """Several measurements of one thing.

    Arguments:
        mean: of them.
        std: standard deviation, n - 1 below; 0 for one measurement.
        n: how many.
    """

    mean: float
    std: float
    n: int


@dataclass(frozen=True)
class Group:
    """Rows that differ by their seed, and by what was measured.

    Arguments:
        seeds: one for each row.
        values: by column, without those of the provenance: the text where it is the same in all rows, or the spread of
            numbers. Texts that differ, such as fingerprints, are left out.
    """

    seeds: tuple[str, ...]
    values: Mapping[str, str | Spread]


def spread(values: Sequence[float]) -> Spread:
    """Mean and standard deviation of at least one number."""
    return Spread(statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0, len(values))


def grouped(rows: Sequence[Row], by: Sequence[str]) -> list[Group]:
    """Rows with the same values in the columns `by` as one group, in the order of their first rows."""
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in by), []).append(row)
    return [_group(members) for members in found.values()]


def telling_columns(rows: Sequence[Row]) -> list[str]:
    """Columns that say what a row measures: `case` where a table has it, else those that are the same for every seed.

    Without `case` (`lapilli.training.studies.collect`), a column is such if the rows of every seed have the same set of
    values there.
    """
    columns = [name for name in (rows[0] if rows else {}) if name not in PROVENANCE]
    if "case" in columns:
        return ["case"]
    seeds = {row.get("seed", "") for row in rows}
    return [name for name in columns if len({_values(rows, seed, name) for seed in seeds}) == 1]


def repeats_a_seed(groups: Iterable[Group]) -> bool:
    """Whether a group has two rows of one seed, so that its columns do not tell all measurements apart."""
    return any(len(set(group.seeds)) < len(group.seeds) for group in groups)


def number(text: str) -> float | None:
    """The finite number that a cell holds, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def _values(rows: Sequence[Row], seed: str, column: str) -> frozenset[str]:
    return frozenset(row[column] for row in rows if row.get("seed", "") == seed)


def _group(rows: Sequence[Row]) -> Group:
    values: dict[str, str | Spread] = {}
    for name in rows[0]:
        cells = [row[name] for row in rows]
        numbers = [number(cell) for cell in cells]
        known = [value for value in numbers if value is not None]
        if name in PROVENANCE:
            continue
        if len(set(cells)) == 1:
            values[name] = cells[0]
        elif len(known) == len(cells):
            values[name] = spread(known)
    return Group(tuple(row.get("seed", "") for row in rows), values)


def groups_to_show(rows: Sequence[Row], by: Sequence[str] | None = None) -> list[Group]:
    """Rows averaged over their seeds.

    Arguments:
        rows: of a table.
        by: columns that say what a row measures. None: those that tell cases apart. Rows that nothing tells apart but
            what was measured are then groups of their own.
    """
    if by is not None:
        return grouped(rows, by)
    groups = grouped(rows, telling_columns(rows))
    return [grouped([row], [])[0] for row in rows] if repeats_a_seed(groups) else groups
