"""What the choices of a conversion and of its tuning are good for: the same source, with one choice changed."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.networks.lstm.config import ConversionConfig
from lapilli.training.recipes.lstm import Options, train_lstm
from lapilli.training.studies.collect import Row

CONVERSIONS: Mapping[str, Mapping[str, Any]] = {
    "IF, shift V/2T": {},
    "IF, no shift": {"shift": "none"},
    "IF, calibrated shift": {"shift": "calibrated"},
    "LIF 0.8, matched V and shift": {"kept": 0.8},
    "LIF 0.8, V and shift as IF": {"kept": 0.8, "thresholds": "as IF"},
    "all five spike": {"spiking": ("i", "f", "g", "o", "t")},
    "gates spike": {"spiking": ("i", "f", "g", "o")},
    "o and t spike": {"spiking": ("o", "t")},
    "rate encoding": {"encoding": "rate"},
}
"""Options of the conversion in which each differs from the configuration file."""

TUNINGS: Mapping[str, Mapping[str, Any]] = {
    "weights alone": {"train": "weights"},
    "spikes cost 0.01": {"loss.spikes": 0.01},
    "spikes cost 0.1": {"loss.spikes": 0.1},
}
"""Options of the recipe in which each differs from the configuration file."""

EXPERIMENTS = (*CONVERSIONS, *TUNINGS)


def changed(options: Options, experiment: str) -> Options:
    """The options of an experiment.

    Raises:
        LapilliError: for a name that is none.
    """
    if experiment in CONVERSIONS:
        conversion: ConversionConfig = replace(options.conversion, **CONVERSIONS[experiment])
        return replace(options, conversion=conversion)
    if experiment not in TUNINGS:
        raise LapilliError(f"only: must be of {'; '.join(EXPERIMENTS)}, got {experiment!r}")
    for name, value in TUNINGS[experiment].items():
        section, _, inner = name.partition(".")
        value = replace(getattr(options, section), **{inner: value}) if inner else value
        options = replace(options, **{section: value})
    return options


def measured(folder: Path, source: Path, options: Options) -> list[Row]:
    """Rows of the conversion and the tuning of an experiment.

    Arguments:
        folder: of its stages; its source is a link to another folder's.
        source: that folder, whose training is finished or goes on here.
        options: of the experiment.

    Raises:
        LapilliError: as `train_lstm`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source.mkdir(parents=True, exist_ok=True)
    if not (folder / "source").exists():
        (folder / "source").symlink_to(source.resolve(), target_is_directory=True)
    return [row for row in train_lstm(folder, options) if row["copies"] != ""]
