"""Controls and variants of networks of one time step: the same training with options of the network changed."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lapilli.netx_exports.errors import LapilliError, UnsupportedError
from lapilli.training.loop.run_folder import RunFolder, read_metrics
from lapilli.training.networks.one_step.config import OneStepConfig
from lapilli.training.recipes.surrogate_gradient import Options
from lapilli.training.studies.collect import Row
from lapilli.training.studies.proven_runs import described, resumed, row_of

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "omega": {},
    "sum": {"fusion": "sum"},
    "no carry": {"fusion": "none"},
    "whole maps": {"groups": 1, "fusion": "none"},
    "strict": {"form": "strict"},
    "ReLU": {"form": "ann"},
    "own window before": {"fusion": "group"},
    "layer below": {"fusion": "layer"},
    "halves": {"groups": 2},
    "plain windows": {"dilated": False},
    "theta 1/4": {"theta": 0.25},
    "theta 1": {"theta": 1.0},
    "median": {"join": "median"},
    "Bernoulli in training": {"encoder": "bernoulli"},
    "no gradient through the encoder": {"encoder_gradient": False},
    "ReLU in the MLP": {"activation": "relu"},
    "no batch norm": {"norm": "none"},
    "projection of the code": {"omega_form": "code"},
    "LSTM": {"mixer": "lstm"},
    "LSTM, one direction": {"mixer": "lstm", "directions": 1},
    "RNN": {"mixer": "rnn"},
    "GRU": {"mixer": "gru"},
}
"""Options of the network in which each differs from the configuration file; the first six are the controls.

"whole maps" is a network of plain LIF neurons and one step. "ReLU" is the same graph without spikes. The last five have
no exported network: their rows have what the module reached.
"""

CONTROLS = tuple(VARIANTS)[:6]


def varied(options: Options, variant: str, seed: int) -> Options:
    """The training of a variant.

    Raises:
        LapilliError: for a name that is none, or a network of another kind.
    """
    if variant not in VARIANTS:
        raise LapilliError(f"only: must be of {'; '.join(VARIANTS)}, got {variant!r}")
    if not isinstance(options.network, OneStepConfig):
        raise LapilliError(f"network: must be one_step, got {options.network.name}")
    return replace(options, network=replace(options.network, **VARIANTS[variant]), seed=seed)


def measured(folder: Path, options: Options, lava_samples: int) -> list[Row]:
    """Train, or go on; a network that can be exported is proven and measured after export.

    Raises:
        LapilliError: as `train`; when a backend differs from another.
    """
    try:
        summary = resumed(folder, options)
    except UnsupportedError:
        return [described(options) | _of_module(folder)]
    return [described(options) | row_of(folder, summary, options.data, lava_samples)]


def _of_module(folder: Path) -> Row:
    """What the module reached after the last epoch: a network whose parts are in floating point has no exported one."""
    rows = read_metrics(RunFolder(folder))
    return {
        "validation_accuracy": round(rows[-1]["validation_accuracy"], 6),
        "test_accuracy": round(rows[-1]["test_accuracy"], 6),
        "best_test_epoch_accuracy": round(max(row["test_accuracy"] for row in rows), 6),
        "epochs": len(rows),
        "training_seconds": round(sum(row["seconds"] for row in rows)),
    }
