"""What arrives at a layer, as events where they are few and their sums are exact."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lapilli.training.fused.kernels.events import (
    count_bits,
    events_by_channel,
    events_by_step,
    from_bits,
    largest_sum,
    to_bits,
)
from lapilli.training.fused.kernels.limits import OVERFLOW, UNIT
from lapilli.training.fused.kernels.records import Events

FORWARD_DENSITY = 0.4
"""Share of inputs that are active above which one dense product takes less time than gathering rows of weights."""

_BINARY_SUM = 1 << 15
_GRADED_SUM = 1 << 9


@dataclass(frozen=True)
class InputEvents:
    """What is not 0 in a batch, ordered by sample, step and channel.

    Arguments:
        n_samples, n_channels, n_steps: shape of the batch.
        starts: (samples * steps + 1), int64: where the events of each sample and step start.
        sources: (events), int32: their channels.
        graded: (events), float32: their values; empty if all are 1.
    """

    n_samples: int
    n_channels: int
    n_steps: int
    starts: torch.Tensor
    sources: torch.Tensor
    graded: torch.Tensor

    @property
    def shape(self) -> tuple[int, int, int]:
        """Samples, channels, steps."""
        return self.n_samples, self.n_channels, self.n_steps

    @property
    def are_graded(self) -> bool:
        """Whether they carry values."""
        return len(self.graded) > 0

    @property
    def record(self) -> Events:
        """As the kernels take them."""
        return Events(self.starts.numpy(), self.sources.numpy(), self.graded.numpy(), self.are_graded)

    def of_sample(self, sample: int) -> "InputEvents":
        """Those of one sample; `starts` still count from the first sample on."""
        first = sample * self.n_steps
        starts = self.starts[first : first + self.n_steps + 1]
        return InputEvents(1, self.n_channels, self.n_steps, starts, self.sources, self.graded)


@dataclass(frozen=True)
class KeptEvents:
    """Events of a batch between the pass there and the way back, as bits where those are fewer than their numbers.

    Arguments:
        shape: samples, channels, steps.
        tensors: those of `InputEvents`, or the bits, uint64 (words) as int64.
    """

    shape: tuple[int, int, int]
    tensors: tuple[torch.Tensor, ...]

    @classmethod
    def of(cls, events: InputEvents) -> "KeptEvents":
        """What holds the events."""
        rows, words = events.n_samples * events.n_steps, (events.n_channels + 63) // 64
        if events.are_graded or 8 * words * rows >= 4 * len(events.sources):
            return cls(events.shape, (events.starts, events.sources, events.graded))
        bits = torch.zeros(rows, words, dtype=torch.int64)
        to_bits(events.starts.numpy(), events.sources.numpy(), bits.numpy().view(np.uint64))
        return cls(events.shape, (bits,))

    def events(self) -> InputEvents:
        """The same events, in the same order."""
        if len(self.tensors) > 1:
            return InputEvents(*self.shape, *self.tensors)
        return _unpacked(self.shape, self.tensors[0])

    def of_sample(self, sample: int) -> InputEvents:
        """Those of one sample."""
        if len(self.tensors) > 1:
            return self.events().of_sample(sample)
        _, n_channels, n_steps = self.shape
        return _unpacked((1, n_channels, n_steps), self.tensors[0][sample * n_steps : (sample + 1) * n_steps])


def _unpacked(shape: tuple[int, int, int], bits: torch.Tensor) -> InputEvents:
    words, starts = bits.numpy().view(np.uint64), np.empty(len(bits) + 1, np.int64)
    sources = np.empty(count_bits(words, starts), np.int32)
    from_bits(words, sources)
    return InputEvents(*shape, torch.from_numpy(starts), torch.from_numpy(sources), torch.empty(0))


def input_events(values: torch.Tensor, fan_in: int, density: float) -> InputEvents | None:
    """The events of a batch (samples, channels, steps), float32.

    Arguments:
        values: the batch.
        fan_in: most channels that a neuron sees.
        density: share of active inputs above which a dense product is faster.

    Returns:
        None where a dense product is faster, or where a sum of quantised weights could round in single precision, so
        that it matters in which order SLAYER's product adds.
    """
    n_samples, n_channels, n_steps = values.shape
    starts = torch.empty(n_samples * n_steps + 1, dtype=torch.int64)
    # A copy: what is kept for the way back should not hold the room that was not needed.
    room = torch.empty(int(density * values.numel()), dtype=torch.int32)
    number, binary = _find(values.detach(), starts.numpy(), room.numpy())
    if number == OVERFLOW:
        return None
    sources = room[:number].clone()
    if binary:
        events = InputEvents(n_samples, n_channels, n_steps, starts, sources, torch.empty(0))
        return events if fan_in <= _BINARY_SUM else None
    rows = torch.repeat_interleave(torch.arange(n_samples * n_steps), starts.diff())
    graded = values.detach()[rows // n_steps, sources.long(), rows % n_steps].contiguous()
    largest, on_grid = largest_sum(starts.numpy(), graded.numpy())
    if not on_grid or largest > _GRADED_SUM:
        return None
    return InputEvents(n_samples, n_channels, n_steps, starts, sources, graded)


def exact_sums(values: torch.Tensor, fan_in: int) -> bool:
    """Whether sums of `fan_in` products of a batch and quantised weights are exact in whatever order they are added."""
    detached = values.detach()
    largest = float(detached.abs().max()) * fan_in
    if largest <= _BINARY_SUM and bool((detached.round() == detached).all()):
        return True
    scaled = detached * UNIT
    return largest <= _GRADED_SUM and bool((scaled.round() == scaled).all())


def _find(values: torch.Tensor, starts: Any, sources: Any) -> tuple[int, bool]:
    _, n_channels, n_steps = values.shape
    found = np.empty(n_channels * n_steps, np.int32)
    by_step = values.transpose(1, 2)
    if by_step.is_contiguous():
        return events_by_step(by_step.flatten(1).numpy(), n_channels, starts, sources, found)
    counts = np.empty(n_steps, np.int64)
    return events_by_channel(values.contiguous().flatten(1).numpy(), n_steps, starts, sources, found, counts)
