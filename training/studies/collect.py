"""The same measurement for several seeds and options, into one table that grows by each and can be gone on with.

A row says where it comes from (`lapilli.simulators.evidence.provenance`), its options, its `case` (the options in
words, and what tells apart rows of one measurement, so that `lapilli results` knows which rows differ by the seed
alone), and what was measured. Rows of another commit are made anew, and rows of the same case by another command are
replaced; a commit marked "+changes" counts as one, so delete the table after changing code that is not committed.
"""

import shlex
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonargparse import auto_cli

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.files import PathLike
from lapilli.netx_exports.locks import locked
from lapilli.simulators.evidence.provenance import commit, provenance, read_csv, write_csv

Row = dict[str, object]

SET_BY_STUDIES = ("run_dir", "seed", "resume", "progress")
"""Options that a study sets, whatever stands in a file."""


@dataclass(frozen=True)
class Case:
    """One measurement.

    Arguments:
        seed: of everything random in it.
        command: that makes its rows.
        options: by the name of their column; what else tells it from other measurements of the table.
    """

    seed: int
    command: str
    options: Mapping[str, object] = field(default_factory=dict)


def first_seeds(number: int) -> tuple[int, ...]:
    """What `--seeds NUMBER` means: the seeds 0 to NUMBER - 1.

    Raises:
        LapilliError: for less than one.
    """
    if number < 1:
        raise LapilliError(f"seeds: must be at least 1, got {number}")
    return tuple(range(number))


def collect(
    out: PathLike, cases: Sequence[Case], measure: Callable[[Case], Sequence[Row]], keys: Sequence[str] = ()
) -> list[Row]:
    """Measure each case that the table does not hold yet; the table is written after every one.

    Arguments:
        out: CSV to write; rows of this commit that it holds already are kept.
        cases: in the order in which to measure them.
        measure: gives one or more rows for a case, what was measured by column; a case is finished with all of them.
        keys: columns of what was measured that tell apart rows of one case, such as the stage of a chain.

    Returns:
        The rows of the table; those that were there already are text.

    Raises:
        InUseError: when another process writes the same table.
        LapilliError: when the file cannot be read or written, or holds another table.
    """
    target = Path(out).resolve()
    with locked(target.parent / f".{target.name}.lock", f"table {out}"):
        return _collected(out, cases, measure, keys)


def _collected(
    out: PathLike, cases: Sequence[Case], measure: Callable[[Case], Sequence[Row]], keys: Sequence[str]
) -> list[Row]:
    here = commit()
    rows = _kept(out, cases, here)
    finished = {_identity(row, cases) for row in rows}
    for case in cases:
        origin = provenance(case.seed) | {"commit": here, "command": case.command}
        if _identity(origin | dict(case.options), cases) in finished:
            continue
        found = measure(case)
        # By another command it is the same case: with both rows a seed would count twice.
        rows = [row for row in rows if _case(row, cases) != _case(origin | dict(case.options), cases)]
        for measured in found:
            telling = {**case.options, **{key: measured[key] for key in keys}}
            words = ", ".join(f"{name}={value}" for name, value in telling.items())
            rows.append({**origin, "case": words, **case.options, **measured})
        write_csv(out, _same_columns(rows))
    return rows


def module_command(module: str) -> str:
    """This process's command line, as `python -m MODULE …`."""
    return shlex.join(["python", "-m", module, *sys.argv[1:]])


def run_module(name: str, commands: Any) -> None:
    """Command line of a module: every failure is one line, and so is Ctrl-C.

    Arguments:
        name: of the module, before what it says.
        commands: function, or functions, with options from the command line.
    """
    try:
        auto_cli(commands, as_positional=True)
    except LapilliError as error:
        sys.exit(f"{name}: {error}")
    except KeyboardInterrupt:
        sys.exit(f"{name}: stopped; the same command goes on after the last row that it has written")


def say_accuracies(rows: Sequence[Mapping[str, object]], words: str) -> None:
    """Print mean and spread of the test accuracy of each case, called `words`."""
    by_case: dict[str, list[float]] = {}
    for row in rows:
        by_case.setdefault(str(row["case"]), []).append(100 * float(str(row["test_accuracy"])))
    for case, values in by_case.items():
        spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
        print(f"{case}: {words} {statistics.mean(values):.2f}{spread} % ({len(values)} seeds)")


def _kept(out: PathLike, cases: Sequence[Case], here: str) -> list[Row]:
    if not Path(out).exists():
        return []
    rows: list[Row] = [dict(row) for row in read_csv(out)]
    needed = {"commit", "seed", "command", *_option_names(cases)}
    if any(needed - row.keys() for row in rows):
        raise LapilliError(f"{out} is no table of this command")
    return [row for row in rows if row["commit"] == here]


def _option_names(cases: Sequence[Case]) -> list[str]:
    return list(dict.fromkeys(name for case in cases for name in case.options))


def _case(row: Mapping[str, object], cases: Sequence[Case]) -> tuple[str, ...]:
    """What tells a case from others, as text, which is how a table remembers it."""
    return tuple(str(row.get(name, "")) for name in ("seed", *_option_names(cases)))


def _identity(row: Mapping[str, object], cases: Sequence[Case]) -> tuple[str, ...]:
    """Case and command."""
    return (str(row["command"]), *_case(row, cases))


def _same_columns(rows: Sequence[Row]) -> list[Row]:
    columns = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name, "") for name in columns} for row in rows]
