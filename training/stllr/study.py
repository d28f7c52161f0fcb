"""The tables about S-TLLR in `results/`: the rule, its special cases and its controls on the very same network.

    python -m training.stllr.study rates FILE.yaml results/NAME_rates.csv --epochs 3
    python -m training.stllr.study table FILE.yaml results/NAME.csv --rates results/NAME_rates.csv --seeds 3

Learning rates are chosen on the validation part (`rates`), for each method its own; the test part is looked at in
tables only. A study that was stopped goes on where it was when started again.
"""

import shlex
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jsonargparse import auto_cli

from netx_exports.errors import LapilliError
from simulators.provenance import read_csv
from training.run_folder import RunFolder
from training.seeds import Case, Row, collect, first_seeds
from training.stllr.config import MethodConfig, RuleConfig, UnrolledConfig, ottt, sltt
from training.stllr.recipe import DEFAULT_ONLINE_OPTIMIZER, OnlineSummary, train_stllr
from training.studies import read_options

CUT = 10
"""Steps of truncated back-propagation through time."""

SELECTING_SEED = 1000
"""Of the runs that choose a learning rate; no seed of a table."""

PUBLISHED: Mapping[str, str] = {
    "s-tllr, a_post -1": "74.69 ± 0.47",
    "s-tllr, a_post 0": "77.09 ± 0.33",
    "s-tllr, a_post +1": "78.23 ± 1.84",
    "s-tllr, dfa": "74.60 ± 0.52",
    "bptt": "70.57 ± 0.96",
}
"""Percent on SHD itself, 700-450-20, best test epoch, second-hand; our data are another draw with another split."""


def methods_of(rule: RuleConfig) -> dict[str, MethodConfig]:
    """Rule, special cases and controls with the same Ψ and window, by name."""
    common: dict[str, Any] = {"psi": rule.psi, "window": rule.window}
    return {
        "s-tllr, a_post -1": replace(rule, a_post=-1.0),
        "s-tllr, a_post 0": replace(rule, a_post=0.0),
        "s-tllr, a_post +1": replace(rule, a_post=1.0),
        "s-tllr, dfa": replace(rule, signal="dfa"),
        "ottt": ottt(**common),
        "sltt": sltt(**common),
        f"truncated bptt, {CUT} steps": UnrolledConfig(steps=CUT, **common),
        "bptt": UnrolledConfig(**common),
    }


def rates(
    file: str,
    out: str,
    epochs: int = 3,
    tried: Sequence[float] = (3e-4, 1e-3, 3e-3),
    methods: Sequence[str] = (),
    runs: str = "runs/stllr",
) -> None:
    """Train each method with several learning rates, and look at the validation part.

    Arguments:
        file: YAML file with options of `training.stllr.recipe.train_stllr`.
        out: CSV to write.
        epochs: of each training.
        tried: learning rates.
        methods: names of methods; none: all.
        runs: folder of the runs.
    """
    name, options, known = _read(file)
    cases = [
        Case(SELECTING_SEED, _command(), {"configuration": name, "method": method, "lr": rate, "epochs": epochs})
        for method in _chosen(known, methods)
        for rate in tried
    ]

    def measured(case: Case) -> list[Row]:
        method, rate = str(case.options["method"]), float(str(case.options["lr"]))
        own = _with_rate(options, rate) | {"method": known[method], "watch_test": False}
        own["optimizer"] = replace(own["optimizer"], max_epochs=epochs)
        folder = Path(runs) / "rates" / name / f"{_plain(method)}-{rate:g}-{epochs}"
        try:
            summary = _resumed(folder, seed=case.seed, **own)
        except LapilliError as error:
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
    file: str, out: str, rates: str, seeds: int = 3, methods: Sequence[str] = (), runs: str = "runs/stllr"
) -> None:
    """Train each method for several seeds, with the learning rate that was best on the validation part.

    Arguments:
        file: YAML file with options of `training.stllr.recipe.train_stllr`.
        out: CSV to write.
        rates: table of `rates` for the same configuration.
        seeds: how many, counted from 0.
        methods: names of methods; none: all.
        runs: folder of the runs.
    """
    name, options, known = _read(file)
    best = best_rates(rates, name)
    chosen = _chosen(known, methods)
    if missing := [method for method in chosen if method not in best]:
        raise LapilliError(f"rates: {rates} has no learning rate of {', '.join(missing)} for {name}")
    cases = [
        Case(seed, _command(), {"configuration": name, "method": method})
        for seed in first_seeds(seeds)
        for method in chosen
    ]

    def measured(case: Case) -> list[Row]:
        method = str(case.options["method"])
        folder = Path(runs) / name / _plain(method) / f"seed-{case.seed}"
        own = _with_rate(options, best[method]) | {"method": known[method]}
        summary = _resumed(folder, seed=case.seed, **own)
        return [_row(summary, best[method]) | {"published_on_shd": PUBLISHED.get(method, "") if "shd" in name else ""}]

    _say(collect(out, cases, measured))


def best_rates(rates: str, configuration: str) -> dict[str, float]:
    """The learning rate of each method with the highest accuracy on the validation part; of equal ones the smaller.

    Raises:
        LapilliError: when the file cannot be read or is no such table.
    """
    found: dict[str, tuple[float, float]] = {}
    for row in read_csv(rates):
        try:
            if row["configuration"] == configuration:
                reached = (float(row["validation_accuracy"]), -float(row["lr"]))
                found[row["method"]] = max(found.get(row["method"], reached), reached)
        except (KeyError, ValueError) as error:
            raise LapilliError(f"{rates} is no table of learning rates ({error})") from error
    return {method: -rate for method, (_, rate) in found.items()}


def _read(file: str) -> tuple[str, dict[str, Any], dict[str, MethodConfig]]:
    options = read_options(file, train_stllr)
    rule = options.get("method")
    if not isinstance(rule, RuleConfig):
        raise LapilliError(f"{file}: method.name must be s-tllr, from which the others take Ψ and window")
    return Path(file).stem, options, methods_of(rule)


def _chosen(known: Mapping[str, MethodConfig], methods: Sequence[str]) -> list[str]:
    for method in methods:
        if method not in known:
            raise LapilliError(f"methods: must be of {'; '.join(known)}, got {method!r}")
    return list(methods) or list(known)


def _with_rate(options: Mapping[str, Any], rate: float) -> dict[str, Any]:
    optimizer = options.get("optimizer", DEFAULT_ONLINE_OPTIMIZER)
    return {**options, "optimizer": replace(optimizer, lr=rate)}


def _resumed(folder: Path, **options: Any) -> OnlineSummary:
    """Train, or go on with a training that was stopped."""
    return train_stllr(folder, resume=RunFolder(folder).config.exists(), **options)


def _row(summary: OnlineSummary, rate: float) -> Row:
    watched = summary.best_test_epoch_accuracy
    return {
        "lr": rate,
        "test_accuracy": round(summary.test_accuracy, 6),
        "best_test_epoch_accuracy": "" if watched is None else round(watched, 6),
        "validation_accuracy": round(summary.validation_accuracy, 6),
        "train_accuracy": round(summary.train_accuracy, 6),
        "steps": summary.n_steps,
        "epochs": summary.epochs,
        "seconds": round(summary.seconds),
        "trained_commit": summary.commit,
        "fingerprint": (summary.fingerprint or "")[:16],
    }


def _plain(name: str) -> str:
    return name.replace(",", "").replace("+", "plus ").replace(" ", "-")


def _command() -> str:
    return shlex.join(["python", "-m", "training.stllr.study", *sys.argv[1:]])


def _say(rows: Sequence[Row]) -> None:
    """Mean and spread of what was measured, by what differs beside the seed."""
    by_case: dict[str, list[float]] = {}
    for row in rows:
        by_case.setdefault(str(row["case"]), []).append(100 * float(str(row["test_accuracy"])))
    for case, values in by_case.items():
        spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
        print(f"{case}: test accuracy {statistics.mean(values):.2f}{spread} % ({len(values)} seeds)")


def main() -> None:
    """Command line."""
    try:
        auto_cli([rates, table], as_positional=True)
    except LapilliError as error:
        sys.exit(f"study: {error}")


if __name__ == "__main__":
    main()
