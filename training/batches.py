"""Batches of spike trains as tensors, in an order that depends on seed and epoch alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from simulators.events import Events
from training.alignment import slayer_input

Batch = tuple[torch.Tensor, torch.Tensor]
"""Input (samples, *shape, steps) and labels (samples,)."""

Augment = Callable[[Events, np.random.Generator], Events]
"""Changes samples at random, labels kept."""


@dataclass
class TrainingBatches:
    """All samples once in each epoch, shuffled; iterating gives the batches of `epoch`.

    Arguments:
        events: with labels.
        n_steps: steps of the input.
        size: samples in a batch; the last one may have fewer.
        seed: of order and augmentation.
        augment: applied to each batch.
        epoch: from 0; set it before iterating.
    """

    events: Events
    n_steps: int
    size: int
    seed: int
    augment: Augment
    epoch: int = 0

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self.events) // self.size)

    def __iter__(self) -> Iterator[Batch]:
        generator = np.random.default_rng([self.seed, self.epoch])
        order = generator.permutation(len(self.events))
        for first in range(0, len(order), self.size):
            chosen = self.events.select(order[first : first + self.size])
            yield as_batch(self.augment(chosen, generator), self.n_steps)


@dataclass(frozen=True)
class ValidationBatches:
    """All samples in their order, unchanged.

    Arguments:
        events: with labels.
        n_steps: steps of the input.
        size: samples in a batch; the last one may have fewer.
    """

    events: Events
    n_steps: int
    size: int

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self.events) // self.size)

    def __iter__(self) -> Iterator[Batch]:
        for first in range(0, len(self.events), self.size):
            yield as_batch(self.events.select(slice(first, first + self.size)), self.n_steps)


def as_batch(events: Events, n_steps: int) -> Batch:
    """Events with labels as tensors."""
    assert events.labels is not None
    return slayer_input(events, n_steps), torch.from_numpy(events.labels)
