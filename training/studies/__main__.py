"""The studies behind `results/`: trainings of several seeds, methods or bin widths, proven and measured, into a table.

    python -m lapilli.training.studies seeds  FILE.yaml results/NAME.csv --seeds 3
    python -m lapilli.training.studies methods FILE.yaml results/NAME.csv --seeds 3 --methods "[plain,tet,etc,tks]"
    python -m lapilli.training.studies chain  FILE.yaml results/NAME.csv --seeds 3

A study that was stopped goes on where it was when started again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser
from yaml import YAMLError, safe_load

from lapilli.netx_exports import load
from lapilli.netx_exports.errors import FormatError, LapilliError
from lapilli.netx_exports.files import existing_file
from lapilli.simulators import Events
from lapilli.training.data.tasks import DataConfig, find_task
from lapilli.training.loop.run_folder import RunFolder
from lapilli.training.methods import (
    ConfidenceConfig,
    EtcConfig,
    OwnConfig,
    PlainConfig,
    SoftmaxSumConfig,
    TetConfig,
    TksConfig,
)
from lapilli.training.methods.curve_table import KEYS, curve_rows, curves_of_rows
from lapilli.training.methods.temporal import TemporalCurves, draw_curves, temporal_curves
from lapilli.training.recipes.curriculum import train_curriculum
from lapilli.training.recipes.surrogate_gradient import train
from lapilli.training.studies.collect import Case, Row, collect, first_seeds, module_command, run_module, say_accuracies
from lapilli.training.studies.proven_runs import LAVA_SAMPLES, described, resumed, row_of, study

METHODS: Mapping[str, Callable[[], OwnConfig]] = {
    "plain": PlainConfig,
    "softmax_sum": SoftmaxSumConfig,
    "tet": TetConfig,
    "etc": EtcConfig,
    "tks": TksConfig,
    "confidence": ConfidenceConfig,
}
"""Methods as published, by name."""

_OWN = ("run_dir", "seed", "resume", "progress")
"""Options of recipes that a study sets, whatever stands in a file."""


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
    found = study(
        out, Path(runs) / name, name, first_seeds(seeds), _command(), lava_samples, **read_options(file, train)
    )
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
        methods: names of methods, each as published.
        seeds: how many, counted from 0.
        runs: folder of the runs.
        lava_samples: test samples that run on Lava too.
        rebinned_ms: bin widths of the second protocol, the whole recording in fewer bins.
    """
    name = Path(file).stem
    options = read_options(file, train)
    chosen = _chosen(methods, options)
    cases = [
        Case(seed, _command(), {"configuration": name, "method": method})
        for seed in first_seeds(seeds)
        for method in methods
    ]

    def folder(case: Case) -> Path:
        return Path(runs) / f"{name}-{case.options['method']}" / f"seed-{case.seed}"

    def measured(case: Case) -> list[Row]:
        own = {**options, "method": chosen[str(case.options["method"])]}
        summary = resumed(folder(case), seed=case.seed, **own)
        return [described(own) | row_of(folder(case), summary, own["data"], lava_samples)]

    def curves(case: Case) -> list[Row]:
        return curve_rows(_curves(folder(case), options["data"], rebinned_ms))

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
    options = read_options(file, train_curriculum)
    options.pop("lava_samples", None)
    own: Mapping[str, OwnConfig | None] = _chosen(methods, options) or {"": options.get("method")}
    cases = [
        Case(seed, _command(), {"configuration": name} | ({"method": method} if method else {}))
        for seed in first_seeds(seeds)
        for method in own
    ]

    def measured(case: Case) -> list[Row]:
        method = str(case.options.get("method", ""))
        folder = Path(runs) / "-".join(filter(None, (name, method))) / f"seed-{case.seed}"
        mine = {**options, "method": own[method]}
        return train_curriculum(folder, seed=case.seed, lava_samples=lava_samples, **mine)

    say_accuracies(collect(out, cases, measured, ("stage", "bin_ms")), "test accuracy after export")


def read_options(file: str, recipe: Callable[..., Any]) -> dict[str, Any]:
    """Options of a recipe out of a YAML file, as the objects that the recipe takes; without those that a study sets.

    Raises:
        LapilliError: when the file cannot be read.
        FormatError: for unknown options and values of the wrong type.
    """
    try:
        content = safe_load(existing_file(file).read_text(encoding="utf-8")) or {}
        if not isinstance(content, dict):
            raise LapilliError(f"must be a mapping, got {type(content).__name__}")
        chosen = {name: value for name, value in content.items() if name not in _OWN}
        if isinstance(chosen.get("method"), dict) and "name" not in chosen["method"]:
            # The parser would take the first method that has such options.
            raise LapilliError("method.name: missing; it says which method has these options")
        parser = ArgumentParser(exit_on_error=False)
        parser.add_function_arguments(recipe, as_group=False, skip=set(_OWN))
        parsed = parser.instantiate(parser.parse_object(chosen))
    except (ArgumentError, YAMLError, UnicodeDecodeError, LapilliError) as error:
        raise FormatError(file, [" ".join(str(error).split())]) from error
    return dict(parsed.items())


def _curves(folder: Path, data: DataConfig, rebinned_ms: Sequence[float]) -> TemporalCurves:
    network, test = load(RunFolder(folder).network), find_task(data, progress=True).test
    length = (data.framing.n_steps or test.n_steps) * (data.framing.bin_ms or 0)

    def events_at(width: float) -> Events:
        framing = replace(data.framing, bin_ms=width, n_steps=round(length / width))
        return find_task(replace(data, framing=framing), progress=True).test.events()

    return temporal_curves(network, test.events(), events_at if rebinned_ms else None, rebinned_ms)


def _chosen(methods: Sequence[str], options: Mapping[str, Any]) -> dict[str, OwnConfig]:
    """Methods by name; all smooth the label's target as the file's method does, or a comparison would be of that."""
    for method in methods:
        if method not in METHODS:
            raise LapilliError(f"methods: must be of {', '.join(METHODS)}, got {method!r}")
    share = getattr(options.get("method"), "label_smoothing", 0.0)
    return {method: replace(METHODS[method](), label_smoothing=share) for method in methods}


def _command() -> str:
    return module_command("lapilli.training.studies")


def main() -> None:
    """Command line."""
    run_module("studies", [seeds, methods, chain])


if __name__ == "__main__":
    main()
