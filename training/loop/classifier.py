"""The training step of every recipe: scores of the classes in each step, a method's loss, what spikes cost."""

from collections.abc import Mapping

import numpy as np
import torch
from lightning.pytorch import LightningModule

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.loop.batches import Batch, TrainingBatches, valid_steps
from lapilli.training.loop.inheritance import Teaching
from lapilli.training.loop.optimisation import LossConfig, OptimizerConfig, learning_rate
from lapilli.training.loop.parameter_groups import parameter_groups
from lapilli.training.methods import Method, method_loss
from lapilli.training.networks.operations import Costs
from lapilli.training.networks.readouts import step_scores
from lapilli.training.networks.trainable import TrainableNetwork

LOADERS = ("validation", "test")
"""What the validation loop goes through: the second one only where the test part is watched."""


class Classifier(LightningModule):
    """Trains a network by a method.

    Arguments:
        network: what is trained.
        batches: what it is trained on; its seed is also that of dropout and of methods that draw.
        optimizer: learning rate and its schedule.
        loss: gain, and the price of operations and spikes.
        method: the loss of the scores.
    """

    def __init__(
        self,
        network: TrainableNetwork,
        batches: TrainingBatches,
        optimizer: OptimizerConfig,
        loss: LossConfig,
        method: Method,
    ) -> None:
        super().__init__()
        self.network = network
        self._batches = batches
        self._optimizer = optimizer
        self._loss = loss
        self._method = method
        self._teaching: Teaching | None = None

    def learn_from(self, teaching: Teaching) -> None:
        """Let the method have the logits of a frozen network, whose weights are neither trained nor saved."""
        self._teaching = teaching

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW."""
        chosen = self._optimizer
        factors = {"delay_lr": chosen.delay_lr, "decay_lr": chosen.decay_lr}
        return torch.optim.AdamW(
            parameter_groups(self.network, chosen.lr, weight_decay=chosen.weight_decay, **factors), lr=chosen.lr
        )

    def on_fit_start(self) -> None:
        """Bring the teacher to where the network is."""
        if self._teaching is not None:
            self._teaching.module.to(self.device)

    def on_train_epoch_start(self) -> None:
        """Set what depends on epoch and process: order of the data, dropout's random numbers, learning rate."""
        self._batches.epoch = self.current_epoch
        self.network.begin_epoch(self.current_epoch, self._optimizer.max_epochs)
        self._batches.rank, self._batches.world = self.trainer.global_rank, self.trainer.world_size
        rank = self.trainer.global_rank
        seeds = [self._batches.seed, self.current_epoch, *([rank] if rank else [])]
        torch.manual_seed(int(np.random.SeedSequence(seeds).generate_state(1)[0]))
        self._set_learning_rate(0)

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        """Loss of one batch."""
        self._set_learning_rate(batch_idx)
        logits, answers = self._run(batch.values)
        teacher_logits, teacher_valid = self._taught(batch)
        loss = method_loss(
            self._method,
            logits,
            batch.labels,
            self.current_epoch,
            self._optimizer.max_epochs,
            valid=self._valid(self.network, batch.lengths, logits),
            teacher_logits=teacher_logits,
            teacher_valid=teacher_valid,
        )
        metrics = {}
        if self._loss.operations or self._loss.spikes:
            found = self.network.costs(batch.values, answers)
            loss = loss + self._price(found)
            metrics = {"train_operations": found.operations, "train_spikes": found.spikes}
        self._check_finite(loss)
        self._log({"train_loss": loss} | metrics, len(batch.labels) if batch.weight > 0 else 0)
        return loss * batch.weight

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Loss, without smoothing, accuracy, and what the spikes cost; of the test part, where watched, accuracy."""
        logits, answers = self._run(batch.values)
        mean = logits.mean(-1)
        part = LOADERS[dataloader_idx]
        metrics = {f"{part}_accuracy": (mean.argmax(1) == batch.labels).float().mean()}
        if part == "validation":
            found = self.network.costs(batch.values, answers)
            metrics["validation_loss"] = torch.nn.functional.cross_entropy(mean, batch.labels) + self._price(found)
            metrics["validation_operations"] = found.operations
            self._check_finite(metrics["validation_loss"])
        self._log(metrics, len(batch.labels))

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Limit the length of the gradient of all weights, where asked for."""
        if self._optimizer.clip_norm is not None:
            weights = [part for group in optimizer.param_groups if group["lr_factor"] == 1 for part in group["params"]]
            torch.nn.utils.clip_grad_norm_(weights, self._optimizer.clip_norm)

    def _log(self, metrics: Mapping[str, torch.Tensor], n_samples: int) -> None:
        single = {name: value.float() for name, value in metrics.items()}
        several = self.trainer.world_size > 1
        self.log_dict(
            single, on_step=False, on_epoch=True, sync_dist=several, add_dataloader_idx=False, batch_size=n_samples
        )

    def _set_learning_rate(self, batch: int) -> None:
        rate = learning_rate(self._optimizer, self.current_epoch, batch / len(self._batches), len(self._batches))
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = rate * group["lr_factor"]

    def _check_finite(self, loss: torch.Tensor) -> None:
        if not torch.isfinite(loss):
            raise LapilliError(
                f"the loss became {loss.item()} in epoch {self.current_epoch + 1}; "
                f"lower optimizer.lr ({self._optimizer.lr}) or loss.gain ({self._loss.gain})"
            )

    def _run(self, values: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        answers = self.network.answers(values)
        return _logits(self.network, answers[-1], self._loss.gain), answers

    def _taught(self, batch: Batch) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """What the teacher says, and in which steps that counts."""
        if self._teaching is None or batch.teacher_values is None or batch.teacher_lengths is None:
            return None, None
        teacher = self._teaching.module
        with torch.no_grad():
            logits = _logits(teacher, teacher(batch.teacher_values), self._teaching.gain)
        return logits, self._valid(teacher, batch.teacher_lengths, logits)

    def _valid(self, network: TrainableNetwork, lengths: torch.Tensor, logits: torch.Tensor) -> torch.Tensor | None:
        if self._loss.padding == "counted":
            return None
        return valid_steps(lengths, network.late_steps, logits.shape[-1])

    def _price(self, costs: Costs) -> torch.Tensor:
        price = (self._loss.operations * costs.operations + self._loss.spikes * costs.spikes) / 1000
        return price.float()


def _logits(network: TrainableNetwork, answers: torch.Tensor, gain: float) -> torch.Tensor:
    # In silent steps all classes are equal, which some method would take for a decision.
    return step_scores(network.config.readout, answers[..., network.silent_steps :]) * gain
