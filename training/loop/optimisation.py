"""How long and how fast a recipe trains, and what it pays for beside right answers."""

from dataclasses import dataclass
from typing import Annotated, Literal

from lapilli.simulators.configurations import configuration
from lapilli.simulators.configurations.ranges import AboveZero, AtLeastZero, Count, within
from lapilli.training.methods.schedules import released_warm_up, warm_up_cosine


@configuration("optimizer")
@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW and how long it runs."""

    lr: AboveZero = 3e-3
    """Largest learning rate."""

    warm_up: AtLeastZero = 0.0
    """Epochs, or a part of one, in which the learning rate rises to `lr` before it falls to 0 along half a cosine."""

    schedule: Literal["by epoch", "by batch", "spikescr released"] = "by epoch"
    """When the learning rate changes. One choice is that of SpikeSCR's released distillation scripts, with a warm-up
    that hardly rises and a cosine of 40 epochs that comes back (`lapilli.training.methods.schedules`)."""

    weight_decay: AtLeastZero = 0.0
    """AdamW's decoupled weight decay, of weights."""

    delay_lr: AtLeastZero = 30.0
    """Learning rate of delays, in steps, over that of weights."""

    decay_lr: AtLeastZero = 0.1
    """Learning rate of decays, as shares, over that of weights."""

    clip_norm: AboveZero | None = None
    """Longest gradient of all weights together. Longer ones are shortened. None allows any."""

    batch_size: Count = 64
    """Samples in a batch, of all devices together."""

    max_epochs: Count = 80
    """Epochs after which training ends. The learning rate reaches 0 there."""

    patience: Count = 40
    """Epochs without a lower validation loss after which training ends early."""

    keep: Literal["best", "last"] = "best"
    """Whether the weights of the epoch with the lowest validation loss are kept, or the last ones."""

    average: Annotated[float, within(0, 0.99999)] | None = None
    """Share of the mean that stays in each step of an exponential moving average of weights and batch statistics, such
    as 0.99. The average is what is validated, kept and exported. None takes the weights themselves."""


@configuration("loss")
@dataclass(frozen=True)
class LossConfig:
    """From scores to logits, and what operations and spikes cost."""

    gain: AboveZero = 4.0
    """Factor from a step's score (voltage in SLAYER's unit, share of the softmax, or spike) to logit."""

    padding: Literal["counted", "masked"] = "counted"
    """Whether steps that answer to padding count in the loss as in the decision of an exported network, or not."""

    operations: AtLeastZero = 0.0
    """Loss for 1,000 synaptic operations of a sample. Above 0, the network learns to need fewer."""

    spikes: AtLeastZero = 0.0
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
