"""Batches of spike trains as tensors, in an order that depends on seed and epoch alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from lapilli.simulators.events import Events
from lapilli.training.data.augmentation import Augment
from lapilli.training.data.samples import Samples
from lapilli.training.networks.time import slayer_input


class Batch(NamedTuple):
    """Some samples.

    Arguments:
        values: input, (samples, *shape, steps).
        labels: (samples,), int64.
        lengths: valid steps of each sample, (samples,), int64; the rest is padding.
        weight: factor of the loss, by which unequal shares of several processes become one mean; 1 for one process.
        teacher_values: the same samples as a teacher sees them, (samples, *shape, steps of the teacher), or None.
        teacher_lengths: their valid steps there, (samples,), int64, or None.
    """

    values: torch.Tensor
    labels: torch.Tensor
    lengths: torch.Tensor
    weight: torch.Tensor
    teacher_values: torch.Tensor | None = None
    teacher_lengths: torch.Tensor | None = None


@dataclass(frozen=True)
class TeacherInput:
    """What a teacher sees while a student trains.

    Arguments:
        samples: the same recordings as the student's, in the same order, in the teacher's steps; never augmented.
        n_steps: steps that the teacher runs.
    """

    samples: Samples
    n_steps: int


@dataclass
class TrainingBatches:
    """All samples once in each epoch, shuffled; iterating gives the batches of `epoch`.

    Of several processes each gets a share of every batch, drawn and augmented as one process alone would.

    Arguments:
        samples: with labels.
        n_steps: steps that a sample runs.
        size: samples in a batch of all processes; the last one may have fewer.
        seed: of order and augmentation.
        augment: applied to each batch.
        teacher: what a teacher sees; None: no teacher.
        epoch: from 0; set it before iterating.
        rank, world: number of this process, from 0, and how many there are; set them before iterating.
    """

    samples: Samples
    n_steps: int
    size: int
    seed: int
    augment: Augment
    teacher: TeacherInput | None = None
    epoch: int = 0
    rank: int = 0
    world: int = 1

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self.samples) // self.size)

    def __iter__(self) -> Iterator[Batch]:
        generator = np.random.default_rng([self.seed, self.epoch])
        order = generator.permutation(len(self.samples))
        for first in range(0, len(order), self.size):
            chosen = order[first : first + self.size]
            events = self.augment(self.samples.select(chosen), generator)
            share = np.arange(self.rank, len(chosen), self.world)
            weight = len(share) * self.world / len(chosen)
            if not len(share):
                # A process must take part in every step: it gets a sample that does not count.
                share = np.array([0])
            batch = as_batch(events if self.world == 1 else events.select(share), self.n_steps)
            yield self._with_teacher(batch, chosen[share], self.samples.lengths[chosen[share]], weight)

    def _with_teacher(
        self, batch: Batch, rows: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], weight: float
    ) -> Batch:
        batch = batch._replace(lengths=torch.from_numpy(lengths), weight=torch.tensor(weight))
        if self.teacher is None:
            return batch
        seen = slayer_input(self.teacher.samples.select(rows), self.teacher.n_steps)
        return batch._replace(teacher_values=seen, teacher_lengths=torch.from_numpy(self.teacher.samples.lengths[rows]))


@dataclass(frozen=True)
class ValidationBatches:
    """All samples in their order, unchanged.

    Arguments:
        samples: with labels.
        n_steps: steps that a sample runs.
        size: samples in a batch; the last one may have fewer.
    """

    samples: Samples
    n_steps: int
    size: int

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self.samples) // self.size)

    def __iter__(self) -> Iterator[Batch]:
        for first in range(0, len(self.samples), self.size):
            chosen = slice(first, first + self.size)
            batch = as_batch(self.samples.select(chosen), self.n_steps)
            yield batch._replace(lengths=torch.from_numpy(self.samples.lengths[chosen]))


def as_batch(events: Events, n_steps: int) -> Batch:
    """Events with labels as tensors, every step of them valid."""
    assert events.labels is not None
    lengths = torch.full((len(events),), events.n_steps)
    return Batch(slayer_input(events, n_steps), torch.from_numpy(events.labels), lengths, torch.tensor(1.0))


def valid_steps(lengths: torch.Tensor, late: int, n_steps: int) -> torch.Tensor:
    """Steps of a readout that answer to a step of the recording and not to padding, (samples, steps), bool.

    Arguments:
        lengths: valid steps of the input, (samples,).
        late: steps after which the readout has answered.
        n_steps: of the readout.
    """
    return torch.arange(n_steps, device=lengths.device) < (lengths + late)[:, None]
