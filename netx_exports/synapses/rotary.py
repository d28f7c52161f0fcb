"""Rotary positions: pairs of neurons are turned by an angle that grows with the step."""

import hashlib
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import IntArray, update_digest
from lapilli.netx_exports.chip.limits import WEIGHT_BITS
from lapilli.netx_exports.synapses.synapse import (
    MAX_DELAY,
    WEIGHT_EXP_RANGE,
    WEIGHT_RANGE,
    Int64,
    Shape,
    Synapse,
    check_scalar,
    freeze,
)

MAX_POSITIONS = 1 << 16
"""Positions that a table may have, and the latest first step."""


@dataclass(frozen=True, eq=False)
class RotarySynapse(Synapse):
    """Rotary position embedding (RoPE) of events, by a table of integers.

    What a source sends in step t stands at position p = t - start of the sample, and passes where 0 <= p < positions.
    Neurons 2q and 2q + 1 of each head are turned by the angle of `table[p, q]` = (c, s): from their values (x, y) the
    neurons of these numbers get (c x - s y, s x + c y) in step t + 1 + delay. Heads share the table. Each neuron of the
    source has two connections: an event is two operations, whatever the table says, and where it does not pass too.

    Steps count from the beginning of a run, whose samples each start at 0; a periodic reset of the neurons does not
    bring them back. Source: interleaved pairs as in rotary-embedding-torch, which SpikeSCR uses (arXiv 2412.12858).

    Arguments:
        source: "input", or an earlier layer of as many neurons.
        table: (positions, pairs, 2): cosine and sine, -256…255; a head has 2 x pairs neurons.
        start: the step in which the source sends position 0.
        weight_exp: what arrives is multiplied by 2**weight_exp, rounding down; -16…7.
        delay: steps on top of the one that every synapse takes, 0…62.
        port: the input of the neurons that it feeds, one of their `ports`; None: the first.
    """

    source: str
    table: npt.ArrayLike
    start: int = 0
    weight_exp: int = 0
    delay: int = 0
    port: str | None = None

    kind: ClassVar[str] = "rotary"
    by_position = True

    def __post_init__(self) -> None:
        found: list[str] = []
        freeze(self, "table", *WEIGHT_RANGE["mixed"], np.int16, found)
        check_scalar(self, "start", (0, MAX_POSITIONS), found)
        check_scalar(self, "weight_exp", WEIGHT_EXP_RANGE, found)
        check_scalar(self, "delay", (0, MAX_DELAY), found)
        object.__setattr__(self, "_found", tuple(found))

    def problems(self, source_shape: Shape, shape: Shape) -> list[str]:
        """Everything that is wrong with this synapse between layers of these shapes."""
        found: list[str] = list(self._found)
        table, size = np.shape(self.table), prod(shape)
        if len(table) != 3 or table[2] != 2 or min(table) < 1 or table[0] > MAX_POSITIONS:
            found.append(f"table: shape must be (1…{MAX_POSITIONS} positions, pairs, 2), got {table}")
        elif size % (2 * table[1]):
            found.append(f"table: heads of {2 * table[1]} neurons must fill {size} neurons")
        if prod(source_shape) != size:
            found.append(f"source: must have {size} neurons, got {prod(source_shape)}")
        return found

    @property
    def delay_range(self) -> tuple[int, int]:
        """(smallest, largest) delay in steps, on top of `steps`."""
        return self.delay, self.delay

    @property
    def effective_weights(self) -> IntArray:
        """The table, int32, (positions, pairs, 2)."""
        return np.asarray(self.table).astype(np.int32)

    def fan_out(self, source_shape: Shape, shape: Shape) -> Int64:
        """Connections of each source neuron, flat in C order: to itself and to the other one of its pair."""
        return np.full(prod(source_shape), 2, np.int64)

    def connections(self, source_shape: Shape, shape: Shape) -> Int64:
        """Connections of each source neuron, flat in C order."""
        return self.fan_out(source_shape, shape)

    def operations_of(self, events: Int64, source_shape: Shape, shape: Shape) -> Int64:
        """Operations at each target neuron, flat in C order: events of both neurons of its pair."""
        pairs = np.asarray(events).reshape(-1, 2).sum(axis=1)
        return np.repeat(pairs, 2)

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs, but for the port, to `digest`."""
        update_digest(digest, self.kind, self.source, self.effective_weights, self.start, self.weight_exp, self.delay)

    def chip_bits(self, size: int) -> int:
        """Memory of its table, of a chip that had such synapses."""
        return int(np.size(self.table)) * WEIGHT_BITS
