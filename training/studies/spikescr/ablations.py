"""What the parts of SpikeSCR are good for: the same training with a part changed, on validation speakers."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lapilli.netx_exports.errors import LapilliError, UnsupportedError
from lapilli.training.exported.export import load_module
from lapilli.training.loop.run_folder import RunFolder, read_metrics
from lapilli.training.networks.spikescr.config import FULL, SpikeScrConfig
from lapilli.training.recipes.surrogate_gradient import Options
from lapilli.training.studies.collect import Row
from lapilli.training.studies.proven_runs import resumed

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "causal (W = 0)": {},
    "W = 10": {"look_ahead": 10},
    "W = 20": {"look_ahead": 20},
    "W = 50": {"look_ahead": 50},
    "W = T": {"look_ahead": FULL},
    "W = T, centred convolutions": {"look_ahead": FULL, "convolutions": "centred"},
    "no rotary positions": {"rotary": False},
    "no gated convolution": {"gated_convolution": False, "gate": False},
    "gate off": {"gate": False},
    "attention v1": {"attention": "v1"},
    "kernel 7": {"kernel": 7},
    "kernel 15": {"kernel": 15},
    "memory decay learned": {"learn_memory_decay": True},
    "mixed axes": {"mixed_axes": True},
}
"""Options of the network in which each differs from the configuration file."""


def ablated(options: Options, variant: str, epochs: int, seed: int) -> Options:
    """A short training of a variant: on the training speakers alone, without a look at the test part in epochs.

    Raises:
        LapilliError: for a name that is none, or a network that is no SpikeSCR.
    """
    if variant not in VARIANTS:
        raise LapilliError(f"only: must be of {'; '.join(VARIANTS)}, got {variant!r}")
    if not isinstance(options.network, SpikeScrConfig):
        raise LapilliError(f"network: must be spikescr, got {options.network.name}")
    return replace(
        options,
        data=replace(options.data, fit="train"),
        network=replace(options.network, **VARIANTS[variant]),
        optimizer=replace(options.optimizer, max_epochs=epochs, keep="last"),
        watch_test=False,
        seed=seed,
    )


def measured(folder: Path, options: Options) -> list[Row]:
    """Train, or go on, and say what was reached on the validation part.

    Raises:
        LapilliError: as `train`.
    """
    network: Any = options.network
    try:
        summary = resumed(folder, options)
        found: Row = {
            "validation_accuracy": round(summary.validation_accuracy, 6),
            "train_accuracy": round(summary.train_accuracy, 6),
            "operations_per_sample": round(summary.operations, 1),
            "training_seconds": round(summary.seconds),
            "fingerprint": summary.fingerprint[:16],
        }
    except UnsupportedError:
        if not network.mixed_axes:
            raise
        # It has no exported network; what the module answered to the last epoch's validation batches stands.
        last = read_metrics(RunFolder(folder))[-1]
        empty = dict.fromkeys(("train_accuracy", "operations_per_sample", "fingerprint"), "")
        found = {"validation_accuracy": round(last["validation_accuracy"], 6), **empty, "training_seconds": ""}
    module = load_module(folder)
    trained = sum(parameter.numel() for parameter in module.parameters())
    return [found | {"parameters": trained, "latency_steps": module.depth}]
