"""The studies behind `results/`: trainings of several seeds, methods or bin widths, proven and measured, into a table.

    python -m lapilli.training.studies seeds  FILE.yaml results/NAME.csv --seeds 3
    python -m lapilli.training.studies methods FILE.yaml results/NAME.csv --seeds 3 --methods "[plain,tet,etc,tks]"
    python -m lapilli.training.studies chain  FILE.yaml results/NAME.csv --seeds 3
    python -m lapilli.training.studies prove  RUN_FOLDER --samples 200

A study that was stopped goes on where it was when started again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from lapilli.netx_exports import load
from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators import Events
from lapilli.simulators.configurations import read_options
from lapilli.training.data.tasks import DataConfig, find_task, joined
from lapilli.training.exported.finished import finished_run
from lapilli.training.loop.run_folder import RunFolder
from lapilli.training.methods import OWN_METHODS, Method
from lapilli.training.methods.curve_table import KEYS, curve_rows, curves_of_rows
from lapilli.training.methods.temporal import TemporalCurves, draw_curves, temporal_curves
from lapilli.training.methods.tks import TksConfig
from lapilli.training.recipes import curriculum, surrogate_gradient
from lapilli.training.recipes.curriculum import train_curriculum
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
from lapilli.training.studies.proven_runs import (
    LAVA_SAMPLES,
    PROVEN_SAMPLES,
    described,
    prove_run,
    resumed,
    row_of,
    study,
)


def seeds(file: str, out: str, seeds: int = 3, runs: str = "runs/studies", lava_samples: int = LAVA_SAMPLES) -> None:
    """Train a configuration for several seeds.

    Arguments:
        file: YAML file with options of `lapilli.training.recipes.surrogate_gradient.train`.
        out: CSV to write.
        seeds: how many, counted from 0.
        runs: folder of the runs.
        lava_samples: test samples that run on Lava too.
    """
    name = Path(file).stem
    options = read_options(file, surrogate_gradient.Options, SET_BY_STUDIES)
    found = study(out, Path(runs) / name, name, first_seeds(seeds), _command(), options, lava_samples)
    say_accuracies(found, "test accuracy after export")


def methods(
    file: str,
    out: str,
    methods: Sequence[str] = ("plain", "tet", "etc", "tks"),
    seeds: int = 3,
    runs: str = "runs/studies",
    lava_samples: int = LAVA_SAMPLES,
    rebinned_ms: Sequence[float] = (),
) -> None:
    """Train a configuration by several methods; beside the table, curves of accuracy over fewer frames.

    Arguments:
        file: YAML file with options of `lapilli.training.recipes.surrogate_gradient.train`.
        out: CSV to write; curves go to NAME_curves.csv and NAME_curves.svg beside it.
        methods: names of methods, each as published; or tks-waiting, tks-rising, which wait for late steps.
        seeds: how many, counted from 0.
        runs: folder of the runs.
        lava_samples: test samples that run on Lava too.
        rebinned_ms: bin widths of the second protocol, the whole recording in fewer bins.
    """
    name = Path(file).stem
    options = read_options(file, surrogate_gradient.Options, SET_BY_STUDIES)
    chosen = _chosen(methods, options.method)
    cases = [
        Case(seed, _command(), {"configuration": name, "method": method})
        for seed in first_seeds(seeds)
        for method in methods
    ]

    def folder(case: Case) -> Path:
        return Path(runs) / f"{name}-{case.options['method']}" / f"seed-{case.seed}"

    def measured(case: Case) -> list[Row]:
        own = replace(options, method=chosen[str(case.options["method"])], seed=case.seed)
        summary = resumed(folder(case), own)
        described_method = described(own) | {"method": case.options["method"]}
        return [described_method | row_of(folder(case), summary, own.data, lava_samples)]

    def curves(case: Case) -> list[Row]:
        return curve_rows(_curves(folder(case), options.data, rebinned_ms))

    found = collect(out, cases, measured)
    table = Path(out).with_name(f"{Path(out).stem}_curves.csv")
    rows = collect(table, cases, curves, KEYS)
    drawn = curves_of_rows([row for row in rows if row["configuration"] == name], "method")
    draw_curves(drawn, table.with_suffix(".svg"), f"{name}: trained with all frames, tested with fewer")
    say_accuracies(found, "test accuracy after export")


def chain(
    file: str,
    out: str,
    seeds: int = 3,
    runs: str = "runs/studies",
    lava_samples: int = LAVA_SAMPLES,
    methods: Sequence[str] = (),
) -> None:
    """Train a KDCL chain and its controls for several seeds.

    Arguments:
        file: YAML file with options of `lapilli.training.recipes.curriculum.train_curriculum`.
        out: CSV to write.
        seeds: how many, counted from 0.
        runs: folder of the runs.
        lava_samples: test samples that run on Lava too.
        methods: names of the networks' own methods, each as published, for a chain of its own; none: that of the file.
    """
    name = Path(file).stem
    options = read_options(file, curriculum.Options, SET_BY_STUDIES)
    own: Mapping[str, Method | None] = _chosen(methods, options.method) or {"": options.method}
    cases = [
        Case(seed, _command(), {"configuration": name} | ({"method": method} if method else {}))
        for seed in first_seeds(seeds)
        for method in own
    ]

    def measured(case: Case) -> list[Row]:
        method = str(case.options.get("method", ""))
        folder = Path(runs) / "-".join(filter(None, (name, method))) / f"seed-{case.seed}"
        mine = replace(options, method=own[method], seed=case.seed, lava_samples=lava_samples)
        return train_curriculum(folder, mine)

    say_accuracies(collect(out, cases, measured, ("stage", "bin_ms")), "test accuracy after export")


def prove(run_dir: str, samples: int = PROVEN_SAMPLES, lava_samples: int = LAVA_SAMPLES) -> None:
    """Show that the trained module, the reference, `fast` and Lava do the same with test samples.

    Arguments:
        run_dir: folder of a finished run.
        samples: that the module, the reference and `fast` run.
        lava_samples: that Lava runs too; 0: none.
    """
    run = finished_run(Path(run_dir))
    both = joined(run.task.test, run.task.validation)
    found = prove_run(run.folder.path, both, run.n_steps, lava_samples, samples)
    print("\n".join(f"{name.replace('_', ' ')}: {number}" for name, number in found.items()))


def _curves(folder: Path, data: DataConfig, rebinned_ms: Sequence[float]) -> TemporalCurves:
    network, test = load(RunFolder(folder).network), find_task(data, progress=True).test
    length = (data.framing.n_steps or test.n_steps) * (data.framing.bin_ms or 0)

    def events_at(width: float) -> Events:
        framing = replace(data.framing, bin_ms=width, n_steps=round(length / width))
        return find_task(replace(data, framing=framing), progress=True).test.events()

    return temporal_curves(network, test.events(), events_at if rebinned_ms else None, rebinned_ms)


TKS_VARIANTS: dict[str, Callable[..., Method]] = {
    "tks-waiting": partial(TksConfig, taught="from the first right"),
    "tks-rising": partial(TksConfig, step_weights="rising"),
}
"""TKS that waits for what only late steps can know: not as published."""


def _chosen(methods: Sequence[str], in_file: Method | None) -> dict[str, Method]:
    """Methods by name; all smooth the label's target as the file's method does, or a comparison would be of that."""
    known: dict[str, Callable[..., Method]] = {kind.name: kind for kind in OWN_METHODS} | TKS_VARIANTS
    for method in methods:
        if method not in known:
            raise LapilliError(f"methods: must be of {', '.join(known)}, got {method!r}")
    share = getattr(in_file, "label_smoothing", 0.0)
    return {method: known[method](label_smoothing=share) for method in methods}


def _command() -> str:
    return module_command("lapilli.training.studies")


def main() -> None:
    """Command line."""
    run_module("studies", [seeds, methods, chain, prove])


if __name__ == "__main__":
    main()
