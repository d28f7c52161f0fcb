"""Requantisers: neurons that scale what arrives back to a few bits, and may look it up in a table."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import frozen_integers, update_digest
from lapilli.netx_exports.neurons.neuron import Neuron, spread, uniform

ENTRIES = 256
"""Entries of a table, one for each integer of 8 bits."""

VALUE_RANGE = (-(1 << 15), (1 << 15) - 1)
"""What a requantiser may send."""


@dataclass(frozen=True, eq=False)
class Requantiser(Neuron):
    """Neurons without memory that send what arrives, scaled, as the value of one event.

    In a step, with x = what arrives at "input":

        y = ((x + bias_mant) mult) >> shift, held within low…high
        what is sent: y, or table[y + 128]

    The shift rounds down. The product has 64 bits, so that it does not wrap; x is an int32, which does. Where the
    result is 0 nothing is sent. A parameter is one integer for the whole layer, for each channel or each neuron.

    Arguments:
        mult: multiplier, 1…32,768.
        shift: 0…31, one for the layer.
        bias_mant: added before the product, ±(2^23 - 1).
        low, high: limits, one for the layer, -32,768…32,767.
        table: (256,) integers, -32,768…32,767, such as GELU or ReLU; low and high are then within -128…127. None: none.
    """

    mult: npt.ArrayLike
    shift: int
    bias_mant: npt.ArrayLike = 0
    low: int = -128
    high: int = 127
    table: npt.ArrayLike | None = None

    model: ClassVar[str] = "REQUANTISER"
    states = ("message",)
    graded = True
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = {
        "mult": (1, 1 << 15),
        "shift": (0, 31),
        "bias_mant": (-(1 << 23) + 1, (1 << 23) - 1),
        "low": VALUE_RANGE,
        "high": VALUE_RANGE,
    }
    single = frozenset({"shift", "low", "high"})
    lava_clock = True
    arithmetic = (1, 0)
    # Nothing is kept from step to step.
    updated_states = 0
    kept_states = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        found = list(self._found)
        if self.table is not None:
            low, high = VALUE_RANGE
            values = frozen_integers(self.table, low=low, high=high, dtype=np.int32, where="table", problems=found)
            object.__setattr__(self, "table", values)
        object.__setattr__(self, "_found", tuple(found))

    def problems(self, shape: tuple[int, ...]) -> list[str]:
        """Everything that is wrong with these parameters for a layer of this shape."""
        found = super().problems(shape)
        if found:
            return found
        if self.low > self.high:
            found.append(f"low: must not be above high, got {self.low} and {self.high}")
        if self.table is None:
            return found
        if np.shape(self.table) != (ENTRIES,):
            found.append(f"table: must have {ENTRIES} entries, got shape {np.shape(self.table)}")
        if self.low < -128 or self.high > 127:
            found.append(f"low: a table needs limits within -128…127, got {self.low}…{self.high}")
        return found

    def bias(self, shape: tuple[int, ...]) -> npt.NDArray[np.int32]:
        """What is added before the product, for each neuron, flat in C order, int32."""
        return spread(np.asarray(self.bias_mant, np.int32), shape)

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs to `digest`."""
        super().update_digest(digest)
        update_digest(digest, None if self.table is None else uniform(self.table))
