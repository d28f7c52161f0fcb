"""What a finished run left: its network, and the data that it was trained on and tested with."""

from dataclasses import dataclass
from pathlib import Path

from lapilli.netx_exports import Network, load
from lapilli.simulators.configurations import read_section
from lapilli.training.data.tasks import DataConfig, Task, find_task
from lapilli.training.exported.export import load_module
from lapilli.training.loop.run_folder import RunFolder, read_config


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """A finished run, with its data.

    Arguments:
        folder: of the run.
        network: that it exported.
        task: its data, split as in training.
        n_steps: that a sample runs.
    """

    folder: RunFolder
    network: Network
    task: Task
    n_steps: int


def finished_run(run_dir: Path, progress: bool = True) -> FinishedRun:
    """Open a finished run.

    Arguments:
        run_dir: its folder.
        progress: whether to show a progress bar while its data is prepared for the first time.

    Raises:
        LapilliError: when the folder holds no finished run, or its data cannot be had.
        UnsupportedError: when what was trained has no exported network.
    """
    folder = RunFolder(run_dir)
    module = load_module(run_dir)
    task = find_task(data_of(run_dir), progress)
    if not folder.network.is_file():
        module.export()  # refuses by name what has no exported network
    return FinishedRun(folder, load(folder.network), task, task.run_steps(module.depth))


def data_of(run_dir: Path) -> DataConfig:
    """The section "data" of a run's configuration.

    Raises:
        LapilliError: when it cannot be read.
    """
    folder = RunFolder(run_dir)
    return read_section(read_config(folder), "data", DataConfig, folder.config)
