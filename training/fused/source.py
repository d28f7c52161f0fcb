"""Synapses that give what arrives as numbers, a sample at a time, so that it stays in the cache."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from lapilli.training.fused.events import InputEvents, KeptEvents
from lapilli.training.fused.form import Form
from lapilli.training.fused.kernels.records import Incoming

Array = npt.NDArray[Any]


class Source(Protocol):
    """A synapse that gives what arrives at the neurons of a whole sample at once, as numbers."""

    def prepared(self, weight: torch.Tensor) -> Array:
        """Quantised weights as the other functions read them."""

    def arrive(self, events: InputEvents, weights: Array, real: Array) -> None:
        """Write what arrives in a sample, (steps, neurons), in SLAYER's unit."""

    def add_weight_gradient(self, events: InputEvents, arriving: Array, found: Array) -> None:
        """Add to the gradient of prepared weights, double precision, from that of what arrives in a sample."""

    def weight_gradient(self, found: Array, weight: torch.Tensor) -> torch.Tensor:
        """The gradient of weights from that of prepared weights."""

    def no_value_gradient(self, n_samples: int, n_steps: int) -> torch.Tensor:
        """Zeros for `add_value_gradient`, of all samples."""

    def add_value_gradient(self, arriving: torch.Tensor, weight: torch.Tensor, found: torch.Tensor) -> None:
        """Add to the gradient of a sample's input from that of what arrives, (steps, neurons)."""

    def value_gradient(self, found: torch.Tensor) -> torch.Tensor:
        """The gradient of the input in its shape."""


@dataclass(frozen=True)
class SourceSums:
    """What a `Source` gives for the samples of a batch.

    Arguments:
        source: the synapse.
        form: how the neurons behind it lie.
        weights: prepared.
        events: of the batch.
    """

    source: Source
    form: Form
    weights: Array
    events: InputEvents | KeptEvents

    @classmethod
    def of(
        cls, source: Source | None, form: Form, weight: torch.Tensor | None, events: InputEvents | KeptEvents | None
    ) -> "SourceSums | None":
        """None where there is no such synapse."""
        if source is None or weight is None or events is None:
            return None
        return cls(source, form, source.prepared(weight), events)

    @property
    def size(self) -> tuple[int, int]:
        """Steps and neurons."""
        return self.form.shape[-1], self.form.shape[1:-1].numel()

    def one_by_one(self, incoming: Incoming, first: int, last: int) -> Iterator[tuple[Incoming, int, int]]:
        """What arrives in each sample, in the same room, and the sample as a range."""
        real = np.empty((1, *self.size), np.float32)
        for sample in range(first, last):
            self.source.arrive(self.events.of_sample(sample), self.weights, real[0])
            yield incoming._replace(real=real, real_first=sample), sample, sample + 1
