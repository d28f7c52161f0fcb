"""Lightning's loop as every recipe runs it: quiet, interruptible, resumable from safetensors."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping

from netx_exports.errors import LapilliError
from training.batches import Batch
from training.checkpoints import SafetensorsCheckpointIO
from training.epochs import MONITOR, EpochRecord
from training.progress import EpochBar
from training.run_folder import RunFolder


class TrainingInterruptedError(LapilliError):
    """Ctrl-C or a polite kill; everything up to the last finished epoch is in the run folder."""


def fit(
    classifier: LightningModule,
    batches: Iterable[Batch],
    validation: Iterable[Batch],
    folder: RunFolder,
    *,
    max_epochs: int,
    patience: int,
    accelerator: str,
    progress: bool,
) -> EpochRecord:
    """Train until `max_epochs`, or until `patience` epochs brought no lower validation loss.

    Goes on after the last finished epoch when the folder has a checkpoint.

    Returns:
        Metrics of all epochs and the best weights.

    Raises:
        TrainingInterruptedError: after Ctrl-C or SIGTERM.
        LapilliError: when the folder cannot be written, the checkpoint cannot be read, or there is no such accelerator.
    """
    record = EpochRecord(folder)
    stopping = EarlyStopping(MONITOR, patience=patience, check_finite=False)
    with quiet_lightning():
        try:
            trainer = Trainer(
                accelerator=accelerator,
                devices=1,
                max_epochs=max_epochs,
                callbacks=[stopping, record, *([EpochBar()] if progress else [])],
                plugins=[SafetensorsCheckpointIO()],
                enable_progress_bar=progress,
                enable_model_summary=False,
                logger=False,
                num_sanity_val_steps=0,
                default_root_dir=folder.path,
            )
        except MisconfigurationException as error:
            raise LapilliError(f"accelerator: {accelerator!r} cannot be used here ({error})") from error
        checkpoint = folder.checkpoint if folder.checkpoint.exists() else None
        try:
            trainer.fit(classifier, batches, validation, ckpt_path=checkpoint)
        except SystemExit as stop:
            # Lightning exits the interpreter on Ctrl-C and on SIGTERM.
            raise TrainingInterruptedError(
                f"stopped after epoch {len(record.rows)} of {max_epochs}; "
                f"resume the run in {folder.path} (--resume) to go on"
            ) from stop
    return record


@contextmanager
def torch_settings(seed: int, threads: int) -> Iterator[None]:
    """torch's global random generator seeded and its threads set, both restored at the end."""
    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.set_num_threads(threads)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            torch.set_num_threads(before)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Keep Lightning's remarks about devices, tips and stopping out of the way; warnings stay."""
    loggers = [logging.getLogger(name) for name in ("lightning", "lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)
