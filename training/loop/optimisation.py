"""How long and how fast a recipe trains, and what it pays for beside right answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from lapilli.training.methods.schedules import released_warm_up, warm_up_cosine


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW and how long it runs."""

    lr: float = 3e-3
    """Largest learning rate."""

    warm_up: float = 0.0
    """Epochs, or a part of one, in which the learning rate rises to `lr` before it falls to 0 along half a cosine."""

    schedule: Literal["by epoch", "by batch", "spikescr released"] = "by epoch"
    """When the learning rate changes; or what SpikeSCR's released distillation scripts do, with a warm-up that hardly
    rises and a cosine of 40 epochs that comes back (`lapilli.training.methods.schedules`)."""

    weight_decay: float = 0.0
    """AdamW's decoupled weight decay, of weights."""

    delay_lr: float = 30.0
    """Learning rate of delays, in steps, over that of weights."""

    decay_lr: float = 0.1
    """Learning rate of decays, as shares, over that of weights."""

    clip_norm: float | None = None
    """Longest gradient of all weights together; longer ones are shortened. None: any."""

    batch_size: int = 64
    """Samples in a batch, of all devices together."""

    max_epochs: int = 80
    """Epochs after which training ends; the learning rate reaches 0 there."""

    patience: int = 40
    """Epochs without a lower validation loss after which training ends early."""

    keep: Literal["best", "last"] = "best"
    """Whether the weights of the epoch with the lowest validation loss are kept, or the last ones."""


@dataclass(frozen=True)
class LossConfig:
    """From scores to logits, and what operations and spikes cost."""

    gain: float = 4.0
    """Factor from a step's score (voltage in SLAYER's unit, share of the softmax, or spike) to logit."""

    padding: Literal["counted", "masked"] = "counted"
    """Whether steps that answer to padding count in the loss as in the decision of an exported network, or not."""

    operations: float = 0.0
    """Loss for 1,000 synaptic operations of a sample; above 0, the network learns to need fewer."""

    spikes: float = 0.0
    """Loss for 1,000 spikes of the layers in a sample."""


def learning_rate(config: OptimizerConfig, epoch: int, within: float = 0.0, batches: int = 1) -> float:
    """Learning rate of weights.

    Arguments:
        config: its schedule.
        epoch: from 0.
        within: share of the epoch that is over, 0…1; counts where the rate changes by batch.
        batches: in an epoch; counts for SpikeSCR's released schedule.
    """
    if config.schedule == "spikescr released":
        return released_warm_up(epoch, config.lr, batches, int(config.warm_up))
    now = epoch + (within if config.schedule == "by batch" else 0.0)
    return warm_up_cosine(now, config.lr, config.max_epochs, config.warm_up)


def optimisation_problems(optimizer: OptimizerConfig, loss: LossConfig) -> Iterator[str]:
    """Every value out of its range, with its name."""
    above_zero = {"optimizer.lr": optimizer.lr, "loss.gain": loss.gain}
    if optimizer.clip_norm is not None:
        above_zero["optimizer.clip_norm"] = optimizer.clip_norm
    at_least_zero = {
        "loss.operations": loss.operations,
        "loss.spikes": loss.spikes,
        "optimizer.warm_up": optimizer.warm_up,
        "optimizer.weight_decay": optimizer.weight_decay,
        "optimizer.delay_lr": optimizer.delay_lr,
        "optimizer.decay_lr": optimizer.decay_lr,
    }
    at_least_one = {
        "optimizer.batch_size": optimizer.batch_size,
        "optimizer.max_epochs": optimizer.max_epochs,
        "optimizer.patience": optimizer.patience,
    }
    yield from out_of_range(above_zero, at_least_zero, at_least_one)


def out_of_range(
    above_zero: Mapping[str, float], at_least_zero: Mapping[str, float], at_least_one: Mapping[str, float]
) -> Iterator[str]:
    """A sentence for each value, by name, that is not in its range."""
    yield from (f"{name}: must be above 0, got {value}" for name, value in above_zero.items() if not value > 0)
    yield from (f"{name}: must be at least 0, got {value}" for name, value in at_least_zero.items() if not value >= 0)
    yield from (f"{name}: must be at least 1, got {value}" for name, value in at_least_one.items() if value < 1)
    for name, value in {**above_zero, **at_least_zero}.items():
        if not isfinite(value):
            yield f"{name}: must be finite, got {value}"
