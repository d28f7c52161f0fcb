"""The tables about networks of one time step in `results/`.

    python -m lapilli.training.studies.one_step.tables variants FILE.yaml results/NAME.csv --seeds 3

A study that was stopped goes on where it was when started again.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lapilli.simulators.configurations import read_options
from lapilli.training.recipes.surrogate_gradient import Options
from lapilli.training.studies.collect import (
    SET_BY_STUDIES,
    Case,
    Row,
    collect,
    first_seeds,
    module_command,
    run_module,
    say_accuracies,
)
from lapilli.training.studies.one_step.variants import CONTROLS, VARIANTS, measured, varied
from lapilli.training.studies.stllr.pictures import draw_accuracies


def variants(
    file: str,
    out: str,
    seeds: int = 3,
    only: Sequence[str] = CONTROLS,
    runs: str = "runs/studies",
    lava_samples: int = 0,
) -> None:
    """Train a configuration, its controls and variants, and measure each after export; table and picture.

    Arguments:
        file: YAML file with options of `lapilli.training.recipes.surrogate_gradient.train`, of a network of one step.
        out: CSV to write; the picture has the same name, .svg.
        seeds: how many, counted from 0.
        only: names of variants; the controls if not given.
        runs: folder of the runs.
        lava_samples: test samples on which a network is proven on Lava too; it takes about a minute for each.
    """
    name = Path(file).stem
    # Of a network in floating point, metrics are all that there is.
    options = replace(read_options(file, Options, SET_BY_STUDIES), watch_test=True)
    cases = [
        Case(seed, _command(), {"configuration": name, "variant": variant})
        for seed in first_seeds(seeds)
        for variant in only
    ]
    for variant in only:
        varied(options, variant, 0)

    def trained(case: Case) -> list[Row]:
        variant = str(case.options["variant"])
        folder = Path(runs) / f"{name}-variants" / f"variant-{list(VARIANTS).index(variant)}" / f"seed-{case.seed}"
        return measured(folder, varied(options, variant, case.seed), lava_samples)

    rows = collect(out, cases, trained)
    say_accuracies(rows, "test accuracy")
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(str(row["variant"]), []).append(100 * float(str(row["test_accuracy"])))
    draw_accuracies(found, Path(out).with_suffix(".svg"), f"{name}: networks of one time step", "test accuracy")


def _command() -> str:
    return module_command("lapilli.training.studies.one_step.tables")


if __name__ == "__main__":
    run_module("study", [variants])
