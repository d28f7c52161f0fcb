"""The folder of a training run: what may be in it, and how each file gets there whole.

* `config.yaml`: the resolved configuration; with it alone the run can be repeated.
* `metrics.csv`: one row for each finished epoch.
* `checkpoint.safetensors`: everything needed to go on after the last finished epoch.
* `weights.safetensors`: the best weights, written at the end.
* `model.net`: the exported network, written at the end.
* `summary.json`: accuracies, versions, time, written at the end.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from lapilli.netx_exports.errors import FormatError, LapilliError
from lapilli.netx_exports.files import PathLike, existing_file, is_leftover, remove_leftovers, replacing
from lapilli.netx_exports.json_text import read_json
from lapilli.netx_exports.locks import locked
from lapilli.simulators.configurations import as_plain, configured
from lapilli.simulators.evidence.provenance import read_csv
from lapilli.simulators.files.plain_yaml import parse_yaml, write_yaml
from lapilli.training.loop.folder import RunFolder as RunFolder
from lapilli.training.loop.folder import read_config as read_config

_LOCK = ".lock"
"""There while a process works in the folder."""

_FACTS = "lapilli"
"""Entry of the weights file's metadata that holds the facts as JSON."""


@contextmanager
def run_in(
    path: PathLike, config: Mapping[str, Any], resume: bool, kind: type[Any] | None = None
) -> Iterator[RunFolder]:
    """`start_run`, and nobody else works in the folder while this is open.

    Raises:
        InUseError: when another process does, with its number.
        LapilliError: as `start_run`.
    """
    folder = RunFolder(Path(path))
    if not resume:
        make(folder.path)
    elif not folder.config.is_file():
        raise LapilliError(f"nothing to resume: {folder.path} has no {folder.config.name}")
    with locked(folder.path / _LOCK, f"run folder {folder.path}"):
        yield start_run(path, config, resume, kind)


def start_run(path: PathLike, config: Mapping[str, Any], resume: bool, kind: type[Any] | None = None) -> RunFolder:
    """Make a run folder, or check that an existing one is of the same run.

    Arguments:
        path: the folder; its parents are made too.
        config: resolved configuration, plain values only.
        resume: whether to continue what is there.
        kind: of the configuration. An option that is newer than the run in the folder had its default there.

    Raises:
        LapilliError: when the folder cannot be written, is not empty without `resume`, holds no run with `resume`, or
            holds one with another configuration (naming the keys that differ).
    """
    folder = RunFolder(Path(path))
    if resume:
        _check_same_run(folder, config, kind)
        remove_leftovers(folder.path)
        return folder
    make_empty(folder.path)
    remove_leftovers(folder.path)
    with replacing(folder.config) as temporary:
        temporary.write_text(write_yaml(config), encoding="utf-8")
    return folder


def write_metrics(folder: RunFolder, rows: Sequence[Mapping[str, float]]) -> None:
    """Write the whole table anew.

    Raises:
        LapilliError: when the file cannot be written.
    """
    with replacing(folder.metrics) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_metrics(folder: RunFolder) -> list[dict[str, float]]:
    """The rows of the finished epochs.

    Raises:
        LapilliError: when the file cannot be read.
    """
    try:
        return [{key: float(value) for key, value in row.items()} for row in read_csv(folder.metrics)]
    except ValueError as error:
        raise FormatError(str(folder.metrics), [str(error)]) from error


def write_weights(folder: RunFolder, weights: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
    """Write weights, with facts that a reader needs to rebuild the module. Equal content gives equal bytes.

    Raises:
        LapilliError: when the file cannot be written.
    """
    contiguous = {name: tensor.contiguous() for name, tensor in weights.items()}
    with replacing(folder.weights) as temporary:
        # One entry: safetensors writes several in an order that changes from run to run.
        safetensors.torch.save_file(contiguous, temporary, {_FACTS: json.dumps(facts, sort_keys=True)})


def read_weights(folder: RunFolder) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Weights and facts.

    Raises:
        LapilliError: when the run has no weights yet.
        FormatError: when the file is damaged, or holds a number that is not finite.
    """
    if not folder.weights.is_file():
        raise LapilliError(f"run {folder.path} is not finished: it has no {folder.weights.name}; resume it first")
    try:
        with safetensors.safe_open(existing_file(folder.weights), "pt") as opened:
            facts = read_json((opened.metadata() or {}).get(_FACTS, "{}"))
            names = list(opened.keys())
            weights = {name: opened.get_tensor(name) for name in names}
    except (safetensors.SafetensorError, ValueError, TypeError) as error:
        raise FormatError(
            str(folder.weights), [f"not a weights file of lapilli, or a damaged one ({error})"]
        ) from error
    if broken := [name for name, tensor in weights.items() if not tensor.isfinite().all()]:
        raise FormatError(str(folder.weights), [f"{name} must hold finite numbers" for name in broken])
    return weights, dict(facts)


def write_summary(folder: RunFolder, summary: Mapping[str, Any]) -> None:
    """Write the summary.

    Raises:
        LapilliError: when the file cannot be written.
    """
    with replacing(folder.summary) as temporary:
        temporary.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


def make(path: PathLike) -> bool:
    """Make a folder; whether something is in it, but for what a kill in the middle of a write leaves behind.

    Raises:
        LapilliError: when it cannot be made.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return any(file.name != _LOCK and not is_leftover(file) for file in folder.iterdir())
    except OSError as error:
        raise LapilliError(f"cannot make run folder {folder}: {error.strerror or error}") from error


def make_empty(path: PathLike) -> None:
    """Make a folder for a new run.

    Raises:
        LapilliError: when it cannot be made, or something is in it.
    """
    if make(path):
        run = (
            "; --resume goes on with the run in it,"
            if RunFolder(Path(path)).config.is_file()
            else ", and holds no run;"
        )
        raise LapilliError(f"run folder {path} is not empty{run} --run-dir names another")


def _check_same_run(folder: RunFolder, config: Mapping[str, Any], kind: type[Any] | None) -> None:
    if not folder.config.is_file():
        raise LapilliError(f"nothing to resume: {folder.path} has no {folder.config.name}")
    before = read_config(folder)
    if kind is not None:
        before |= as_plain(configured(kind, {key: before[key] for key in _names(kind) & set(before)}, folder.config))
    before, now = _flat(_of_yaml(before)), _flat(_of_yaml(config))
    differences = [
        f"{key} is {now.get(key, 'missing')} but was {before.get(key, 'missing')}"
        for key in {**before, **now}
        if before.get(key, "missing") != now.get(key, "missing")
    ]
    if differences:
        raise LapilliError(
            f"cannot resume {folder.path} with another configuration than {folder.config}: {'; '.join(differences)}"
        )


def _names(kind: type[Any]) -> set[str]:
    return {field.name for field in fields(kind)}


def _of_yaml(config: Mapping[str, Any]) -> Any:
    """As a file gives it back: tuples are lists."""
    return parse_yaml(write_yaml(config), "config")


def _flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """{"optimizer.lr": 0.01} of {"optimizer": {"lr": 0.01}}."""
    if not isinstance(tree, Mapping):
        return {prefix: tree}
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{prefix}.{key}" if prefix else str(key))
    return flat
