"""`lapilli train`."""

import shlex
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lapilli.netx_exports import LapilliError
from lapilli.output import print_json, print_table
from lapilli.printable import say
from lapilli.recipes import SURROGATE_GRADIENT

MEASURED = {
    "validation_accuracy": "validation accuracy",
    "test_accuracy": "test accuracy after export",
    "unrounded_test_accuracy": "test accuracy, weights not rounded",
    "best_test_epoch_accuracy": "best test epoch (as papers report it)",
    "operations_per_sample": "synaptic operations of a test sample",
}
"""What is averaged over several seeds."""


def train(
    *,
    options: Any,
    config: str | None = None,
    run_dir: Path | None = None,
    seeds: int = 1,
    resume: bool = False,
    progress: bool = True,
    json: bool = False,
) -> None:
    """Train a network by a recipe, keep its best weights, export it; Ctrl-C and --resume lose nothing.

    Arguments:
        options: of the recipe.
        config: the configuration file, which named some of the options.
        run_dir: folder for the results; if not given, runs/ and the name of the configuration file or of the data set.
        seeds: how many seeds to train, counted from --seed. With more than one, each has a folder in the run folder and
            a row in seeds.csv there, and is proven on 200 test samples. Called again, it goes on where it was.
        resume: go on after the last finished epoch in `run_dir`; the configuration must be the same.
        progress: whether to show a progress bar on stderr, if that is a terminal.
        json: print the summary as JSON; of several seeds, the rows.
    """
    folder = run_dir or Path("runs") / (options.data.name if config is None else Path(config).stem)
    if seeds != 1:
        _train_seeds(folder, seeds, options, json, progress)
        return
    summary = SURROGATE_GRADIENT.function()(folder, options, resume=resume, progress=progress)
    if json:
        print_json(asdict(summary))
        return
    say(f"run folder: {folder}")
    for part in ("train", "validation", "test"):
        say(f"{part} accuracy: {getattr(summary, f'{part}_accuracy'):.2%}")
    say(f"epochs: {summary.epochs} (kept {summary.best_epoch}), {summary.seconds:.0f} s")


def _train_seeds(folder: Path, number: int, options: Any, json: bool, progress: bool) -> None:
    from lapilli.training.data.catalogue import data_set
    from lapilli.training.loop.run_folder import make
    from lapilli.training.studies.collect import first_seeds
    from lapilli.training.studies.proven_runs import study

    seeds = [options.seed + seed for seed in first_seeds(number)]
    if (folder / "config.yaml").is_file():
        raise LapilliError(f"{folder} holds a run of one seed; --run-dir names another folder")
    data_set(options.data.name)
    make(folder)
    command = shlex.join(["lapilli", *sys.argv[1:]])
    rows = study(folder / "seeds.csv", folder, folder.name, seeds, command, options, 0, progress)
    if json:
        print_json(rows)
        return
    print_table(f"{folder}: {number} seeds", ["", "mean ± standard deviation"], list(_averages(rows)))


def _averages(rows: Sequence[Mapping[str, object]]) -> Iterator[list[str]]:
    for name, words in MEASURED.items():
        values = [float(str(row[name])) for row in rows if row[name] != ""]
        if len(values) == len(rows):
            mean, spread = statistics.mean(values), statistics.stdev(values)
            share = name.endswith("accuracy")
            yield [words, f"{mean:.2%} ± {spread:.2%}" if share else f"{mean:,.0f} ± {spread:,.0f}"]
