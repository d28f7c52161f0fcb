"""The tables about S-TLLR in `results/`: the rule, its special cases and its controls on the very same network.

    python -m training.stllr.study rates FILE.yaml results/NAME_rates.csv --epochs 3
    python -m training.stllr.study table FILE.yaml results/NAME.csv results/NAME_rates.csv --seeds 3

With `--variants ladder` both go from the publication's algorithm towards a chip, one change at a time.

Learning rates are chosen on the validation part (`rates`), for each method its own; the test part is looked at in
tables only. A study that was stopped goes on where it was when started again.
"""

import shlex
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from jsonargparse import auto_cli

from netx_exports.errors import LapilliError
from simulators.provenance import read_csv
from training.run_folder import RunFolder
from training.seeds import Case, Row, collect, first_seeds
from training.stllr.config import (
    INTEGER_UNIT,
    MethodConfig,
    OnlineNetworkConfig,
    RuleConfig,
    UnrolledConfig,
    ottt,
    sltt,
)
from training.stllr.recipe import DEFAULT_ONLINE_OPTIMIZER, OnlineOptimizerConfig, OnlineSummary, train_stllr
from training.studies import read_options

CUT = 10
"""Steps of truncated back-propagation through time."""

DELAY = 3
"""Steps that the error of the ladder takes: readout, error neuron, and the way back."""

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


Variant = Mapping[str, Any]
"""Options of `train_stllr` in which one of the compared trainings differs from the configuration file."""

VariantsName = Literal["methods", "ladder"]


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


def rungs_of(
    rule: RuleConfig, network: OnlineNetworkConfig, optimizer: OnlineOptimizerConfig
) -> dict[str, dict[str, Any]]:
    """From the publication's algorithm towards a chip: each rung is the one above with one more change.

    A chip resets to zero, so the last rung does too: its neurons are those that are exported.
    """
    straight = replace(rule, signal="dfa")
    late = replace(straight, error_delay=DELAY)
    single = replace(optimizer, kind="sgd", batch_size=1)
    whole = round(network.threshold * INTEGER_UNIT) / INTEGER_UNIT
    integers = replace(network, arithmetic="integer", reset="zero", threshold=whole, bias=False)
    return {
        "1 bp": {"method": replace(rule, signal="bp")},
        "2 dfa": {"method": straight},
        f"3 error {DELAY} steps late": {"method": late},
        "4 gradient descent, batch 1": {"method": late, "optimizer": single},
        "5 weights of 8 bits, integers": {"method": late, "optimizer": single, "network": integers},
    }


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
        file: YAML file with options of `training.stllr.recipe.train_stllr`.
        out: CSV to write.
        epochs: of each training.
        tried: learning rates.
        variants: what is compared: rule and controls, or the rungs of the ladder.
        only: names of variants; none: all.
        runs: folder of the runs.
    """
    name, options, known = _read(file, variants)
    cases = [
        Case(SELECTING_SEED, _command(), {"configuration": name, "method": method, "lr": rate, "epochs": epochs})
        for method in _chosen(known, only)
        for rate in tried
    ]

    def measured(case: Case) -> list[Row]:
        method, rate = str(case.options["method"]), float(str(case.options["lr"]))
        own = {**_trained(options, known[method], rate, epochs), "watch_test": False}
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
        file: YAML file with options of `training.stllr.recipe.train_stllr`.
        out: CSV to write.
        rates: table of `rates` for the same configuration.
        seeds: how many, counted from 0.
        epochs: of each training; none: as the file says.
        variants: what is compared: rule and controls, or the rungs of the ladder.
        only: names of variants; none: all.
        runs: folder of the runs.
    """
    name, options, known = _read(file, variants)
    epochs = epochs or options.get("optimizer", DEFAULT_ONLINE_OPTIMIZER).max_epochs
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


def _read(file: str, variants: VariantsName) -> tuple[str, dict[str, Any], dict[str, Variant]]:
    options = read_options(file, train_stllr)
    rule = options.get("method")
    if not isinstance(rule, RuleConfig):
        raise LapilliError(f"{file}: method.name must be s-tllr, from which the others take Ψ and window")
    if variants == "methods":
        return Path(file).stem, options, {name: {"method": method} for name, method in methods_of(rule).items()}
    return Path(file).stem, options, dict(rungs_of(rule, options["network"], options["optimizer"]))


def _chosen(known: Mapping[str, Variant], only: Sequence[str]) -> list[str]:
    for name in only:
        if name not in known:
            raise LapilliError(f"only: must be of {'; '.join(known)}, got {name!r}")
    return list(only) or list(known)


def _trained(options: Mapping[str, Any], variant: Variant, rate: float, epochs: int) -> dict[str, Any]:
    own = {**options, **variant}
    optimizer = own.get("optimizer", DEFAULT_ONLINE_OPTIMIZER)
    return {**own, "optimizer": replace(optimizer, lr=rate, max_epochs=epochs)}


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
