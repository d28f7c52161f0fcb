"""One progress bar for a whole training, on stderr, silent where nobody watches."""

import sys
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from tqdm import tqdm


class EpochBar(ProgressBar):
    """Counts epochs and batches, with the speed, the time left and what was logged last.

    Lightning's own bars print a line for each epoch and write to stdout, where `--json` puts its answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._bar: tqdm[Any] | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the bar; a resumed training starts where it was."""
        batches = int(trainer.num_training_batches)
        self._bar = tqdm(
            total=batches * (trainer.max_epochs or 0),
            initial=batches * trainer.current_epoch,
            unit="batch",
            file=sys.stderr,
            # None: tqdm stays silent when its file is no terminal.
            disable=None,
        )

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """One batch further."""
        if self._bar is not None:
            self._bar.set_description(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}", refresh=False)
            self._bar.update()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show what the epoch reached."""
        if self._bar is not None:
            self._bar.set_postfix({name: f"{float(value):.4g}" for name, value in trainer.callback_metrics.items()})

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the bar as it stands."""
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave the bar as it stands, so that the error gets a line of its own."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
