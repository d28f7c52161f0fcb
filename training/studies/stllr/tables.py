"""The tables about S-TLLR in `results/`: the rule, its special cases and its controls on the very same network.

    python -m lapilli.training.studies.stllr.tables rates FILE.yaml results/NAME_rates.csv --epochs 3
    python -m lapilli.training.studies.stllr.tables table FILE.yaml results/NAME.csv results/NAME_rates.csv --seeds 3
    python -m lapilli.training.studies.stllr.tables draw  results/NAME.csv results/NAME.svg

With `--variants ladder` both go from the publication's algorithm towards a chip, a change at a time; with `--variants
controls` gradients leave out one part each, to see which part the rules lack.

Learning rates are chosen on the validation part (`rates`), for each method its own; the test part is looked at in
tables only. A study that was stopped goes on where it was when started again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.evidence.provenance import read_csv
from lapilli.training.loop.run_folder import RunFolder
from lapilli.training.recipes.stllr import OnlineSummary, Options
from lapilli.training.stllr.errors import UnusableRateError
from lapilli.training.studies.collect import Case, Row, collect, first_seeds, module_command, run_module, say_accuracies
from lapilli.training.studies.stllr.pictures import draw_accuracies
from lapilli.training.studies.stllr.rule_file import read_rule
from lapilli.training.studies.stllr.variants import PUBLISHED, Variant, VariantsName, controls_of, methods_of, rungs_of

SELECTING_SEED = 1000
"""Of the runs that choose a learning rate; no seed of a table."""


def rates(
    file: str,
    out: str,
    epochs: int = 3,
    tried: Sequence[float] = (3e-4, 1e-3, 3e-3),
    variants: VariantsName = "methods",
    only: Sequence[str] = (),
    runs: str = "runs/stllr",
) -> None:
    """Train each variant with several learning rates, and look at the validation part.

    Arguments:
        file: YAML file with options of `lapilli.training.recipes.stllr.train_stllr`.
        out: CSV to write.
        epochs: of each training.
        tried: learning rates.
        variants: what is compared: rule and controls, further controls, or the rungs of the ladder.
        only: names of variants; none: all.
        runs: folder of the runs.
    """
    name, options, known = _read(file, variants)
    if not tried:
        raise LapilliError("tried: needs at least one learning rate")
    cases = [
        Case(SELECTING_SEED, _command(), {"configuration": name, "method": method, "lr": rate, "epochs": epochs})
        for method in _chosen(known, only)
        for rate in tried
    ]

    def measured(case: Case) -> list[Row]:
        method, rate = str(case.options["method"]), float(str(case.options["lr"]))
        own = replace(_trained(options, known[method], rate, epochs), watch_test=False, seed=case.seed)
        folder = Path(runs) / "rates" / name / f"{_plain(method)}-{rate:g}-{epochs}"
        try:
            summary = _resumed(known[method], folder, own)
        except UnusableRateError as error:
            # A rate at which a method falls apart is a rate not to choose.
            return [{"validation_accuracy": 0.0, "train_accuracy": 0.0, "seconds": 0, "failed": str(error)}]
        return [
            {
                "validation_accuracy": round(summary.validation_accuracy, 6),
                "train_accuracy": round(summary.train_accuracy, 6),
                "seconds": round(summary.seconds),
                "failed": "",
            }
        ]

    for row in collect(out, cases, measured):
        print(f"{row['method']}, lr {row['lr']}: validation {100 * float(str(row['validation_accuracy'])):.2f} %")


def table(
    file: str,
    out: str,
    rates: str,
    seeds: int = 3,
    epochs: int | None = None,
    variants: VariantsName = "methods",
    only: Sequence[str] = (),
    runs: str = "runs/stllr",
) -> None:
    """Train each variant for several seeds, with the learning rate that was best on the validation part.

    Arguments:
        file: YAML file with options of `lapilli.training.recipes.stllr.train_stllr`.
        out: CSV to write.
        rates: table of `rates` for the same configuration.
        seeds: how many, counted from 0.
        epochs: of each training; none: as the file says.
        variants: what is compared: rule and controls, further controls, or the rungs of the ladder.
        only: names of variants; none: all.
        runs: folder of the runs.
    """
    name, options, known = _read(file, variants)
    if epochs is None:
        epochs = options.optimizer.max_epochs
    best = best_rates(rates, name)
    chosen = _chosen(known, only)
    if missing := [method for method in chosen if method not in best]:
        raise LapilliError(f"rates: {rates} has no learning rate of {', '.join(missing)} for {name}")
    cases = [
        Case(seed, _command(), {"configuration": name, "method": method, "epochs": epochs})
        for seed in first_seeds(seeds)
        for method in chosen
    ]

    def measured(case: Case) -> list[Row]:
        method = str(case.options["method"])
        folder = Path(runs) / f"{name}-{epochs}" / _plain(method) / f"seed-{case.seed}"
        own = _trained(options, known[method], best[method], epochs)
        summary = _resumed(known[method], folder, replace(own, seed=case.seed))
        return [_row(summary, best[method]) | {"published_on_shd": PUBLISHED.get(method, "") if "shd" in name else ""}]

    say_accuracies(collect(out, cases, measured), "test accuracy")


def draw(table: str, out: str) -> None:
    """Draw the test accuracies of a table: a dot for each seed, mean and standard deviation as a bar.

    Arguments:
        table: CSV of `table`.
        out: SVG or PNG to write.

    Raises:
        LapilliError: when the table cannot be read or is none, or the picture cannot be written.
    """
    found: dict[str, list[float]] = {}
    try:
        for row in read_csv(table):
            found.setdefault(row["method"], []).append(_share(row["test_accuracy"]))
    except (KeyError, ValueError) as error:
        raise LapilliError(f"{table} is no table of test accuracies ({error})") from error
    if not found:
        raise LapilliError(f"{table} has no rows")
    draw_accuracies(found, out, Path(table).stem)


def _share(text: str) -> float:
    """Percent of an accuracy, 0…1."""
    if not 0 <= float(text) <= 1:
        raise ValueError(f"an accuracy of {text}")
    return 100 * float(text)


def best_rates(rates: str, configuration: str) -> dict[str, float]:
    """The learning rate of each method with the highest accuracy on the validation part; of equal ones the smaller.

    Trainings that failed do not count; a method of which all failed is not there.

    Raises:
        LapilliError: when the file cannot be read or is no such table.
    """
    found: dict[str, tuple[float, float]] = {}
    for row in read_csv(rates):
        try:
            if row["configuration"] == configuration and not row.get("failed"):
                reached = (float(row["validation_accuracy"]), -float(row["lr"]))
                found[row["method"]] = max(found.get(row["method"], reached), reached)
        except (KeyError, ValueError) as error:
            raise LapilliError(f"{rates} is no table of learning rates ({error})") from error
    return {method: -rate for method, (_, rate) in found.items()}


def _read(file: str, variants: VariantsName) -> tuple[str, Options, dict[str, Variant]]:
    options, rule = read_rule(file)
    if variants != "ladder":
        known = {"methods": methods_of, "controls": controls_of}[variants](rule)
        return Path(file).stem, options, {method: Variant({"method": config}) for method, config in known.items()}
    return Path(file).stem, options, rungs_of(rule, options.network, options.optimizer)


def _chosen(known: Mapping[str, Variant], only: Sequence[str]) -> list[str]:
    for name in only:
        if name not in known:
            raise LapilliError(f"only: must be of {'; '.join(known)}, got {name!r}")
    return list(only) or list(known)


def _trained(options: Options, variant: Variant, rate: float, epochs: int) -> Options:
    own = replace(options, **variant.options)
    return replace(own, optimizer=replace(own.optimizer, lr=rate, max_epochs=epochs))


def _resumed(variant: Variant, folder: Path, options: Options) -> OnlineSummary:
    """Train, or go on with a training that was stopped."""
    return variant.trains(folder, options, resume=RunFolder(folder).config.exists())


def _row(summary: OnlineSummary, rate: float) -> Row:
    watched = summary.best_test_epoch_accuracy
    return {
        "lr": rate,
        "test_accuracy": round(summary.test_accuracy, 6),
        "best_test_epoch_accuracy": "" if watched is None else round(watched, 6),
        "validation_accuracy": round(summary.validation_accuracy, 6),
        "train_accuracy": round(summary.train_accuracy, 6),
        "steps": summary.n_steps,
        "seconds": round(summary.seconds),
        "fingerprint": (summary.fingerprint or "")[:16],
    }


def _plain(name: str) -> str:
    return name.replace(",", "").replace("+", "plus ").replace(" ", "-")


def _command() -> str:
    return module_command("lapilli.training.studies.stllr.tables")


if __name__ == "__main__":
    run_module("study", [rates, table, draw])
