"""Differences of methods from one of them, seed by seed, with the 95 % interval of Student's t over the seeds.

    python scripts/paired.py results/tks_stemnist_curves.csv plain

It reads a table of curves of `lapilli.training.studies methods`, and prints the table of `docs/results/tks.md`, in
points of accuracy.
"""

import sys
from collections import defaultdict

import numpy as np
from scipy import stats

from lapilli.simulators.evidence.provenance import read_csv


def main(path: str, base: str) -> None:
    """Print a row for each number of frames, with the accuracy of `base` and what the others have more."""
    found: dict[tuple[int, str], dict[str, float]] = defaultdict(dict)
    for row in read_csv(path):
        if row["protocol"] == "first_frames":
            found[int(row["frames"]), row["method"]][row["seed"]] = 100 * float(row["test_accuracy"])
    others = list(dict.fromkeys(method for _, method in found if method != base))
    print("frames", base, *others, sep="\t")
    for frames in sorted({frames for frames, _ in found}):
        own = found[frames, base]
        cells = [_cell([found[frames, other][seed] - value for seed, value in own.items()]) for other in others]
        print(frames, f"{np.mean(list(own.values())):.2f}", *cells, sep="\t")


def _cell(differences: list[float]) -> str:
    half = stats.t.ppf(0.975, len(differences) - 1) * stats.sem(differences)
    return f"{np.mean(differences):+.2f} ± {half:.2f}"


if __name__ == "__main__":
    main(*sys.argv[1:])
