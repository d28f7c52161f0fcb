"""The tables about SpikeSCR in `results/`, of runs of `lapilli train`.

    python -m lapilli.training.studies.spikescr.tables heard results/NAME.csv "[100 steps=FOLDER, 40 steps=FOLDER]"
    python -m lapilli.training.studies.spikescr.tables bill results/NAME.csv "[100 steps=FOLDER]"
    python -m lapilli.training.studies.spikescr.tables ablations FILE.yaml results/spikescr_ablations.csv

A study that was stopped goes on where it was when started again.
"""

import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.configurations import read_options
from lapilli.training.data.sets import PartName
from lapilli.training.exported.export import load_module
from lapilli.training.exported.finished import finished_run
from lapilli.training.networks.spikescr.network import SpikeScrNetwork
from lapilli.training.recipes.surrogate_gradient import Options
from lapilli.training.studies.collect import (
    SET_BY_STUDIES,
    Case,
    Row,
    collect,
    first_seeds,
    module_command,
    run_module,
)
from lapilli.training.studies.named_runs import case_of_run
from lapilli.training.studies.spikescr.ablations import VARIANTS, ablated
from lapilli.training.studies.spikescr.ablations import measured as measured_ablation
from lapilli.training.studies.spikescr.bill import KEYS as BILL_KEYS
from lapilli.training.studies.spikescr.bill import InputAs, bill_rows, said
from lapilli.training.studies.spikescr.heard import KEYS, draw_heard, listen
from lapilli.training.studies.stllr.pictures import draw_accuracies


def heard(out: str, runs: Sequence[str], streamed: int = 20, part: PartName = "test") -> None:
    """Measure accuracy over how much of a word has been heard, of causal networks; table and picture.

    Arguments:
        out: CSV to write; the picture has the same name, .svg.
        runs: folders of finished runs, each as NAME=FOLDER; runs of one name are seeds.
        streamed: samples that run step by step through a stream too, and must decide alike.
        part: of the data to listen to.
    """
    cases = [case_of_run(run, _command(), {"part": part}) for run in runs]

    def measured(case: Case) -> list[Row]:
        run = finished_run(Path(str(case.options["run"])))
        samples = run.task.part(part)
        found = listen(run.network, samples, run.n_steps - samples.n_steps, run.task.step_ms, streamed)
        facts: Row = {"data": run.task.name, "steps": samples.n_steps, "lag": found.lag, "samples": len(samples)}
        return [facts | row for row in found.rows()]

    rows = collect(out, cases, measured, KEYS)
    mine = [str(case.options["run"]) for case in cases]
    chosen = [row for row in rows if str(row["run"]) in mine and row["part"] == part]
    draw_heard(chosen, Path(out).with_suffix(".svg"), f"What is known of a word while it is spoken, {part} part")
    for row in chosen:
        if row["heard"] == "share" and float(str(row["value"])) in (0.5, 0.75, 1.0):
            heard, right = (100 * float(str(row[name])) for name in ("value", "test_accuracy"))
            print(f"{row['name']}, {row['run']}: {heard:.0f} % heard, {right:.2f} % right")


def bill(
    out: str,
    runs: Sequence[str],
    samples: int | None = None,
    input_as: InputAs = "accumulations",
    part: PartName = "test",
) -> None:
    """Bill networks by the convention of the publication, beside what is counted; a row for each layer.

    Arguments:
        out: CSV to write.
        runs: folders of finished runs, each as NAME=FOLDER; runs of one name are seeds.
        samples: how many; none: all of the part.
        input_as: whether the first layer adds counts, by their value, or multiplies real numbers, at a rate of 1.
        part: of the data.
    """
    cases = [case_of_run(run, _command(), {"part": part, "input_as": input_as}) for run in runs]

    def measured(case: Case) -> list[Row]:
        folder = Path(str(case.options["run"]))
        module, run = load_module(folder), finished_run(folder)
        if not isinstance(module, SpikeScrNetwork):
            raise LapilliError(f"{folder} is no run of a SpikeSCR network")
        chosen = run.task.part(part).subset(slice(samples))
        rows = bill_rows(module, chosen, input_as)
        print("\n".join((f"{case.options['name']}:", *said(rows))))
        return [{"data": run.task.name, "steps": module.n_steps, "samples": len(chosen), **row} for row in rows]

    collect(out, cases, measured, BILL_KEYS)


def ablations(
    file: str,
    out: str,
    epochs: int = 10,
    seeds: int = 2,
    only: Sequence[str] = (),
    runs: str = "runs/spikescr-ablations",
) -> None:
    """Train variants of a network for a few epochs, and measure them on the validation part; table and picture.

    Arguments:
        file: YAML file with options of `lapilli.training.recipes.surrogate_gradient.train`, of a SpikeSCR network.
        out: CSV to write; the picture has the same name, .svg.
        epochs: of each training.
        seeds: how many, counted from 0.
        only: names of variants; none: all.
        runs: folder of the runs.
    """
    options = read_options(file, Options, SET_BY_STUDIES)
    chosen = list(only) or list(VARIANTS)
    cases = [
        Case(seed, _command(), {"configuration": Path(file).stem, "variant": variant, "epochs": epochs})
        for seed in first_seeds(seeds)
        for variant in chosen
    ]
    trained = {variant: ablated(options, variant, epochs, 0) for variant in chosen}

    def measured(case: Case) -> list[Row]:
        number = list(VARIANTS).index(str(case.options["variant"]))
        folder = Path(runs) / f"{Path(file).stem}-{epochs}" / f"variant-{number}" / f"seed-{case.seed}"
        return measured_ablation(folder, replace(trained[str(case.options["variant"])], seed=case.seed))

    found: dict[str, list[float]] = {}
    for row in collect(out, cases, measured):
        found.setdefault(str(row["variant"]), []).append(100 * float(str(row["validation_accuracy"])))
    for variant, values in found.items():
        print(f"{variant}: validation accuracy {statistics.mean(values):.2f} % ({len(values)} seeds)")
    draw_accuracies(found, Path(out).with_suffix(".svg"), f"SpikeSCR after {epochs} epochs", "validation accuracy")


def _command() -> str:
    return module_command("lapilli.training.studies.spikescr.tables")


if __name__ == "__main__":
    run_module("study", [heard, bill, ablations])
