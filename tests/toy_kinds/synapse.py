"""A synapse whose spikes come twice: in the next step with their weight, in the one after with half of it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import IntArray, update_digest
from lapilli.netx_exports.synapses.synapse import Int64, Shape, Synapse, freeze
from lapilli.simulators.reference.synapses.pathway import Pathway


@dataclass(frozen=True, eq=False)
class RepeatSynapse(Synapse):
    """One weight for each neuron, from the source neuron of the same number."""

    source: str
    weights: npt.ArrayLike
    port: str | None = None

    kind: ClassVar[str] = "toy_repeat"

    def __post_init__(self) -> None:
        found: list[str] = []
        freeze(self, "weights", -64, 64, np.int16, found)
        object.__setattr__(self, "_found", tuple(found))

    def problems(self, source_shape: Shape, shape: Shape) -> list[str]:
        """Everything that is wrong with this synapse between layers of these shapes."""
        if np.shape(self.weights) != (prod(shape),) or prod(source_shape) != prod(shape):
            return [*self._found, f"weights: shape must be ({prod(shape)},), got {np.shape(self.weights)}"]
        return list(self._found)

    @property
    def delay_range(self) -> tuple[int, int]:
        """The echo comes a step later."""
        return 0, 1

    @property
    def effective_weights(self) -> IntArray:
        """The weights, int32."""
        return np.asarray(self.weights).astype(np.int32)

    def fan_out(self, source_shape: Shape, shape: Shape) -> Int64:
        """Non-zero connections of each source neuron: the echo counts as the first does."""
        weights = self.effective_weights
        return (weights != 0).astype(np.int64) + (weights >> 1 != 0)

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs, but for the port."""
        update_digest(digest, self.kind, self.source, self.effective_weights)

    def chip_bits(self, size: int) -> int:
        """A byte for each weight."""
        return 8 * size


class RepeatPathway(Pathway):
    """`RepeatSynapse` at work."""

    def sums(self, step: int, sent: Int64) -> Iterator[tuple[int, Int64]]:
        """(delay, sums at the neurons) of what the source sent in a step."""
        weights = self.synapse.effective_weights.astype(np.int64)
        yield 0, sent * weights
        yield 1, sent * (weights >> 1)
