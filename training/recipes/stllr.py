"""Recipe: train a network by S-TLLR, or by a control, with a memory that does not grow with the number of steps.

    lapilli train stllr stllr-shd-small --run-dir runs/stllr

Every batch goes forward in time once (`training/stllr/learner.py`); there is no backward pass through time. What is
trained with integers and a reset to zero is exported, and decides as it was trained; real numbers stay in torch.
A run that was stopped by Ctrl-C, a kill or a power cut, and resumed, ends with the same weights, bit for bit.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer

from lapilli.netx_exports import save
from lapilli.netx_exports.errors import FormatError, LapilliError
from lapilli.simulators.configurations import as_plain, configuration, read_section, refuse, with_changes
from lapilli.simulators.configurations.ranges import AboveZero, Count, Natural
from lapilli.simulators.evidence.provenance import commit, machine, versions
from lapilli.training.data.augmentation import Augment
from lapilli.training.data.samples import Samples
from lapilli.training.data.tasks import DataConfig, Task, find_task, unguarded
from lapilli.training.exported.evaluation import measure
from lapilli.training.loop.fitting import Machine, fit, torch_settings
from lapilli.training.loop.run_folder import (
    RunFolder,
    read_config,
    read_weights,
    run_in,
    write_summary,
    write_weights,
)
from lapilli.training.methods.schedules import warm_up_cosine
from lapilli.training.stllr.batches import StreamBatches
from lapilli.training.stllr.config import MethodConfig, OnlineNetworkConfig, RuleConfig, UnrolledConfig
from lapilli.training.stllr.errors import UnusableRateError
from lapilli.training.stllr.exported import export, not_exportable
from lapilli.training.stllr.frames import Frames
from lapilli.training.stllr.learner import OnlineLearner
from lapilli.training.stllr.learners import learner_of
from lapilli.training.stllr.network import OnlineNetwork
from lapilli.training.stllr.unrolled import UnrolledLearner

DEFAULT_ONLINE_NETWORK = OnlineNetworkConfig()
DEFAULT_RULE = RuleConfig()
_EVALUATED_AT_ONCE = 256
_PREFIX = "learner.network."


@configuration("optimizer")
@dataclass(frozen=True)
class OnlineOptimizerConfig:
    """How gradients become changes, and for how long."""

    kind: Literal["adam", "sgd"] = "adam"
    """Adam, as published, or plain gradient descent, as a chip can."""

    lr: AboveZero = 1e-3
    """Largest learning rate."""

    schedule: Literal["constant", "cosine"] = "cosine"
    """Whether the learning rate falls, epoch by epoch, to 0 along half a cosine."""

    batch_size: Count = 128
    """Samples in a batch."""

    max_epochs: Count = 20
    """Epochs after which training ends."""

    patience: Count = 1000
    """Epochs without a lower validation loss after which training ends early, where the best weights are kept."""

    rounding: Literal["nearest", "random"] = "nearest"
    """How changes are rounded with integers. Either real weights stay behind those of 8 bits, which are the nearest
    ones. Or the 8 bits are all there is and every change is rounded at random, as on a chip."""

    keep: Literal["best", "last"] = "last"
    """Whether the weights of the epoch with the lowest validation loss are kept, or the last ones."""


DEFAULT_ONLINE_OPTIMIZER = OnlineOptimizerConfig()


@dataclass(frozen=True)
class OnlineSummary:
    """What a training reached: the content of `summary.json`.

    Arguments:
        train_accuracy, validation_accuracy, test_accuracy: shares of samples, with the kept weights; of the exported
            network on `fast` where there is one.
        best_test_epoch_accuracy: the highest that any epoch reached on the test part, as papers without validation data
            report it; None where the test part was not watched.
        n_steps: of a sample.
        epochs: finished epochs.
        best_epoch: epoch, counted from 1, whose weights were kept.
        seconds: spent in epochs.
        seed: of the run.
        fingerprint: of the exported network; None where there is none.
        commit, machine, versions: where it ran.
    """

    train_accuracy: float
    validation_accuracy: float
    test_accuracy: float
    best_test_epoch_accuracy: float | None
    n_steps: int
    epochs: int
    best_epoch: int
    seconds: float
    seed: int
    fingerprint: str | None
    commit: str
    machine: str
    versions: Mapping[str, str]


@configuration("")
@dataclass(frozen=True)
class Options:
    """What can be chosen about a training: the options of `lapilli train stllr`, and the keys of its file."""

    data: DataConfig = field(default_factory=DataConfig)
    """what to train on."""

    network: OnlineNetworkConfig = DEFAULT_ONLINE_NETWORK
    """what to train."""

    optimizer: OnlineOptimizerConfig = DEFAULT_ONLINE_OPTIMIZER
    """how gradients become changes."""

    method: MethodConfig | None = None
    """the rule, or back-propagation through time; none: the rule as published for SHD, all steps teach."""

    seed: Natural = 0
    """of initial weights, random feedback, order and augmentation; the split of the data is always the same."""

    threads: Count = 1
    """of torch. Another number may round differently, so it is part of the configuration."""

    watch_test: bool = False
    """whether the test part is looked at after every epoch, for the figure that papers without validation data report;
    the choice of weights never depends on it."""

    @property
    def chosen_method(self) -> RuleConfig | UnrolledConfig:
        """`method`, or the default."""
        return DEFAULT_RULE if self.method is None else self.method

    def __post_init__(self) -> None:
        refuse(self._contradictions())

    def _contradictions(self) -> Iterator[str]:
        integer = self.network.arithmetic == "integer" and not self.network.weight_standardisation
        if self.optimizer.rounding == "random" and not integer:
            yield "optimizer.rounding: random needs integer arithmetic without weight standardisation"
        yield from unguarded(self.data, self.optimizer.keep)


def train_stllr(
    run_dir: Path, options: Options | None = None, *, resume: bool = False, progress: bool = True, **given: Any
) -> OnlineSummary:
    """Train by S-TLLR or a control, keep weights, export the network where it is one of integers.

    Arguments:
        run_dir: folder for configuration, metrics, checkpoint, weights, network and summary.
        options: of the training; none: all defaults.
        resume: go on after the last finished epoch in `run_dir`; the configuration must be the same.
        progress: whether to show a progress bar on stderr, if that is a terminal.
        given: fields of `Options` that replace those of `options`: `train_stllr(run_dir, seed=3)`.

    Raises:
        LapilliError: for values out of range, missing data, a class without training samples, an unusable run folder,
            or a learning signal that is no number (UnusableRateError).
        TrainingInterruptedError: after Ctrl-C, saying how to go on.
    """
    chosen = with_changes(Options, options, given)
    chosen = replace(chosen, method=chosen.chosen_method)
    optimizer, seed = chosen.optimizer, chosen.seed
    with torch_settings(seed, chosen.threads), ExitStack() as held:
        task = find_task(chosen.data, progress)
        _check_classes(task)
        module = OnlineNetwork(chosen.network, task.shape, len(task.classes), task.graded)
        n_steps = task.run_steps(chosen.network.depth) - chosen.network.depth
        learner = learner_of(module, chosen.chosen_method, n_steps)
        folder = held.enter_context(run_in(run_dir, as_plain(chosen), resume, Options))
        batches = _streams(module, task.train, n_steps, optimizer.batch_size, seed, task.augment)
        parts = [task.validation, *([task.test] if chosen.watch_test else [])]
        record = fit(
            OnlineClassifier(learner, batches, optimizer),
            cast(Any, batches),
            [cast(Any, _streams(module, part, n_steps, _EVALUATED_AT_ONCE)) for part in parts],
            folder,
            max_epochs=optimizer.max_epochs,
            patience=optimizer.patience if optimizer.keep == "best" else optimizer.max_epochs,
            on=Machine(),
            progress=progress,
        )
        kept = record.best if optimizer.keep == "best" else record.last
        weights = {name.removeprefix(_PREFIX): value for name, value in kept.items() if name.startswith(_PREFIX)}
        module.load_state_dict(weights)
        write_weights(folder, module.state_dict(), module.facts)
        (train, validation, test), fingerprint = _accuracies(folder, module, task, n_steps)
        watched = [row["test_accuracy"] for row in record.rows if "test_accuracy" in row]
        summary = OnlineSummary(
            train_accuracy=train,
            validation_accuracy=validation,
            test_accuracy=test,
            best_test_epoch_accuracy=max(watched, default=None),
            n_steps=n_steps,
            epochs=len(record.rows),
            best_epoch=record.best_epoch if optimizer.keep == "best" else len(record.rows),
            seconds=record.seconds,
            seed=seed,
            fingerprint=fingerprint,
            commit=commit(),
            machine=machine(),
            versions=versions(("torch", "lightning", "numpy")),
        )
        write_summary(folder, asdict(summary))
    return summary


def load_online(run_dir: Path) -> OnlineNetwork:
    """The network of a finished run, with its weights.

    Raises:
        LapilliError: when the folder holds no finished run.
        FormatError: when configuration and weights are damaged or do not fit each other.
    """
    folder = RunFolder(run_dir)
    config = read_section(read_config(folder), "network", OnlineNetworkConfig, folder.config)
    weights, facts = read_weights(folder)
    try:
        shape, n_classes = [int(side) for side in facts["input_shape"]], int(facts["n_classes"])
        network = OnlineNetwork(config, shape, n_classes, bool(facts["graded_input"]))
        network.load_state_dict(weights)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        problem = " ".join(str(error).split())
        raise FormatError(str(folder.weights), [f"does not fit {folder.config.name} ({problem})"]) from error
    return network


class OnlineClassifier(LightningModule):
    """Lets a learner go through each batch, and looks at validation and test part.

    Arguments:
        learner: trains its network.
        batches: what it is trained on.
        optimizer: how gradients become changes.
    """

    def __init__(
        self, learner: OnlineLearner | UnrolledLearner, batches: StreamBatches, optimizer: OnlineOptimizerConfig
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.learner = learner
        self._batches = batches
        self._optimizer = optimizer
        self._generator = learner.generator if isinstance(learner, OnlineLearner) else torch.Generator()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam, or plain gradient descent."""
        kinds = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
        return kinds[self._optimizer.kind](self.learner.network.parameters(), self._optimizer.lr)

    def on_train_epoch_start(self) -> None:
        """Set what depends on the epoch: order of the data, random numbers, learning rate."""
        self._batches.epoch = self.current_epoch
        # With its own seed an epoch is the same after a resume.
        self._generator.manual_seed(int(np.random.default_rng([2, *self._batches.identity]).integers(1 << 62)))
        chosen, rate = self._optimizer, self._optimizer.lr
        if chosen.schedule == "cosine":
            rate = warm_up_cosine(self.current_epoch, chosen.lr, chosen.max_epochs, 0.0)
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = rate

    def training_step(self, batch: Frames, batch_idx: int) -> None:
        """One pass over a batch, which changes the weights.

        Raises:
            UnusableRateError: for numbers that are none, saying in which epoch.
        """
        try:
            learned = self.learner.learn(batch, self._change)
        except UnusableRateError as error:
            raise UnusableRateError(f"epoch {self.current_epoch + 1}: {error}") from error
        metrics = {"train_loss": learned.loss, "train_accuracy": learned.right / batch.n_samples}
        self._log(metrics, batch.n_samples)

    def _change(self) -> None:
        """A step of the optimiser with the gradients as they are."""
        cast(LightningOptimizer, self.optimizers()).step()
        if self._optimizer.rounding == "random":
            self.learner.network.round_weights(self._generator)

    def validation_step(self, batch: Frames, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Loss of the mean logits, and accuracy; of the test part, where watched, accuracy."""
        scores = self.learner.network.scores(batch)
        part = ("validation", "test")[dataloader_idx]
        metrics = {f"{part}_accuracy": float((scores.argmax(1) == batch.labels).double().mean())}
        if part == "validation":
            mean = scores * (self.learner.network.config.gain / batch.n_steps)
            metrics["validation_loss"] = float(torch.nn.functional.cross_entropy(mean, batch.labels))
        self._log(metrics, batch.n_samples)

    def _log(self, metrics: Mapping[str, float], n_samples: int) -> None:
        self.log_dict(metrics, on_step=False, on_epoch=True, add_dataloader_idx=False, batch_size=n_samples)


def _streams(
    network: OnlineNetwork,
    samples: Samples,
    n_steps: int,
    size: int,
    seed: int | None = None,
    augment: Augment | None = None,
) -> StreamBatches:
    return StreamBatches(samples, n_steps, network.input_shape, size, seed, augment)


def _accuracies(folder: RunFolder, network: OnlineNetwork, task: Task, n_steps: int) -> tuple[list[float], str | None]:
    """Of training, validation and test part; and the fingerprint of what was exported."""
    parts = [task.train, task.validation, task.test]
    decided = [_decisions(network, part, n_steps) for part in parts]
    accuracies = [float(np.mean(found == part.labels)) for found, part in zip(decided, parts)]
    if not_exportable(network.config):
        return accuracies, None
    exported = export(network)
    save(exported, folder.network)
    on_fast = measure(exported, task.test, n_steps + exported.depth).decisions
    if different := int(np.count_nonzero(on_fast != decided[2])):
        raise LapilliError(
            f"the exported network decides {different} of {len(task.test)} samples unlike what was trained"
        )
    return accuracies, exported.fingerprint


def _decisions(network: OnlineNetwork, samples: Samples, n_steps: int) -> Any:
    streams = _streams(network, samples, n_steps, _EVALUATED_AT_ONCE)
    return np.concatenate([network.scores(stream).argmax(1).numpy() for stream in streams])


def _check_classes(task: Task) -> None:
    unseen = sorted(set(range(len(task.classes))) - set(task.train.labels.tolist()))
    if unseen:
        names = ", ".join(task.classes[label] for label in unseen)
        raise LapilliError(f"data: the training part has no sample of class {names}, which would never be learned")
