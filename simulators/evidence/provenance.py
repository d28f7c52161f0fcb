"""Where a number comes from: commit, machine, versions. Every table in `results/` carries it."""

import csv
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.files import PathLike, existing_file, replacing

_FORMULA = re.compile(r"'*[=+\-@\t]")
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?")


def commit() -> str:
    """Commit of the checkout that this code runs from, marked "+changes" where files differ; "" outside of one."""
    folder = Path(__file__).resolve().parent
    try:
        head = _git(folder, "rev-parse", "--short=12", "HEAD")
        return head + ("+changes" if _git(folder, "status", "--porcelain", "--", ":(top)*.py") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def machine() -> str:
    """Processor and number of cores that this process may use."""
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            name = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{name}, {len(os.sched_getaffinity(0))} cores"


def versions(packages: Sequence[str]) -> dict[str, str]:
    """Installed versions, "" where a package is missing; Python's own first."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = ""
    return found


def provenance(seed: int) -> dict[str, str | int]:
    """Columns that say where a row comes from."""
    return {
        "commit": commit(),
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "machine": machine(),
        "seed": seed,
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }


def write_csv(path: PathLike, rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows of the same columns.

    Raises:
        LapilliError: when the file cannot be written.
    """
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _no_formula(cell) for name, cell in row.items()} for row in rows)


def read_csv(path: PathLike) -> list[dict[str, str]]:
    """Rows of a table that `write_csv` wrote, every cell as text.

    Raises:
        LapilliError: when the file cannot be read or is no such table.
    """
    try:
        with open(existing_file(path), newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, strict=True))
    except OSError as error:
        raise LapilliError(f"cannot read {path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise LapilliError(f"cannot read {path}: {error}") from None
    for number, row in enumerate(rows):
        # DictReader files cells beyond the header under None, and fills missing ones with None.
        if None in row or None in row.values():
            raise LapilliError(f"cannot read {path}: row {number + 1} has not as many cells as the header")
    return [{name: _unquoted(cell) for name, cell in row.items()} for row in rows]


def _no_formula(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula: text that looks like one has a quote in front."""
    if not isinstance(cell, str):
        return cell
    # Python's writer leaves this end of a line without quotes, and a reader begins a row there.
    cell = cell.replace("\r", "\\r")
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def _unquoted(cell: str) -> str:
    """The cell before `_no_formula`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()
