"""A run folder as a source: its network, its data and how long its samples run, read without torch."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapilli.netx_exports import FormatError, LapilliError, Network
from lapilli.netx_exports.json_text import read_json
from lapilli.simulators.configurations import read_section
from lapilli.training.loop.folder import RunFolder, read_config
from lapilli.zoo.words import entry_of, is_of_zoo, with_drain

_SHOWN = 4
"""Runs within a folder that an error names."""


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run of a training, or of `lapilli learn`.

    Arguments:
        folder: of it.
        config: with which it was started, as plain values; of learning, the section "data" alone.
    """

    folder: RunFolder
    config: Mapping[str, Any]

    @property
    def data(self) -> Mapping[str, Any]:
        """The section "data" of the configuration."""
        section = self.config.get("data")
        return section if isinstance(section, Mapping) else {}

    @property
    def sample_steps(self) -> int | None:
        """Steps of each of its samples, without those that answer the last spikes; None where its summary says nothing.

        Raises:
            FormatError: when the summary is damaged.
        """
        summary = _content(self.folder.summary)
        steps, drain = summary.get("n_steps"), summary.get("drain", self.data.get("drain"))
        return steps - drain if type(steps) is int and type(drain) is int and 0 <= drain < steps else None

    def answered_after(self, network: Network) -> int:
        """Steps that a sample of this run goes on behind its last step, in training as in its tests.

        That is what its summary says, or else its configuration. Runs of before say nothing of it: until the last input
        spike is answered, learned delays at their largest.

        Raises:
            FormatError: when the summary is damaged.
        """
        for said in (_content(self.folder.summary).get("drain"), self.data.get("drain")):
            if type(said) is int and said >= 0:
                return said
        section = self.config.get("network")
        if not isinstance(section, Mapping) or not section.get("delays"):
            return network.depth
        # Late, because pydantic takes a while, which runs without learned delays need not wait for.
        from lapilli.training.networks.config import NetworkConfig, depth

        return max(network.depth, depth(read_section(self.config, "network", NetworkConfig, self.folder.config)))


def is_folder(word: str) -> bool:
    """Whether a word of the command line is a folder, or names a network of the zoo, which has one."""
    try:
        return is_of_zoo(word) or os.path.isdir(word)
    except ValueError:
        return False


def run_folder(word: str) -> RunFolder:
    """The folder that a word of the command line names, of a run or of the zoo.

    Raises:
        LapilliError: when the zoo has no network of that name.
        FormatError: when files of the zoo are not those of the card.
    """
    return RunFolder(entry_of(word).path if is_of_zoo(word) else Path(word))


def find_run(word: str) -> tuple[Path, Run | None]:
    """The network file of a run folder, and the run; None where nothing says what data it had.

    Raises:
        LapilliError: as `run_folder`; when it holds no finished run, naming runs within it.
        FormatError: as `run_folder`; when its configuration is damaged.
    """
    if is_of_zoo(word):
        entry = entry_of(word)
        folder = RunFolder(entry.path)
        return folder.network, Run(folder, with_drain(read_config(folder), entry))
    folder = RunFolder(Path(word))
    known = folder.config.is_file()
    if not folder.network.is_file():
        raise LapilliError(_without_network(folder) if known else _no_run(folder))
    config = read_config(folder) if known else _of_learning(folder.path / "report.json")
    return folder.network, Run(folder, config) if config else None


def _of_learning(report: Path) -> Mapping[str, Any]:
    """What `lapilli learn` says of its data; nothing where they were an event file or a stream."""
    data = _content(report).get("data")
    return {"data": data} if isinstance(data, Mapping) else {}


def _content(path: Path) -> Mapping[str, Any]:
    """What a JSON file of a run says; nothing where there is none."""
    if not path.is_file():
        return {}
    try:
        found = read_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FormatError(str(path), [str(error)]) from error
    return found if isinstance(found, Mapping) else {}


def _without_network(folder: RunFolder) -> str:
    reasons = _unexportable(folder)
    if reasons:
        return f"{folder.path} has no {folder.network.name}: {'; '.join(reasons)}"
    if folder.summary.is_file():
        return f"{folder.path} has no {folder.network.name}: what was trained there has no exported form"
    return f"run {folder.path} is not finished: it has no {folder.network.name}; resume it first"


def _unexportable(folder: RunFolder) -> tuple[str, ...]:
    """Why what is trained there has no exported network; nothing: it has one, or another kind does not say it."""
    config = read_config(folder)
    section = config.get("network")
    # Late, as above.
    from lapilli.training.networks.one_step.config import OneStepConfig

    if not isinstance(section, Mapping) or section.get("name") != OneStepConfig.name:
        return ()
    return read_section(config, "network", OneStepConfig, folder.config).unexportable


def _no_run(folder: RunFolder) -> str:
    inner = sorted(path.parent.name for path in folder.path.glob("*/model.net"))
    if not inner:
        return f"{folder.path} is not a run folder: it has no {folder.network.name}"
    more = ", …" if len(inner) > _SHOWN else ""
    return f"{folder.path} holds several runs, choose one of them: {', '.join(inner[:_SHOWN])}{more}"
