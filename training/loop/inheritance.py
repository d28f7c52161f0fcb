"""What a network takes over from a finished run: its weights to start from, or its answers to learn from."""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.configurations import read_section
from lapilli.training.data.samples import Samples
from lapilli.training.data.tasks import DataConfig, Task, find_task
from lapilli.training.exported.export import load_module
from lapilli.training.exported.finished import data_of
from lapilli.training.loop.batches import TeacherInput
from lapilli.training.loop.optimisation import LossConfig
from lapilli.training.loop.run_folder import RunFolder, read_config
from lapilli.training.networks.trainable import TrainableNetwork

Inherited = Literal["as it is", "rescaled"]

_UNITY = 4096


@dataclass(frozen=True, eq=False)
class Teaching:
    """A finished run as a teacher.

    Arguments:
        module: its network.
        gain: from its scores to logits.
        input: what it sees.
    """

    module: TrainableNetwork
    gain: float
    input: TeacherInput


def inherit(module: TrainableNetwork, run: Path, task: Task, data: DataConfig, inherited: Inherited) -> None:
    """Give a network the weights of a finished run, batch statistics, decays and delays included.

    Arguments:
        module: of the same layers.
        run: folder of a finished run.
        task: what the network is going to be trained on.
        data: its configuration.
        inherited: "as it is": decays and delays stay what they are in steps; "rescaled": what they are in milliseconds.
            A share d lost in a step becomes 1 - (1 - d)^r where steps are r times as long, a delay of k steps k / r.

    Raises:
        LapilliError: for a run that is not finished or of another network, or that has seen what this one holds out;
            for "rescaled" where steps have no duration.
    """
    before = load_module(run)
    if data_of(run).name == data.name:
        _check_held_out("start", run, data)
    try:
        module.take_over(before)
    except RuntimeError as error:
        raise LapilliError(f"start: the network of {run} has other layers ({' '.join(str(error).split())})") from error
    if inherited == "rescaled":
        _rescale(module, step_ratio(run, task))


def step_ratio(run: Path, task: Task) -> float:
    """How many steps of a finished run one step of `task` is long.

    Raises:
        LapilliError: where steps have no duration.
    """
    earlier = find_task(data_of(run), progress=True)
    if earlier.step_ms is None or task.step_ms is None:
        raise LapilliError(f"inherited: steps of data set {task.name} have no duration, so nothing can be rescaled")
    return task.step_ms / earlier.step_ms


def teacher_of(run: Path, task: Task, data: DataConfig) -> Teaching:
    """A finished run as a teacher of the recordings that `task` trains on.

    Raises:
        LapilliError: for a run that is not finished, of other classes, of other recordings, or that has seen what this
            one holds out.
    """
    config = data_of(run)
    seen = DataConfig(config.name, config.framing, data.split, lines=config.lines, fit=data.fit)
    theirs = find_task(seen, progress=True)
    module = load_module(run).requires_grad_(False)
    if theirs.classes != task.classes or prod(theirs.shape) != module.n_inputs:
        raise LapilliError(f"teacher: {run} knows other classes or inputs than data set {task.name}")
    if not _same_recordings(theirs.train, task.train):
        raise LapilliError(f"teacher: {run} was trained on other recordings than those of data set {task.name}")
    _check_held_out("teacher", run, data)
    loss = read_section(read_config(RunFolder(run)), "loss", LossConfig, RunFolder(run).config)
    n_steps = theirs.train.n_steps + (module.depth if config.drain is None else config.drain)
    return Teaching(module, loss.gain, TeacherInput(theirs.train, n_steps))


def _check_held_out(option: str, run: Path, data: DataConfig) -> None:
    config = data_of(run)
    if config.split != data.split or config.fit not in (data.fit, "train"):
        raise LapilliError(f"{option}: {run} held other samples out of training (data.split, data.fit)")


def _same_recordings(first: Samples, second: Samples) -> bool:
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in ("rows", "labels", "groups"))


def _rescale(module: TrainableNetwork, ratio: float) -> None:
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name.endswith("delay.delay"):
                parameter.div_(ratio)
            elif name.endswith(("current_decay", "voltage_decay", "memory_decay")):
                kept = (1 - parameter.clamp(0, _UNITY) / _UNITY) ** ratio
                parameter.copy_((1 - kept) * _UNITY)
