"""`lapilli train curriculum`."""

from pathlib import Path
from typing import Any

from lapilli.output import print_json, print_table
from lapilli.recipes import CURRICULUM

COLUMNS = {
    "stage": "stage",
    "bin_ms": "bin / ms",
    "frames": "steps",
    "validation_accuracy": "validation",
    "test_accuracy": "test, exported",
    "operations_per_sample": "operations",
    "uj_by_horowitz-45nm-int8": "µJ, 45 nm int8 (estimate)",
    "proven_differences": "differences",
}


def train_curriculum(
    *,
    options: Any,
    config: str | None = None,
    run_dir: Path | None = None,
    progress: bool = True,
    json: bool = False,
) -> None:
    """Train a KDCL chain of wider and wider time bins and its controls; started again, it goes on where it was.

    Arguments:
        options: of the recipe.
        config: the configuration file, which named some of the options.
        run_dir: folder for the stages; if not given, runs/ and the name of the configuration file or "curriculum".
        progress: whether to show progress bars.
        json: print the rows as JSON.
    """
    folder = run_dir or Path("runs") / ("curriculum" if config is None else Path(config).stem)
    rows = CURRICULUM.function()(folder, options, progress=progress)
    if json:
        print_json(rows)
        return
    table = [[_cell(name, row[name]) for name in COLUMNS] for row in rows]
    print_table(f"{folder}: each stage after export", list(COLUMNS.values()), table)


def _cell(name: str, value: Any) -> str:
    if name.endswith("_accuracy"):
        return f"{value:.2%}"
    return f"{value:,}" if isinstance(value, (int, float)) else str(value)
