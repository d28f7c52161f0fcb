"""The input's values as the neurons' input current."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import IntArray, update_digest
from lapilli.netx_exports.synapses.synapse import INPUT, Int64, Shape, Synapse, check_scalar


@dataclass(frozen=True, eq=False)
class DirectSynapse(Synapse):
    """The input's values are the neurons' input current in the same step: NetX's input block with a neuron.

    The one exception to the rule that a synapse takes a step; only from the input. `scale` and `offset` are NetX's
    transform: the host is to feed `round(x * scale + offset)` for an analogue value x (`input_current`); they do not
    act on the integers that are fed.

    Arguments:
        source: "input".
        scale, offset: the host's transform, whole numbers in 1/64 of SLAYER's unit.
        port: the input of the neurons that it feeds, one of their `ports`; None: the first.
    """

    source: str = INPUT
    scale: int = 64
    offset: int = 0
    port: str | None = None

    kind: ClassVar[str] = "direct"
    steps = 0
    weighted = False
    weight_bits = 0
    netx_type = "input"
    plain_defaults = MappingProxyType({"weight": 64, "bias": 0})

    def __post_init__(self) -> None:
        found: list[str] = []
        check_scalar(self, "scale", (-256, 255), found)
        check_scalar(self, "offset", (-256, 255), found)
        if self.source != INPUT:
            found.append(f"source: a direct synapse reads the input only, got {self.source!r}")
        object.__setattr__(self, "_found", tuple(found))

    def problems(self, source_shape: Shape, shape: Shape) -> list[str]:
        """Everything that is wrong with this synapse between layers of these shapes."""
        found: list[str] = list(self._found)
        if source_shape != shape:
            found.append(f"shape: must be the input's {source_shape}, got {shape}")
        return found

    @property
    def effective_weights(self) -> IntArray:
        """None: int32, (0,)."""
        return np.zeros(0, np.int32)

    def fan_out(self, source_shape: Shape, shape: Shape) -> Int64:
        """Connections of each source neuron, flat in C order: one."""
        return np.ones(prod(source_shape), np.int64)

    def input_current(self, values: npt.ArrayLike) -> IntArray:
        """Integer current that the host feeds for analogue `values`: `round(values * scale + offset)`, int32."""
        return np.rint(np.asarray(values, np.float64) * self.scale + self.offset).astype(np.int32)

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs, but for the port, to `digest`."""
        update_digest(digest, self.kind, self.source, self.scale, self.offset)

    def plain_obstacles(self, shape: Shape, before: str | None, has_bias: bool) -> list[str]:
        """Why a plain NetX file that stock lava-dl reads cannot hold it."""
        return ["has a bias behind its input current, which NetX does not know"] if has_bias else []

    def plain_fields(self, source_shape: Shape, shape: Shape, weight: str) -> dict[str, Any]:
        """Fields of the plain file's group, in the order in which SLAYER writes them."""
        return {weight: np.array([self.scale], np.float32), "bias": np.array([self.offset], np.float32)}

    def chip_problems(self) -> Iterator[str]:
        """Why the chip could not run it exactly."""
        yield "the chip's neurons receive through synapses only, not currents of the host"

    def chip_bits(self, size: int) -> int:
        """Memory of its weights on the chip: it has none."""
        return 0
