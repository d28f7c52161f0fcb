"""Where the files of a training run are, and the configuration that it was started with; reading it needs no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapilli.netx_exports.errors import FormatError, LapilliError
from lapilli.simulators.configurations import read_mapping


@dataclass(frozen=True)
class RunFolder:
    """Paths and files of one run.

    Arguments:
        path: the folder.
    """

    path: Path

    @property
    def config(self) -> Path:
        """Resolved configuration."""
        return self.path / "config.yaml"

    @property
    def metrics(self) -> Path:
        """One row for each finished epoch."""
        return self.path / "metrics.csv"

    @property
    def checkpoint(self) -> Path:
        """State after the last finished epoch."""
        return self.path / "checkpoint.safetensors"

    @property
    def weights(self) -> Path:
        """Best weights."""
        return self.path / "weights.safetensors"

    @property
    def network(self) -> Path:
        """Exported network."""
        return self.path / "model.net"

    @property
    def summary(self) -> Path:
        """What came out."""
        return self.path / "summary.json"


def read_config(folder: RunFolder) -> dict[str, Any]:
    """The configuration that the run was started with.

    Raises:
        LapilliError: when the folder holds no run.
        FormatError: when the file is damaged.
    """
    if not folder.config.is_file():
        raise LapilliError(f"{folder.path} is not a run folder: it has no {folder.config.name}")
    config = read_mapping(folder.config)
    if not config:
        raise FormatError(str(folder.config), ["must be a mapping, got nothing"])
    return config
