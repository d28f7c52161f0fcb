"""The tables about spiking LSTMs in `results/`.

    python -m lapilli.training.studies.lstm.tables stages FILE.yaml results/lstm_hapt.csv --seeds 3
    python -m lapilli.training.studies.lstm.tables experiments FILE.yaml results/lstm_experiments.csv
    python -m lapilli.training.studies.lstm.tables bill results/lstm_bill.csv "[tuned=FOLDER/seed-0/tuned-2]"

A study that was stopped goes on where it was when started again.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.configurations import read_options
from lapilli.training.data.sets import PartName
from lapilli.training.exported.export import load_module
from lapilli.training.exported.finished import finished_run
from lapilli.training.networks.lstm.network import SpikingLstmNetwork
from lapilli.training.recipes.lstm import Options, train_lstm
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
from lapilli.training.studies.lstm.bill import bill_row
from lapilli.training.studies.lstm.experiments import EXPERIMENTS, changed
from lapilli.training.studies.lstm.experiments import measured as measured_experiment
from lapilli.training.studies.named_runs import case_of_run

KEYS = ("stage", "copies")


def stages(file: str, out: str, seeds: int = 3, runs: str = "runs/studies", lava_samples: int = 10) -> None:
    """Train source, conversion and tuning for several seeds; beside them an LSTM with sigmoid and tanh.

    Arguments:
        file: YAML file with options of `lapilli.training.recipes.lstm.train_lstm`.
        out: CSV to write.
        seeds: how many, counted from 0.
        runs: folder of the runs.
        lava_samples: test samples on which spiking networks are proven on Lava too.
    """
    name = Path(file).stem
    options = replace(read_options(file, Options, SET_BY_STUDIES), standard=True, lava_samples=lava_samples)
    cases = [Case(seed, _command(), {"configuration": name}) for seed in first_seeds(seeds)]

    def measured(case: Case) -> list[Row]:
        return train_lstm(Path(runs) / name / f"seed-{case.seed}", replace(options, seed=case.seed))

    say_accuracies(collect(out, cases, measured, KEYS), "test accuracy")


def experiments(
    file: str, out: str, seeds: int = 1, only: Sequence[str] = (), runs: str = "runs/studies", lava_samples: int = 0
) -> None:
    """Convert and tune one source in different ways: shifts, leaks, subsets, encodings, what is trained, what costs.

    Arguments:
        file: YAML file with options of `lapilli.training.recipes.lstm.train_lstm`.
        out: CSV to write.
        seeds: how many, counted from 0.
        only: names of experiments; none: all.
        runs: folder of the runs; the sources are those of `stages`, trained here where they are not yet.
        lava_samples: test samples on which spiking networks are proven on Lava too.
    """
    name = Path(file).stem
    options = replace(read_options(file, Options, SET_BY_STUDIES), standard=False, lava_samples=lava_samples)
    chosen = list(only) or list(EXPERIMENTS)
    cases = [
        Case(seed, _command(), {"configuration": name, "experiment": experiment})
        for seed in first_seeds(seeds)
        for experiment in chosen
    ]
    options_of = {experiment: changed(options, experiment) for experiment in chosen}

    def measured(case: Case) -> list[Row]:
        experiment = str(case.options["experiment"])
        folder = Path(runs) / f"{name}-experiments" / f"{EXPERIMENTS.index(experiment)}" / f"seed-{case.seed}"
        source = Path(runs) / name / f"seed-{case.seed}" / "source"
        return measured_experiment(folder, source, replace(options_of[experiment], seed=case.seed))

    say_accuracies(collect(out, cases, measured, KEYS), "test accuracy")


def bill(out: str, runs: Sequence[str], samples: int | None = None, part: PartName = "test") -> None:
    """Price the arithmetic of spiking LSTMs beside that of the LSTM that does not spike; a row for each.

    Arguments:
        out: CSV to write.
        runs: folders of finished stages, `tuned-2` or `converted-2`, each as NAME=FOLDER.
        samples: how many; none: all of the part.
        part: of the data.
    """
    cases = [case_of_run(run, _command(), {"part": part}) for run in runs]

    def measured(case: Case) -> list[Row]:
        folder = Path(str(case.options["run"]))
        if not isinstance(load_module(folder), SpikingLstmNetwork):
            raise LapilliError(f"{folder} is no stage of a spiking LSTM")
        run = finished_run(folder)
        chosen = run.task.part(part).subset(slice(samples))
        row = bill_row(run.network, chosen, run.n_steps)
        less = (
            f"{row['times_less_fp32']} times less in fp32, {row['times_less_fp32_with_zeros']} with zeros in the input"
        )
        print(f"{case.options['name']}: {less}, at most {row['bound']}")
        return [{"data": run.task.name, "elements": chosen.n_steps, "samples": len(chosen), **row}]

    collect(out, cases, measured)


def _command() -> str:
    return module_command("lapilli.training.studies.lstm.tables")


if __name__ == "__main__":
    run_module("study", [stages, experiments, bill])
