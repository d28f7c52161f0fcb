"""Recipe: train a network that is never exported, such as the source of a conversion, in a run folder as others have.

Everything is as in `surrogate_gradient`, resuming too, but that accuracies are those of the module itself.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.configurations import as_plain
from lapilli.simulators.evidence.provenance import commit, machine, versions
from lapilli.training.data.samples import Samples
from lapilli.training.data.tasks import DataConfig, Task
from lapilli.training.loop.batches import TrainingBatches, ValidationBatches
from lapilli.training.loop.classifier import Classifier
from lapilli.training.loop.epochs import EpochRecord
from lapilli.training.loop.fitting import Machine, fit, torch_settings
from lapilli.training.loop.optimisation import LossConfig, OptimizerConfig
from lapilli.training.loop.run_folder import RunFolder, read_weights, run_in, write_summary, write_weights
from lapilli.training.methods import AnyMethod
from lapilli.training.networks.readouts import step_scores
from lapilli.training.networks.trainable import TrainableNetwork
from lapilli.training.recipes.surrogate_gradient import DEFAULT_METHOD


@dataclass(frozen=True)
class FloatSummary:
    """What a training reached: the content of `summary.json`.

    Arguments:
        train_accuracy, validation_accuracy, test_accuracy: shares of samples, of the module with the kept weights.
        spikes: that layers send in a test sample, mean.
        epochs: finished epochs.
        best_epoch: epoch, counted from 1, whose weights were kept.
        seconds: spent in epochs.
        seed: of the run.
        commit, machine, versions: where it ran.
    """

    train_accuracy: float
    validation_accuracy: float
    test_accuracy: float
    spikes: float
    epochs: int
    best_epoch: int
    seconds: float
    seed: int
    commit: str
    machine: str
    versions: Mapping[str, str]


@dataclass(frozen=True)
class FloatOptions:
    """What is trained, and how; as in `lapilli.training.recipes.surrogate_gradient.Options`.

    Arguments:
        data, optimizer, loss, method, seed, threads: as there.
        network: configuration of the module.
        start: what the module begins with, in words; None: random weights.
    """

    data: DataConfig
    network: Any
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    method: AnyMethod = DEFAULT_METHOD
    start: str | None = None
    seed: int = 0
    threads: int = 1


def train_float(
    run_dir: Path, options: FloatOptions, task: Task, module: TrainableNetwork, progress: bool = True
) -> FloatSummary:
    """Train a module, or go on with a training of it that was stopped.

    Arguments:
        run_dir: folder of the run.
        options: that the run is known by; `module` and `task` are made of them.
        task: what to train on.
        module: with the weights that it begins with; it has those that were kept afterwards, in evaluation mode.
        progress: whether to show a progress bar.

    Raises:
        InUseError: when another process works in the run folder.
        LapilliError: for an unusable run folder, another run in it, or a loss that is no number.
        TrainingInterruptedError: after Ctrl-C, saying how to go on.
    """
    optimizer = options.optimizer
    n_steps = task.train.n_steps + 1
    with torch_settings(options.seed, options.threads), ExitStack() as held:
        batches = TrainingBatches(task.train, n_steps, optimizer.batch_size, options.seed, task.augment)
        classifier = Classifier(module.train(), batches, optimizer, options.loss, options.method)
        folder = held.enter_context(run_in(run_dir, as_plain(options), RunFolder(run_dir).config.exists()))
        record = fit(
            classifier,
            batches,
            [ValidationBatches(task.validation, n_steps, optimizer.batch_size)],
            folder,
            max_epochs=optimizer.max_epochs,
            patience=optimizer.patience if optimizer.keep == "best" else optimizer.max_epochs,
            on=Machine("cpu"),
            progress=progress,
        )
        keeps_best = optimizer.keep == "best"
        kept = record.best if keeps_best else record.last
        module.load_state_dict({name.removeprefix("network."): tensor for name, tensor in kept.items()})
        module.eval()
        write_weights(folder, module.state_dict(), module.facts)
        summary = _summary(task, module, record, record.best_epoch if keeps_best else len(record.rows), options.seed)
        write_summary(folder, asdict(summary))
    return summary


def load_float(run_dir: Path, module: TrainableNetwork) -> TrainableNetwork:
    """A module with the weights of a finished run.

    Raises:
        LapilliError: where the run is not finished, or of another network.
    """
    weights, _ = read_weights(RunFolder(run_dir))
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise LapilliError(f"{run_dir}: is of another network ({' '.join(str(error).split())})") from error
    return module.eval()


@torch.no_grad()
def module_accuracy(module: TrainableNetwork, samples: Samples, batch_size: int = 128) -> tuple[float, float]:
    """Accuracy of a module in evaluation mode, and the spikes that its layers send in a sample.

    Raises:
        LapilliError: without samples.
    """
    if not len(samples):
        raise LapilliError("accuracy needs at least one sample")
    right, spikes = 0, 0.0
    for batch in ValidationBatches(samples, samples.n_steps + 1, batch_size):
        answers = module.answers(batch.values)
        scores = step_scores(module.config.readout, answers[-1]).double().sum(-1)
        right += int((scores.argmax(1) == batch.labels).sum())
        spikes += float(module.costs(batch.values, answers).spikes) * len(batch.labels)
    return right / len(samples), spikes / len(samples)


def _summary(task: Task, module: TrainableNetwork, record: EpochRecord, kept: int, seed: int) -> FloatSummary:
    test, spikes = module_accuracy(module, task.test)
    return FloatSummary(
        train_accuracy=module_accuracy(module, task.train)[0],
        validation_accuracy=module_accuracy(module, task.validation)[0],
        test_accuracy=test,
        spikes=spikes,
        epochs=len(record.rows),
        best_epoch=kept,
        seconds=record.seconds,
        seed=seed,
        commit=commit(),
        machine=machine(),
        versions=versions(("torch", "lightning", "numpy")),
    )
