"""Batches as streams, in an order that depends on seed and epoch alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lapilli.simulators.events import Events
from lapilli.training.data.augmentation import Augment
from lapilli.training.data.samples import Samples
from lapilli.training.stllr.frames import Frames


@dataclass
class StreamBatches:
    """All samples once; iterating gives the batches of `epoch`.

    Arguments:
        samples: with labels.
        n_steps: of a sample.
        shape: of a frame.
        size: samples in a batch; the last one may have fewer.
        seed: of order and augmentation; None: in their order, unchanged.
        augment: applied to each batch where there is a seed.
        epoch: from 0; set it before iterating.
    """

    samples: Samples
    n_steps: int
    shape: Sequence[int]
    size: int
    seed: int | None = None
    augment: Augment | None = None
    epoch: int = 0

    @property
    def identity(self) -> tuple[int, int]:
        """Seed and epoch: of all that is drawn at random."""
        return self.seed or 0, self.epoch

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self.samples) // self.size)

    def __iter__(self) -> Iterator[Frames]:
        for events in self.events():
            yield Frames(events, self.n_steps, self.shape)

    def events(self) -> Iterator[Events]:
        """The same batches, not made into streams."""
        generator = np.random.default_rng(self.identity)
        everyone = np.arange(len(self.samples))
        order = everyone if self.seed is None else generator.permutation(everyone)
        for first in range(0, len(order), self.size):
            events = self.samples.select(order[first : first + self.size])
            if self.seed is not None and self.augment is not None:
                events = self.augment(events, generator)
            yield events
