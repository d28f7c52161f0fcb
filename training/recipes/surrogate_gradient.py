"""Recipe: train a SLAYER network on spike trains by surrogate gradients, quantisation-aware, and export it.

SLAYER quantises weights to 8 bits and states to fixed point in every forward pass, so the loss sees the integer network
that is exported; gradients pass through the rounding as if it were not there, and through a spike by its surrogate.
What the loss asks for is the method's business (`lapilli.training.methods`): cross-entropy, TET, ETC, TKS, KDCL, …
The weights kept are those of the epoch with the lowest validation loss; the test part is looked at once, at the end.

Everything random (initial weights, order, augmentation, dropout) depends on seed and epoch alone: a run that was
stopped by Ctrl-C, a kill or a power cut, and resumed, ends with the same weights, bit for bit, as one that was not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from lapilli.netx_exports import Network, save
from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.evidence.provenance import commit, machine, versions
from lapilli.training.data.tasks import DataConfig, Task, find_task
from lapilli.training.exported.evaluation import check_same_decisions, measure, unrounded_accuracy
from lapilli.training.loop.batches import TrainingBatches, ValidationBatches
from lapilli.training.loop.classifier import Classifier
from lapilli.training.loop.epochs import EpochRecord
from lapilli.training.loop.fitting import Machine, fit, torch_settings
from lapilli.training.loop.inheritance import Inherited, inherit, teacher_of
from lapilli.training.loop.optimisation import LossConfig, OptimizerConfig, optimisation_problems, out_of_range
from lapilli.training.loop.run_folder import RunFolder, start_run, write_summary, write_weights
from lapilli.training.methods import KdclConfig, MethodConfig, OwnConfig, PlainConfig, method_problems
from lapilli.training.networks.network import DEFAULT_NETWORK, NetworkConfig, SlayerNetwork, depth

DEFAULT_METHOD: OwnConfig = PlainConfig(label_smoothing=0.1)

__all__ = ["DataConfig", "LossConfig", "OptimizerConfig", "Summary", "train"]


@dataclass(frozen=True)
class Summary:
    """What a training reached: the content of `summary.json`.

    Accuracies are those of the integer decision (`lapilli.simulators.decisions`) of the exported network on `fast`; the
    SLAYER module decides every test sample alike, or training ends with an error.

    Arguments:
        train_accuracy, validation_accuracy, test_accuracy: shares of samples, with the kept weights.
        unrounded_test_accuracy: of the module with its weights as the optimiser left them, not rounded to 8 bits; None
            where SLAYER cannot run that: recurrent layers with batch norm.
        best_test_epoch_accuracy: the highest that any epoch reached on the test part, as papers without validation data
            report it; None where the test part was not watched.
        operations, spikes: synaptic operations and spikes of the layers in a test sample, mean.
        n_steps: that a sample runs.
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
    epochs: int
    best_epoch: int
    seconds: float
    seed: int
    fingerprint: str
    commit: str
    machine: str
    versions: Mapping[str, str]


def train(
    run_dir: Path,
    data: DataConfig = DataConfig(),
    network: NetworkConfig = DEFAULT_NETWORK,
    optimizer: OptimizerConfig = OptimizerConfig(),
    loss: LossConfig = LossConfig(),
    method: MethodConfig | None = None,
    start: Path | None = None,
    inherited: Inherited = "as it is",
    teacher: Path | None = None,
    watch_test: bool = False,
    seed: int = 0,
    threads: int = 1,
    accelerator: Literal["cpu", "gpu", "auto"] = "auto",
    devices: int = 1,
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true",
    resume: bool = False,
    progress: bool = True,
) -> Summary:
    """Train, keep the best weights, export the network, report accuracies.

    Arguments:
        run_dir: folder for configuration, metrics, checkpoint, weights, network and summary.
        data: what to train on.
        network: what to train.
        optimizer: how.
        loss: from scores to logits, and what operations and spikes cost.
        method: the loss of the logits of all steps; none: cross-entropy of their mean, 0.1 of the target smoothed.
        start: folder of a finished run whose weights the network inherits; none: random ones.
        inherited: whether inherited decays and delays keep their values in steps, or in milliseconds where this run's
            steps are longer or shorter ("rescaled").
        teacher: folder of a finished run whose network teaches (method kdcl), on its own framing of the same data.
        watch_test: whether the test part is looked at after every epoch, for the figure that papers without validation
            data report; the choice of weights never depends on it.
        seed: of initial weights, order, augmentation and dropout; the split of the data is always the same.
        threads: of torch. Another number may round differently, so it is part of the configuration.
        accelerator: where to train; "auto" takes a GPU if there is one.
        devices: processes or GPUs that share each batch (Lightning's DDP). Batch norm takes its statistics, and dropout
            and random choices of a method their draws, from each share alone, so with these the loss curve depends on
            their number.
        precision: of matrix products outside of the fused kernels, as Lightning names it; for GPUs.
        resume: go on after the last finished epoch in `run_dir`; the configuration must be the same.
        progress: whether to show a progress bar on stderr, if that is a terminal.

    Raises:
        LapilliError: for values out of range, missing data, an unusable run folder, a start or teacher that does not
            fit, or a loss that is no number.
        TrainingInterruptedError: after Ctrl-C, saying how to go on.
    """
    method = DEFAULT_METHOD if method is None else method
    if problems := list(_problems(data, optimizer, loss, method, teacher, seed, threads, devices)):
        raise LapilliError("; ".join(problems))
    config = {
        **{"data": asdict(data), "network": asdict(network), "optimizer": asdict(optimizer), "loss": asdict(loss)},
        **{"method": asdict(method), "start": _text(start), "inherited": inherited, "teacher": _text(teacher)},
        **{"watch_test": watch_test, "seed": seed, "threads": threads},
        **{"accelerator": accelerator, "devices": devices, "precision": precision},
    }
    with torch_settings(seed, threads):
        task = find_task(data, progress)
        n_steps = task.run_steps(depth(network))
        module = SlayerNetwork(network, task.shape, len(task.classes), task.graded)
        if start is not None:
            inherit(module, start, task, data, inherited)
        teaching = None if teacher is None else teacher_of(teacher, task, data)
        folder = start_run(run_dir, config, resume)
        batches = TrainingBatches(task.train, n_steps, optimizer.batch_size, seed, task.augment)
        classifier = Classifier(module, batches, optimizer, loss, method)
        if teaching is not None:
            batches.teacher = teaching.input
            classifier.learn_from(teaching)
        parts = [task.validation, *([task.test] if watch_test else [])]
        record = fit(
            classifier,
            batches,
            [ValidationBatches(part, n_steps, optimizer.batch_size) for part in parts],
            folder,
            max_epochs=optimizer.max_epochs,
            patience=optimizer.patience if optimizer.keep == "best" else optimizer.max_epochs,
            on=Machine(accelerator, devices, precision),
            progress=progress,
        )
        module.cpu().load_state_dict(_without_prefix(record.best if optimizer.keep == "best" else record.last))
        kept = record.best_epoch if optimizer.keep == "best" else len(record.rows)
        summary = _finish(folder, task, module, n_steps, record, kept, seed)
    write_summary(folder, asdict(summary))
    return summary


def _finish(
    folder: RunFolder, task: Task, module: SlayerNetwork, n_steps: int, record: EpochRecord, kept: int, seed: int
) -> Summary:
    exported: Network = module.eval().export()
    write_weights(folder, module.state_dict(), module.facts)
    save(exported, folder.network)
    test = check_same_decisions(module, exported, task.test, n_steps)
    watched = [row["test_accuracy"] for row in record.rows if "test_accuracy" in row]
    return Summary(
        measure(exported, task.train, n_steps).accuracy,
        measure(exported, task.validation, n_steps).accuracy,
        test.accuracy,
        unrounded_accuracy(module, task.test, n_steps),
        max(watched, default=None),
        test.operations,
        test.spikes,
        n_steps,
        len(record.rows),
        kept,
        record.seconds,
        seed,
        exported.fingerprint,
        commit(),
        machine(),
        versions(("torch", "lava-dl", "lightning", "numpy", "scikit-learn", "tonic")),
    )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _without_prefix(state: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    return {name.removeprefix("network."): tensor for name, tensor in state.items()}


def _problems(
    data: DataConfig,
    optimizer: OptimizerConfig,
    loss: LossConfig,
    method: MethodConfig,
    teacher: Path | None,
    seed: int,
    threads: int,
    devices: int,
) -> Iterator[str]:
    yield from out_of_range(
        {}, {"data.deformation": data.deformation, "seed": seed}, {"threads": threads, "devices": devices}
    )
    yield from optimisation_problems(optimizer, loss)
    yield from (f"method.{problem}" for problem in method_problems(method))
    if isinstance(method, KdclConfig) and teacher is None:
        yield "teacher: method kdcl needs the folder of a finished run"
    if teacher is not None and not isinstance(method, KdclConfig):
        yield f"teacher: method {method.name} learns from none; choose kdcl"
    if data.drain is not None and data.drain < 0:
        yield f"data.drain: must be at least 0, got {data.drain}"
    if data.fit == "train and validation" and optimizer.keep == "best":
        yield "data.fit: with the validation part in training no epoch can be chosen by it; set optimizer.keep to last"
