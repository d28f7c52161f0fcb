"""Skip paths: one connection for each neuron."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import ClassVar

import numpy as np

from lapilli.netx_exports.arrays import IntArray, update_digest
from lapilli.netx_exports.chip.limits import DELAY_BITS, WEIGHT_BITS, exponent_problem, odd_weights_problem
from lapilli.netx_exports.synapses.synapse import (
    MAX_DELAY,
    WEIGHT_EXP_RANGE,
    Int64,
    Shape,
    Synapse,
    check_scalar,
    rounding_refusal,
)


@dataclass(frozen=True, eq=False)
class IdentitySynapse(Synapse):
    """One connection for each neuron, from the source neuron with the same flat index: a skip path.

    Arguments:
        source: "input", or an earlier layer of as many neurons.
        weight: one integer for all connections, -256…255.
        weight_exp: the weight is multiplied by 2**weight_exp, rounding down; -16…7.
        delay: steps on top of the one that every synapse takes, 0…62.
        port: the input of the neurons that it feeds, one of their `ports`; None: the first.
    """

    source: str
    weight: int
    weight_exp: int = 0
    delay: int = 0
    port: str | None = None

    kind: ClassVar[str] = "identity"

    def __post_init__(self) -> None:
        found: list[str] = []
        check_scalar(self, "weight", (-256, 255), found)
        check_scalar(self, "weight_exp", WEIGHT_EXP_RANGE, found)
        check_scalar(self, "delay", (0, MAX_DELAY), found)
        object.__setattr__(self, "_found", tuple(found))

    def problems(self, source_shape: Shape, shape: Shape) -> list[str]:
        """Everything that is wrong with this synapse between layers of these shapes."""
        found: list[str] = list(self._found)
        if prod(source_shape) != prod(shape):
            found.append(f"source: must have {prod(shape)} neurons, got {prod(source_shape)}")
        return found

    @property
    def delay_range(self) -> tuple[int, int]:
        """(smallest, largest) delay in steps, on top of `steps`."""
        return self.delay, self.delay

    @property
    def effective_weights(self) -> IntArray:
        """The weight that all connections have, int32, (1,)."""
        return np.array([self.weight], np.int32)

    def n_stored_weights(self, size: int) -> int:
        """Weights that memory holds for a layer of `size` neurons: one for each."""
        return size

    def fan_out(self, source_shape: Shape, shape: Shape) -> Int64:
        """Non-zero connections of each source neuron, flat in C order."""
        return np.full(prod(source_shape), int(self.weight != 0), np.int64)

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs, but for the port, to `digest`."""
        update_digest(digest, self.kind, self.source, self.weight, self.weight_exp, self.delay)

    def with_delays(self, delays: Int64) -> "IdentitySynapse":
        """The same synapse with this delay, (1, 1)."""
        return replace(self, delay=int(delays[0, 0]))

    def split_delays(self) -> tuple[Int64, Int64] | None:
        """Delays of sources and of targets, those of sources (1,) zero."""
        return np.zeros(1, np.int64), np.full(1, self.delay, np.int64)

    def nir_refusals(self, source_shape: Shape) -> Iterator[str]:
        """Why no nodes of NIR mean exactly this synapse."""
        yield from rounding_refusal(self.effective_weights, self.weight_exp)

    def chip_problems(self) -> Iterator[str]:
        """Why the chip could not run it exactly."""
        yield from odd_weights_problem(self.effective_weights)
        yield from exponent_problem(self.weight_exp)

    def chip_bits(self, size: int) -> int:
        """Memory of its weights and delays on the chip, for a layer of `size` neurons."""
        return size * (WEIGHT_BITS + DELAY_BITS * bool(self.delay))
