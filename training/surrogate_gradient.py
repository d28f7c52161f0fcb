"""Recipe: train a SLAYER network on spike trains by surrogate gradients, quantisation-aware, and export it.

SLAYER quantises weights to 8 bits and states to fixed point in every forward pass, so the loss sees the integer network
that is exported; gradients pass through the rounding as if it were not there, and through a spike by its surrogate.
The learning rate falls from `optimizer.lr` to 0 along half a cosine. The weights kept are those of the epoch with the
lowest validation loss; the test part is looked at once, at the end.

Everything random (initial weights, order, deformation, dropout) depends on the seed and the epoch alone: a run that was
stopped by Ctrl-C, a kill or a power cut, and resumed, ends with the same weights, bit for bit, as one that was not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from math import cos, isfinite, pi
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from lightning.pytorch import LightningModule

from netx_exports import Network, save
from netx_exports.errors import LapilliError
from simulators import Events, run
from simulators.decisions import accuracy, decide, needed_recording
from simulators.provenance import commit, machine, versions
from training.batches import Batch, TrainingBatches, ValidationBatches
from training.digits import N_CLASSES, N_STEPS, SIDE, deform, digits
from training.epochs import EpochRecord
from training.fitting import fit, torch_settings
from training.networks import DEFAULT_NETWORK, NetworkConfig, SlayerNetwork, depth
from training.operations import Costs, costs
from training.parameter_groups import parameter_groups
from training.readouts import step_scores
from training.run_folder import start_run, write_summary, write_weights
from training.slayer_backend import SlayerBackend


@dataclass(frozen=True)
class DataConfig:
    """What to train on."""

    name: Literal["digits"] = "digits"
    """Data set: "digits" are scikit-learn's handwritten digits, as times to first spike."""

    deformation: float = 1.0
    """Largest random deformation of training images; 1 is 0.2 rad, 10 % of size, 0.2 of shear and 0.6 pixels."""


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW and how long it runs."""

    lr: float = 3e-3
    """Learning rate of the first epoch."""

    weight_decay: float = 0.0
    """AdamW's decoupled weight decay, of weights."""

    delay_lr: float = 30.0
    """Learning rate of delays, in steps, over that of weights."""

    decay_lr: float = 0.1
    """Learning rate of decays, as shares, over that of weights."""

    batch_size: int = 64
    """Samples in a batch."""

    max_epochs: int = 80
    """Epochs after which training ends; the learning rate reaches 0 there."""

    patience: int = 40
    """Epochs without a lower validation loss after which training ends early."""


@dataclass(frozen=True)
class LossConfig:
    """Cross-entropy on the score of each class, averaged over the steps, and what operations and spikes cost."""

    gain: float = 4.0
    """Factor from average score (voltage in SLAYER's unit, share of the softmax, or spikes per step) to logit."""

    label_smoothing: float = 0.1
    """Share of the target that is spread over all classes, 0…1."""

    operations: float = 0.0
    """Loss for 1,000 synaptic operations of a sample; above 0, the network learns to need fewer."""

    spikes: float = 0.0
    """Loss for 1,000 spikes of the layers in a sample."""


@dataclass(frozen=True)
class Summary:
    """What a training reached: the content of `summary.json`.

    Accuracies are those of the integer decision (`simulators.decisions.decide`) on the SLAYER module.

    Arguments:
        train_accuracy, validation_accuracy, test_accuracy: shares of samples, with the kept weights.
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
    seed: int = 0,
    threads: int = 1,
    accelerator: Literal["cpu", "gpu", "auto"] = "cpu",
    resume: bool = False,
    progress: bool = True,
) -> Summary:
    """Train, keep the best weights, export the network, report accuracies.

    Arguments:
        run_dir: folder for configuration, metrics, checkpoint, weights, network and summary.
        data: what to train on.
        network: what to train.
        optimizer: how.
        loss: towards what.
        seed: of initial weights, order, deformation and dropout; the split of the data is always the same.
        threads: of torch. Another number may round differently, so it is part of the configuration.
        accelerator: where to train; "auto" takes a GPU if there is one. On a GPU, SLAYER compiles kernels with nvcc.
        resume: go on after the last finished epoch in `run_dir`; the configuration must be the same.
        progress: whether to show a progress bar on stderr, if that is a terminal.

    Raises:
        LapilliError: for values out of range, an unusable run folder, or a loss that is no number.
        TrainingInterruptedError: after Ctrl-C, saying how to go on.
    """
    if problems := list(_problems(data, optimizer, loss, seed, threads)):
        raise LapilliError("; ".join(problems))
    groups = {"data": asdict(data), "network": asdict(network), "optimizer": asdict(optimizer), "loss": asdict(loss)}
    config = groups | {"seed": seed, "threads": threads, "accelerator": accelerator}
    n_steps = N_STEPS + depth(network)
    with torch_settings(seed, threads):
        module = SlayerNetwork(network, SIDE * SIDE, N_CLASSES)
        folder = start_run(run_dir, config, resume)
        augment = partial(deform, amount=data.deformation)
        batches = TrainingBatches(digits("train"), n_steps, optimizer.batch_size, seed, augment)
        record = fit(
            Classifier(module, batches, optimizer, loss),
            batches,
            ValidationBatches(digits("validation"), n_steps, optimizer.batch_size),
            folder,
            max_epochs=optimizer.max_epochs,
            patience=optimizer.patience,
            accelerator=accelerator,
            progress=progress,
        )
        module.cpu().load_state_dict(_without_prefix(record.best))
        exported = module.export()
        write_weights(folder, module.state_dict(), module.facts)
        save(exported, folder.network)
        summary = _summary(module, exported, record, seed)
    write_summary(folder, asdict(summary))
    return summary


class Classifier(LightningModule):
    """The training step: scores of the classes, averaged over the steps, into a cross-entropy.

    Arguments:
        network: what is trained.
        batches: what it is trained on; its seed is also that of dropout.
        optimizer: learning rate and its schedule.
        loss: gain and smoothing.
    """

    def __init__(
        self, network: SlayerNetwork, batches: TrainingBatches, optimizer: OptimizerConfig, loss: LossConfig
    ) -> None:
        super().__init__()
        self.network = network
        self._batches = batches
        self._optimizer = optimizer
        self._loss = loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW."""
        chosen = self._optimizer
        factors = {"delay_lr": chosen.delay_lr, "decay_lr": chosen.decay_lr}
        return torch.optim.AdamW(
            parameter_groups(self.network, chosen.lr, weight_decay=chosen.weight_decay, **factors), lr=chosen.lr
        )

    def on_train_epoch_start(self) -> None:
        """Set what depends on the epoch: order of the data, dropout's random numbers, learning rate."""
        self._batches.epoch = self.current_epoch
        torch.manual_seed(int(np.random.SeedSequence([self._batches.seed, self.current_epoch]).generate_state(1)[0]))
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = learning_rate(self._optimizer, self.current_epoch) * group["lr_factor"]

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        """Loss of one batch."""
        logits, costs = self._run(batch[0])
        loss = torch.nn.functional.cross_entropy(logits, batch[1], label_smoothing=self._loss.label_smoothing)
        loss = loss + self._price(costs)
        self._check_finite(loss)
        metrics = {"train_loss": loss, "train_operations": costs.operations, "train_spikes": costs.spikes}
        self.log_dict(_single(metrics), on_step=False, on_epoch=True, batch_size=len(batch[1]))
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Loss, without smoothing, accuracy, and what the spikes cost."""
        logits, costs = self._run(batch[0])
        metrics = {
            "validation_loss": torch.nn.functional.cross_entropy(logits, batch[1]) + self._price(costs),
            "validation_accuracy": (logits.argmax(1) == batch[1]).float().mean(),
            "validation_operations": costs.operations,
        }
        self._check_finite(metrics["validation_loss"])
        self.log_dict(_single(metrics), on_epoch=True, batch_size=len(batch[1]))

    def _check_finite(self, loss: torch.Tensor) -> None:
        if not torch.isfinite(loss):
            raise LapilliError(
                f"the loss became {loss.item()} in epoch {self.current_epoch + 1}; "
                f"lower optimizer.lr ({self._optimizer.lr}) or loss.gain ({self._loss.gain})"
            )

    def _run(self, values: torch.Tensor) -> tuple[torch.Tensor, Costs]:
        answers = self.network.answers(values)
        scores = step_scores(self.network.config.readout, answers[-1])
        logits = scores.sum(-1) * (self._loss.gain / self._batches.n_steps)
        return logits, costs(self.network.blocks, values, answers)

    def _price(self, costs: Costs) -> torch.Tensor:
        price = (self._loss.operations * costs.operations + self._loss.spikes * costs.spikes) / 1000
        return price.float()


def _single(metrics: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.float() for name, value in metrics.items()}


def learning_rate(config: OptimizerConfig, epoch: int) -> float:
    """Half a cosine from `lr` in epoch 0 to 0 in epoch `max_epochs`."""
    return config.lr * (1 + cos(pi * epoch / config.max_epochs)) / 2


def integer_accuracy(module: SlayerNetwork, network: Network, events: Events) -> float:
    """Accuracy of the SLAYER module, decided on integers as every backend decides.

    Arguments:
        module: what was trained.
        network: what was exported from it.
        events: with labels.
    """
    n_steps = events.n_steps + network.depth
    result = run(network, events, SlayerBackend(module), n_steps=n_steps, record=needed_recording(network))
    return accuracy(decide(result, network), events.labels)


def _summary(module: SlayerNetwork, network: Network, record: EpochRecord, seed: int) -> Summary:
    return Summary(
        integer_accuracy(module, network, digits("train")),
        integer_accuracy(module, network, digits("validation")),
        integer_accuracy(module, network, digits("test")),
        len(record.rows),
        record.best_epoch,
        record.seconds,
        seed,
        network.fingerprint,
        commit(),
        machine(),
        versions(("torch", "lava-dl", "lightning", "numpy", "scikit-learn")),
    )


def _without_prefix(state: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    return {name.removeprefix("network."): tensor for name, tensor in state.items()}


def _problems(data: DataConfig, optimizer: OptimizerConfig, loss: LossConfig, seed: int, threads: int) -> Iterator[str]:
    above_zero = {"optimizer.lr": optimizer.lr, "loss.gain": loss.gain}
    at_least_zero = {
        "data.deformation": data.deformation,
        "loss.operations": loss.operations,
        "loss.spikes": loss.spikes,
        "optimizer.weight_decay": optimizer.weight_decay,
        "optimizer.delay_lr": optimizer.delay_lr,
        "optimizer.decay_lr": optimizer.decay_lr,
        "seed": seed,
    }
    at_least_one = {
        "optimizer.batch_size": optimizer.batch_size,
        "optimizer.max_epochs": optimizer.max_epochs,
        "optimizer.patience": optimizer.patience,
        "threads": threads,
    }
    yield from (f"{name}: must be above 0, got {value}" for name, value in above_zero.items() if not value > 0)
    yield from (f"{name}: must be at least 0, got {value}" for name, value in at_least_zero.items() if not value >= 0)
    yield from (f"{name}: must be at least 1, got {value}" for name, value in at_least_one.items() if value < 1)
    if not 0 <= loss.label_smoothing <= 1:
        yield f"loss.label_smoothing: must be 0…1, got {loss.label_smoothing}"
    for name, value in (above_zero | at_least_zero).items():
        if not isfinite(value):
            yield f"{name}: must be finite, got {value}"
