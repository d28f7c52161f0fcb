"""Lightning's loop as every recipe runs it: quiet, interruptible, resumable from safetensors."""

import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.strategies import DDPStrategy

from lapilli.netx_exports.errors import FormatError, LapilliError
from lapilli.training.loop.averaging import AveragedWeights
from lapilli.training.loop.batches import Batch
from lapilli.training.loop.checkpoints import SafetensorsCheckpointIO, whole_checkpoint
from lapilli.training.loop.epochs import MONITOR, EpochRecord
from lapilli.training.loop.processes import processes_of
from lapilli.training.loop.progress import EpochBar
from lapilli.training.loop.run_folder import RunFolder


@dataclass(frozen=True)
class Machine:
    """What a training runs on.

    Arguments:
        accelerator: "cpu", "gpu", or "auto" for one of NVIDIA's GPUs if there is one.
        devices: processes or GPUs that share each batch.
        precision: as Lightning names it.
    """

    accelerator: str = "cpu"
    devices: int = 1
    precision: Any = "32-true"

    @property
    def found(self) -> str:
        """Lightning's name of the accelerator; its own "auto" would take Apple's GPUs, which lack double precision."""
        if self.accelerator == "auto":
            return "gpu" if torch.cuda.is_available() else "cpu"
        return self.accelerator

    @property
    def strategy(self) -> str | DDPStrategy:
        """Lightning's own way to use the devices."""
        if self.devices == 1:
            return "auto"
        # Forked processes keep the open data set; each gathers the gradients of all. What has a gradient in one step
        # has one in all.
        backend = "nccl" if self.found == "gpu" else "gloo"
        return DDPStrategy(start_method="fork", process_group_backend=backend, static_graph=True)


class TrainingInterruptedError(LapilliError):
    """Ctrl-C or a polite kill; everything up to the last finished epoch is in the run folder."""


_OF_DAMAGED_CHECKPOINTS = (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError)
"""What Lightning raises where a checkpoint lacks what it wrote there, or has another kind of it."""


def fit(
    classifier: LightningModule,
    batches: Iterable[Batch],
    validation: Sequence[Iterable[Batch]],
    folder: RunFolder,
    *,
    max_epochs: int,
    patience: int,
    on: Machine,
    progress: bool,
    average: float | None = None,
) -> EpochRecord:
    """Train until `max_epochs`, or until `patience` epochs brought no lower validation loss.

    Goes on after the last finished epoch when the folder has a checkpoint. With `average`, what is validated and kept
    is an exponential moving average of the weights; it keeps this share of itself in each step.

    Returns:
        Metrics of all epochs, the best weights and the last ones.

    Raises:
        TrainingInterruptedError: after Ctrl-C or SIGTERM.
        LapilliError: when the folder cannot be written, the checkpoint cannot be read, or there is no such accelerator.
        FormatError: when Lightning cannot go on from the checkpoint.
    """
    averaging = None if average is None else AveragedWeights(average)
    record = EpochRecord(folder, averaging.weights if averaging else LightningModule.state_dict)
    stopping = EarlyStopping(MONITOR, patience=patience, check_finite=False)
    with quiet_lightning():
        try:
            trainer = Trainer(
                accelerator=on.found,
                devices=on.devices,
                strategy=on.strategy,
                precision=on.precision,
                max_epochs=max_epochs,
                callbacks=[
                    *([averaging] if averaging else []),
                    stopping,
                    record,
                    *([EpochBar()] if progress else []),
                ],
                plugins=[SafetensorsCheckpointIO()],
                enable_progress_bar=progress,
                enable_model_summary=False,
                logger=False,
                num_sanity_val_steps=0,
                default_root_dir=folder.path,
            )
        except MisconfigurationException as error:
            raise LapilliError(f"accelerator: {on.accelerator!r} cannot be used here ({error})") from error
        checkpoint = whole_checkpoint(folder.checkpoint) if folder.checkpoint.exists() else None
        try:
            with processes_of(trainer) if on.devices > 1 else nullcontext():
                trainer.fit(classifier, batches, validation, ckpt_path=checkpoint)
        except LapilliError:
            raise
        except _OF_DAMAGED_CHECKPOINTS as error:
            if checkpoint is None or record.begun:
                raise
            said = f"not a checkpoint of this run, or a damaged one ({type(error).__name__}: {error})"
            raise FormatError(str(checkpoint), [said]) from error
        except SystemExit as stop:
            # Lightning exits the interpreter on Ctrl-C and on SIGTERM.
            if on.devices > 1 and folder.checkpoint.exists():
                record.load_checkpoint()
            raise TrainingInterruptedError(
                f"stopped after epoch {len(record.rows)} of {max_epochs}; "
                f"resume the run in {folder.path} (--resume) to go on"
            ) from stop
    if on.devices > 1:
        # What the processes remember is theirs; the checkpoint has it all.
        record.load_checkpoint()
    else:
        record.take_last(classifier)
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
    """Keep Lightning's remarks about devices, tips and stopping out of the way; warnings stay, but for one.

    Of that one, which torch gives from 2.9 on, Lightning 2.6 is the cause.
    """
    loggers = [logging.getLogger(name) for name in ("lightning", "lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)
            yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)
