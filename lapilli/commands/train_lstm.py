"""`lapilli train lstm`."""

from pathlib import Path
from typing import Any

from lapilli.output import print_json, print_table
from lapilli.recipes import LSTM

COLUMNS = {
    "stage": "stage",
    "copies": "SNN steps",
    "validation_accuracy": "validation",
    "test_accuracy": "test",
    "spike_rate": "spike rate",
    "operations_per_sample": "operations",
    "proven_differences": "differences",
    "epochs": "epochs",
    "training_seconds": "s",
}


def train_lstm(
    *,
    options: Any,
    config: str | None = None,
    run_dir: Path | None = None,
    progress: bool = True,
    json: bool = False,
) -> None:
    """Train an LSTM, convert it to a spiking one, and tune that on its integers; started again, it goes on.

    Arguments:
        options: of the recipe.
        config: the configuration file, which named some of the options.
        run_dir: folder for the stages; if not given, runs/ and the name of the configuration file or "lstm".
        progress: whether to show progress bars.
        json: print the rows as JSON.
    """
    folder = run_dir or Path("runs") / ("lstm" if config is None else Path(config).stem)
    rows = LSTM.function()(folder, options, progress=progress)
    if json:
        print_json(rows)
        return
    table = [[_cell(name, row[name]) for name in COLUMNS] for row in rows]
    print_table(f"{folder}: each stage, spiking ones after export", list(COLUMNS.values()), table)


def _cell(name: str, value: Any) -> str:
    if name.endswith("_accuracy"):
        return f"{value:.2%}"
    return f"{value:,}" if isinstance(value, (int, float)) else str(value)
