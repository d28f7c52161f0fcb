"""One progress bar for a whole training, on stderr, silent where nobody watches."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class EpochBar(ProgressBar):
    """Epochs done and to come, time left, and what was logged last.

    Lightning's own bars take a line for each epoch and write to stdout, where `--json` puts its answer.

    Arguments:
        console: where to draw; stderr where None. Nothing is drawn when it is no terminal.
    """

    def __init__(self, console: Console | None = None) -> None:
        super().__init__()
        self._console = console or Console(stderr=True)
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._drawn = True

    def disable(self) -> None:
        """Draw nothing: of several processes one draws."""
        self._drawn = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the bar; a resumed training starts where it was."""
        if not (self._drawn and self._console.is_terminal):
            return
        columns = (
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("epochs"),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
        )
        self._progress = Progress(*columns, console=self._console)
        self._task = self._progress.add_task("", total=trainer.max_epochs, completed=trainer.current_epoch)
        self._progress.start()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """One batch further."""
        if self._progress is not None:
            self._progress.advance(self._task, 1 / trainer.num_training_batches)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show what the epoch reached."""
        if self._progress is not None:
            metrics = (f"{name} {float(value):.4g}" for name, value in trainer.callback_metrics.items())
            self._progress.update(self._task, completed=trainer.current_epoch + 1, description=", ".join(metrics))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the bar as it stands."""
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave the bar as it stands, so that the error gets a line of its own."""
        self._close()

    def _close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
