"""Input of a batch step by step: dense frames made from sparse events when their step has come."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch

from lapilli.simulators.events import Events


class Stream(Protocol):
    """Samples whose input comes step by step; each iteration starts anew.

    Attributes:
        n_samples, n_steps: how many.
        labels: class of each sample, (samples,), int64.
    """

    n_samples: int
    n_steps: int
    labels: torch.Tensor

    def __iter__(self) -> Iterator[torch.Tensor]:
        """The input of each step, (samples, *shape)."""
        ...


class Frames:
    """Events as a stream; only the frame of one step is dense.

    Arguments:
        events: with labels.
        n_steps: steps to give; what is later is dropped, what is missing is silence.
        shape: of a sample's frame, with as many neurons as the events have.
        dtype: of the frames.
    """

    def __init__(self, events: Events, n_steps: int, shape: Sequence[int], dtype: torch.dtype = torch.float32) -> None:
        assert events.labels is not None
        self.n_samples, self.n_steps = len(events), n_steps
        self.labels = torch.from_numpy(events.labels)
        self._shape, self._dtype = (len(events), *shape), dtype
        order = np.argsort(events.step, kind="stable")
        self._edges = np.searchsorted(events.step[order], np.arange(n_steps + 1)).tolist()
        places = events.sample_of_event * events.n_neurons + events.neuron
        self._places = places[order].astype(np.int64)
        self._values = None if events.value is None else events.value[order]

    def __iter__(self) -> Iterator[torch.Tensor]:
        for first, last in zip(self._edges, self._edges[1:]):
            frame = torch.zeros(self._shape, dtype=self._dtype)
            # numpy's assignment takes a fraction of torch's time.
            frame.view(-1).numpy()[self._places[first:last]] = 1 if self._values is None else self._values[first:last]
            yield frame
