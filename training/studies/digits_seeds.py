"""Accuracy and time of the default recipe over seeds.

python -m lapilli.training.studies.digits_seeds --out FILE.csv
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lapilli.netx_exports.files import PathLike
from lapilli.training.recipes.surrogate_gradient import train
from lapilli.training.studies.collect import Case, Row, collect


def digits_seeds(out: PathLike, seeds: Sequence[int], progress: bool = True) -> list[Row]:
    """Train once for each seed with the default options, and write a row for each after every run.

    Arguments:
        out: CSV to write; rows of this commit that it holds already are kept.
        seeds: of initial weights, order and deformation; the split of the data stays the same.
        progress: whether to show a progress bar for each run.

    Returns:
        The rows.

    Raises:
        LapilliError: when the file cannot be read or written.
    """
    cases = [
        Case(seed, f"python -m lapilli.training.studies.digits_seeds --out {out} --seeds {seed}") for seed in seeds
    ]
    return collect(out, cases, lambda case: [_row(case.seed, progress)])


def _row(seed: int, progress: bool) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        summary = train(Path(folder) / "run", seed=seed, progress=progress)
    return {
        "train_accuracy": round(summary.train_accuracy, 6),
        "validation_accuracy": round(summary.validation_accuracy, 6),
        "test_accuracy": round(summary.test_accuracy, 6),
        "epochs": summary.epochs,
        "best_epoch": summary.best_epoch,
        "training_seconds": round(summary.seconds, 2),
        "fingerprint": summary.fingerprint[:16],
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="CSV to write")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(10)), help="seeds, each trained once")
    arguments = parser.parse_args()
    rows = digits_seeds(arguments.out, arguments.seeds)
    test = [float(str(row["test_accuracy"])) for row in rows]
    print(f"test accuracy over {len(test)} seeds: mean {sum(test) / len(test):.4f}, {min(test):.4f}…{max(test):.4f}")


if __name__ == "__main__":
    main()
