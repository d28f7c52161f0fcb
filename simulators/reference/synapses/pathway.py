"""A synapse at work: sums on their way to the neurons, samples side by side."""

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.synapses.synapse import MAX_DELAY, Shape

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]

_SLOTS = MAX_DELAY + 2


class Pathway:
    """Base of the synapse kinds of this backend.

    Arguments:
        synapse: kind and parameters.
        source_shape, shape: of what it reads and of the layer that it feeds.
        n_samples: samples at once.

    `counted` holds what the kind counts, int64, (samples,), to which `sums` adds.
    """

    def __init__(self, synapse: Any, source_shape: Shape, shape: Shape, n_samples: int) -> None:
        self.synapse = synapse
        self.source_shape, self.shape = source_shape, shape
        self.counted = {name: np.zeros(n_samples, np.int64) for name in synapse.counters}
        # (samples, slots, neurons), a slot for each step to come.
        self._on_the_way = np.zeros((n_samples, _SLOTS, prod(shape)), np.int32)

    def sums(self, step: int, sent: Int64) -> Iterator[tuple[int, Int64]]:
        """(delay, sums at the neurons) of what the source sent in a step, all (samples, neurons)."""
        raise NotImplementedError

    def accept(self, step: int, sent: Int64) -> None:
        """Put the sums that what was sent in this step causes on their way."""
        for delay, total in self.sums(step, sent):
            self._on_the_way[:, (step + self.synapse.steps + delay) % _SLOTS] += total.astype(np.int32)

    def deliver(self, step: int) -> Int32:
        """What reaches the neurons in this step."""
        slot = step % _SLOTS
        arriving = self._on_the_way[:, slot].copy()
        self._on_the_way[:, slot] = 0
        return arriving


def wrap32(total: Int64) -> Int64:
    """Lava's Dense adds up in int32."""
    return total.astype(np.int32).astype(np.int64)
