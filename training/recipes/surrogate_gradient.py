"""Recipe: train a network on spike trains by surrogate gradients, quantisation-aware, and export it.

SLAYER quantises weights to 8 bits and states to fixed point in every forward pass, so the loss sees the integer network
that is exported; SpikeSCR does so in its last epochs. Gradients pass through the rounding as if it were not there, and
through a spike by its surrogate. What the loss asks for is the method's business (`lapilli.training.methods`):
cross-entropy, TET, ETC, TKS, KDCL, … The weights kept are those of the epoch with the lowest validation loss; the test
part is looked at once, at the end.

Everything random (initial weights, order, augmentation, dropout) depends on seed and epoch alone: a run that was
stopped by Ctrl-C, a kill or a power cut, and resumed, ends with the same weights, bit for bit, as one that was not.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch

from lapilli.netx_exports import Network, save
from lapilli.simulators.configurations import as_plain, configuration, refuse, with_changes
from lapilli.simulators.configurations.ranges import Count, Natural
from lapilli.simulators.evidence.provenance import commit, machine, versions
from lapilli.training.data.tasks import DataConfig, Task, find_task, unguarded
from lapilli.training.exported.evaluation import check_same_decisions, measured_accuracy, unrounded_accuracy
from lapilli.training.loop.batches import TrainingBatches, ValidationBatches
from lapilli.training.loop.classifier import Classifier
from lapilli.training.loop.epochs import EpochRecord
from lapilli.training.loop.fitting import Machine, fit, torch_settings
from lapilli.training.loop.inheritance import Inherited, inherit, teacher_of
from lapilli.training.loop.optimisation import LossConfig, OptimizerConfig
from lapilli.training.loop.run_folder import RunFolder, run_in, write_summary, write_weights
from lapilli.training.methods import METHODS, AnyMethod, Method, PlainConfig
from lapilli.training.networks.config import DEFAULT_NETWORK
from lapilli.training.networks.kinds import AnyNetworkConfig, build_network
from lapilli.training.networks.trainable import TrainableNetwork

DEFAULT_METHOD = PlainConfig(label_smoothing=0.1)

Accelerator = Literal["cpu", "gpu", "auto"]
Precision = Literal["32-true", "16-mixed", "bf16-mixed"]

__all__ = ["DataConfig", "LossConfig", "OptimizerConfig", "Options", "Summary", "train"]


@dataclass(frozen=True)
class Summary:
    """What a training reached: the content of `summary.json`.

    Accuracies are those of the integer decision (`lapilli.simulators.decisions`) of the exported network on `fast`; the
    module decides every test sample alike, or training ends with an error.

    Arguments:
        train_accuracy, validation_accuracy, test_accuracy: shares of samples, with the kept weights.
        unrounded_test_accuracy: of the module with its weights as the optimiser left them, not rounded to 8 bits; None
            where SLAYER cannot run that: recurrent layers with batch norm.
        best_test_epoch_accuracy: the highest that any epoch reached on the test part, as papers without validation data
            report it; None where the test part was not watched.
        operations, spikes: synaptic operations and spikes of the layers in a test sample, mean.
        n_steps: that a sample runs; drain: those of them behind the end of its input.
        epochs: finished epochs.
        best_epoch: epoch, counted from 1, whose weights were kept.
        seconds: spent in epochs.
        seed: of the run.
        fingerprint: of the exported network.
        commit, machine, versions: where it ran.
    """

    train_accuracy: float
    validation_accuracy: float
    test_accuracy: float
    unrounded_test_accuracy: float | None
    best_test_epoch_accuracy: float | None
    operations: float
    spikes: float
    n_steps: int
    drain: int
    epochs: int
    best_epoch: int
    seconds: float
    seed: int
    fingerprint: str
    commit: str
    machine: str
    versions: Mapping[str, str]


@configuration("")
@dataclass(frozen=True)
class Options:
    """What can be chosen about a training: the options of `lapilli train`, and the keys of its configuration file."""

    data: DataConfig = field(default_factory=DataConfig)
    """what to train on."""

    network: AnyNetworkConfig = DEFAULT_NETWORK
    """what to train: layers of SLAYER ("slayer"), a spiking transformer ("spikescr"), a spiking LSTM
    ("spiking_lstm") or a network of one time step ("one_step")."""

    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    """how."""

    loss: LossConfig = field(default_factory=LossConfig)
    """from scores to logits, and what operations and spikes cost."""

    method: AnyMethod | None = None
    """the loss of the logits of all steps; none: cross-entropy of their mean, 0.1 of the target smoothed."""

    start: Path | None = None
    """folder of a finished run whose weights the network inherits; none: random ones."""

    inherited: Inherited = "as it is"
    """whether inherited decays and delays keep their values in steps, or in milliseconds where this run's steps are
    longer or shorter ("rescaled")."""

    teacher: Path | None = None
    """folder of a finished run whose network teaches (method kdcl), on its own framing of the same data."""

    watch_test: bool = False
    """whether the test part is looked at after every epoch, for the figure that papers without validation data report;
    the choice of weights never depends on it."""

    seed: Natural = 0
    """of initial weights, order, augmentation and dropout; the split of the data is always the same."""

    threads: Count = 1
    """of torch. Another number may round differently, so it is part of the configuration."""

    accelerator: Accelerator = "auto"
    """where to train; "auto" takes a GPU if there is one."""

    devices: Count = 1
    """processes or GPUs that share each batch (Lightning's DDP). Batch norm takes its statistics, and dropout and
    random choices of a method their draws, from each share alone, so with these the loss curve depends on their
    number."""

    precision: Precision = "32-true"
    """of matrix products outside of the fused kernels, as Lightning names it; for GPUs."""

    @property
    def chosen_method(self) -> Method:
        """`method`, or the default."""
        return DEFAULT_METHOD if self.method is None else self.method

    def __post_init__(self) -> None:
        refuse(self._contradictions())

    def _contradictions(self) -> Iterator[str]:
        method = self.chosen_method
        if method.needs_teacher and self.teacher is None:
            yield f"teacher: method {method.name} needs the folder of a finished run"
        if self.teacher is not None and not method.needs_teacher:
            taught = " or ".join(kind.name for kind in METHODS if kind.needs_teacher)
            yield f"teacher: method {method.name} learns from none; choose {taught}"
        yield from unguarded(self.data, self.optimizer.keep)


def train(
    run_dir: Path, options: Options | None = None, *, resume: bool = False, progress: bool = True, **given: Any
) -> Summary:
    """Train, keep the best weights, export the network, report accuracies.

    Arguments:
        run_dir: folder for configuration, metrics, checkpoint, weights, network and summary.
        options: of the training; none: all defaults.
        resume: go on after the last finished epoch in `run_dir`; the configuration must be the same.
        progress: whether to show a progress bar on stderr, if that is a terminal.
        given: fields of `Options` that replace those of `options`: `train(run_dir, seed=3)`.

    Raises:
        LapilliError: for values out of range, missing data, an unusable run folder, a start or teacher that does not
            fit, or a loss that is no number.
        TrainingInterruptedError: after Ctrl-C, saying how to go on.
    """
    chosen = with_changes(Options, options, given)
    chosen = replace(chosen, method=chosen.chosen_method)
    optimizer = chosen.optimizer
    with torch_settings(chosen.seed, chosen.threads), ExitStack() as held:
        task = find_task(chosen.data, progress)
        classifier, batches = _classifier(chosen, task)
        folder = held.enter_context(run_in(run_dir, as_plain(chosen), resume, Options))
        parts = [task.validation, *([task.test] if chosen.watch_test else [])]
        record = fit(
            classifier,
            batches,
            [ValidationBatches(part, batches.n_steps, optimizer.batch_size) for part in parts],
            folder,
            max_epochs=optimizer.max_epochs,
            patience=optimizer.patience if optimizer.keep == "best" else optimizer.max_epochs,
            average=optimizer.average,
            on=Machine(_accelerator(chosen, classifier.network), chosen.devices, chosen.precision),
            progress=progress,
        )
        module = classifier.network.cpu()
        module.load_state_dict(_without_prefix(record.best if optimizer.keep == "best" else record.last))
        kept = record.best_epoch if optimizer.keep == "best" else len(record.rows)
        summary = _finish(folder, task, module, task.run_steps(module.depth), record, kept, chosen.seed)
        write_summary(folder, asdict(summary))
    return summary


def _accelerator(options: Options, module: TrainableNetwork) -> str:
    """Where to train: of its own accord never where the network cannot run."""
    return "cpu" if options.accelerator == "auto" and not module.on_gpu else options.accelerator


def _classifier(options: Options, task: Task) -> tuple[Classifier, TrainingBatches]:
    """The network with what it inherits, what it is trained on, and its teacher."""
    module = build_network(options.network, task.shape, len(task.classes), task.train.n_steps, task.graded)
    if options.start is not None:
        inherit(module, options.start, task, options.data, options.inherited)
    n_steps = task.run_steps(module.depth)
    batches = TrainingBatches(
        task.train, module.input_steps(n_steps), options.optimizer.batch_size, options.seed, task.augment
    )
    classifier = Classifier(module, batches, options.optimizer, options.loss, options.chosen_method)
    if options.teacher is not None:
        teaching = teacher_of(options.teacher, task, options.data)
        batches.teacher = teaching.input
        classifier.learn_from(teaching)
    return classifier, batches


def _finish(
    folder: RunFolder, task: Task, module: TrainableNetwork, n_steps: int, record: EpochRecord, kept: int, seed: int
) -> Summary:
    # First, so that a network that can only be trained leaves its weights.
    write_weights(folder, module.eval().state_dict(), module.facts)
    exported: Network = module.export()
    save(exported, folder.network)
    test = check_same_decisions(module, exported, task.test, n_steps)
    watched = [row["test_accuracy"] for row in record.rows if "test_accuracy" in row]
    return Summary(
        train_accuracy=measured_accuracy(exported, task.train, n_steps),
        validation_accuracy=measured_accuracy(exported, task.validation, n_steps),
        test_accuracy=test.accuracy,
        unrounded_test_accuracy=unrounded_accuracy(module, task.test, n_steps),
        best_test_epoch_accuracy=max(watched, default=None),
        operations=test.operations,
        spikes=test.spikes,
        n_steps=n_steps,
        drain=n_steps - task.train.n_steps,
        epochs=len(record.rows),
        best_epoch=kept,
        seconds=record.seconds,
        seed=seed,
        fingerprint=exported.fingerprint,
        commit=commit(),
        machine=machine(),
        versions=versions(("torch", "lava-dl", "lightning", "numpy", "scikit-learn", "tonic")),
    )


def _without_prefix(state: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    return {name.removeprefix("network."): tensor for name, tensor in state.items()}
