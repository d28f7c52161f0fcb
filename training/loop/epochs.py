"""What a training remembers after each epoch: metrics, the best weights, and one checkpoint file with everything."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from lapilli.training.loop.checkpoints import SafetensorsCheckpointIO
from lapilli.training.loop.run_folder import RunFolder, write_metrics

MONITOR = "validation_loss"
"""Lowest is best."""


class EpochRecord(Checkpoint):
    """Writes `metrics.csv` and the checkpoint after each epoch.

    The best weights and all rows of the metrics are part of the checkpoint, so that one atomic write moves the whole
    run from one epoch to the next; Lightning's `ModelCheckpoint` spreads the same over files that a kill can leave in
    disagreement.

    Arguments:
        folder: where to write.
        weights: of the module that is trained: its own, or an average of them.

    Attributes:
        rows: metrics of each epoch.
        best, best_epoch: weights with the lowest validation loss, and their epoch, counted from 1.
        last: weights after the last epoch; known when training has ended.
        begun: whether an epoch has begun in this process.
    """

    def __init__(self, folder: RunFolder, weights: Callable[[LightningModule], Mapping[str, torch.Tensor]]) -> None:
        self._folder = folder
        self._weights = weights
        self._started = 0.0
        self.begun = False
        self.rows: list[dict[str, float]] = []
        self.best: dict[str, torch.Tensor] = {}
        self.best_epoch = 0
        self.last: dict[str, torch.Tensor] = {}

    @property
    def seconds(self) -> float:
        """Time spent in finished epochs."""
        return sum(row["seconds"] for row in self.rows)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A run that had stopped early stays stopped when it is resumed."""
        if any(
            stopping is not None and stopping.wait_count >= stopping.patience
            for stopping in trainer.early_stopping_callbacks
        ):
            trainer.should_stop = True

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self.begun = True
        self._started = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning calls this last of all callbacks, after early stopping has decided."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        if not self.best or metrics[MONITOR] < self.rows[self.best_epoch - 1][MONITOR]:
            self.best_epoch = trainer.current_epoch + 1
            self.best = {name: tensor.detach().cpu().clone() for name, tensor in self._weights(pl_module).items()}
        elapsed = time.perf_counter() - self._started
        self.rows.append({"epoch": trainer.current_epoch + 1, **metrics, "seconds": elapsed})
        if trainer.is_global_zero:
            write_metrics(self._folder, self.rows)
        trainer.save_checkpoint(self._folder.checkpoint, weights_only=False)

    def take_last(self, module: LightningModule) -> None:
        """Keep the weights that a training ended with."""
        self.last = {name: tensor.detach().cpu() for name, tensor in self._weights(module).items()}

    def load_checkpoint(self) -> None:
        """Take everything from the checkpoint that other processes wrote."""
        found = SafetensorsCheckpointIO().load_checkpoint(self._folder.checkpoint)
        self.load_state_dict(found["callbacks"][self.state_key])
        self.last = dict(found["state_dict"])

    def state_dict(self) -> dict[str, Any]:
        """What the checkpoint keeps of this record."""
        return {"rows": self.rows, "best": self.best, "best_epoch": self.best_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.rows = list(state_dict["rows"])
        self.best = dict(state_dict["best"])
        self.best_epoch = int(state_dict["best_epoch"])
