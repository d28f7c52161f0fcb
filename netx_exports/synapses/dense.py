"""All-to-all connections."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import IntArray, update_digest
from lapilli.netx_exports.chip.limits import DELAY_BITS, WEIGHT_BITS, exponent_problem, odd_weights_problem
from lapilli.netx_exports.synapses.synapse import (
    Int64,
    Shape,
    SignMode,
    Synapse,
    check_weights,
    freeze_delays,
    overflow_refusal,
    range_of,
    rounding_refusal,
    update_delays_digest,
)

_ROWS = 1024


def truncate_weights(weights: IntArray, sign_mode: SignMode, weight_bits: int) -> IntArray:
    """The weights that a Lava Dense really uses: low bits dropped from what `weight_bits` cannot hold.

    Same as `lava.utils.weightutils.truncate_weights`: mixed and excitatory weights are rounded down to a multiple
    of the step, inhibitory ones by magnitude. In mixed mode one bit is the sign, so 8 bits drop the lowest bit and
    9 bits (which Lava's NetX reader asks for when odd weights exceed 127) drop nothing.
    """
    drop = max(0, 8 - weight_bits + (sign_mode == "mixed"))
    magnitude = -weights.astype(np.int32) if sign_mode == "inhibitory" else weights.astype(np.int32)
    kept = (magnitude >> drop) << drop
    return -kept if sign_mode == "inhibitory" else kept


@dataclass(frozen=True, eq=False)
class DenseSynapse(Synapse):
    """All-to-all connections with one weight, and one delay, for each pair of neurons.

    Arguments:
        source: "input", an earlier layer, or the layer itself (recurrence).
        weights: (neurons, source neurons), both flat in C order; range by sign mode.
        weight_exp: the sum over sources is multiplied by 2**weight_exp, rounding down; -16…7.
        delays: steps on top of the one that every synapse takes, 0…62, broadcastable to `weights`' shape; None: none.
        weight_bits: bits in which the chip stores a weight, 1…9; lower bits are dropped (`effective_weights`).
        sign_mode: "mixed", "excitatory" or "inhibitory".
        port: the input of the neurons that it feeds, one of their `ports`; None: the first.
    """

    source: str
    weights: npt.ArrayLike
    weight_exp: int = 0
    delays: npt.ArrayLike | None = None
    weight_bits: int = 8
    sign_mode: SignMode = "mixed"
    port: str | None = None

    kind: ClassVar[str] = "dense"
    words = frozenset({"source", "sign_mode", "port"})
    netx_type = "dense"
    delay_axes = 2

    def __post_init__(self) -> None:
        found: list[str] = []
        check_weights(self, found)
        freeze_delays(self, found)
        object.__setattr__(self, "_found", tuple(found))

    def problems(self, source_shape: Shape, shape: Shape) -> list[str]:
        """Everything that is wrong with this synapse between layers of these shapes."""
        found: list[str] = list(self._found)
        expected = (prod(shape), prod(source_shape))
        if np.shape(self.weights) != expected:
            found.append(f"weights: shape must be {expected}, got {np.shape(self.weights)}")
        if self.delays is not None and np.shape(self.delays) not in {
            expected,
            (expected[0], 1),
            (1, expected[1]),
            (1, 1),
        }:
            found.append(f"delays: shape must broadcast to {expected}, got {np.shape(self.delays)}")
        return found

    def output_shape(self, source_shape: Shape) -> Shape:
        """Shape of what its weights give: (neurons,)."""
        return np.shape(self.weights)[:1]

    @property
    def delay_range(self) -> tuple[int, int]:
        """(smallest, largest) delay in steps, on top of `steps`."""
        return range_of(self.delays)

    @property
    def effective_weights(self) -> IntArray:
        """Weights after dropping the bits that do not fit, int32, (neurons, source neurons)."""
        return truncate_weights(np.asarray(self.weights), self.sign_mode, self.weight_bits)

    def fan_out(self, source_shape: Shape, shape: Shape) -> Int64:
        """Non-zero connections of each source neuron, flat in C order."""
        return np.count_nonzero(self.effective_weights, axis=0).astype(np.int64)

    def connections(self, source_shape: Shape, shape: Shape) -> Int64:
        """Connections of each source neuron, those of weight zero too, flat in C order."""
        return np.full(prod(source_shape), prod(shape), np.int64)

    def operations_of(self, events: Int64, source_shape: Shape, shape: Shape) -> Int64:
        """Operations at each target neuron, flat in C order: events of each source neuron x non-zero weights."""
        weights = self.effective_weights
        return np.concatenate([(weights[row : row + _ROWS] != 0) @ events for row in range(0, len(weights), _ROWS)])

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs, but for the port, to `digest`."""
        update_digest(digest, self.kind, self.source, self.effective_weights, self.weight_exp)
        update_delays_digest(digest, self.delays, np.shape(self.weights))

    def with_delays(self, delays: Int64) -> "DenseSynapse":
        """The same synapse with these delays: (targets, sources), an axis 1 where all are the same."""
        return replace(self, delays=delays)

    def split_delays(self) -> tuple[Int64, Int64] | None:
        """Delays of sources and of targets, one of them (1,) zero; None where they differ by pair."""
        none = np.zeros(1, np.int64)
        if self.delays is None:
            return none, none
        delays = np.asarray(self.delays, np.int64)
        if np.all(delays == delays[:, :1]):
            return none, delays[:, 0]
        return (delays[0], none) if np.all(delays == delays[:1]) else None

    def plain_obstacles(self, shape: Shape, before: str | None, has_bias: bool) -> list[str]:
        """Why a plain NetX file that stock lava-dl reads cannot hold it."""
        found = []
        if self.weight_exp:
            found.append(f"has a weight exponent, {self.weight_exp}, for which NetX has no place")
        if len(shape) == 3 and shape[1:] != (1, 1):
            found.append(f"is dense with the shape {shape}, which lava-dl flattens")
        if self.delays is not None and has_bias and self._delays_by_target():
            found.append("combines delays with a bias, where SLAYER and lava-dl do not mean the same")
        return found

    def plain_fields(self, source_shape: Shape, shape: Shape, weight: str) -> dict[str, Any]:
        """Fields of the plain file's group, in the order in which SLAYER writes them."""
        counts = {"inFeatures": prod(source_shape), "outFeatures": prod(shape)}
        fields = {**counts, weight: self.effective_weights.astype(np.float32)}
        return fields if self.delays is None else {**fields, "delay": self._shortest_delays().astype(np.float32)}

    def nir_refusals(self, source_shape: Shape) -> Iterator[str]:
        """Why no nodes of NIR mean exactly this synapse."""
        yield from rounding_refusal(self.effective_weights, self.weight_exp)
        if self.split_delays() is None:
            yield "delays: NIR has delays for each source or for each neuron, not for each connection"

    def lava_refusals(self, largest_value: int) -> Iterator[str]:
        """Why Lava's fixed-point CPU models could not compute it exactly."""
        if self.delays is not None:
            # Lava's DelayDense wraps each product at 32 bits before it adds and shifts.
            yield from overflow_refusal(self.effective_weights, largest_value)

    def chip_problems(self) -> Iterator[str]:
        """Why the chip could not run it exactly."""
        if self.sign_mode == "mixed":
            yield from odd_weights_problem(self.effective_weights)
        yield from exponent_problem(self.weight_exp)

    def chip_bits(self, size: int) -> int:
        """Memory of its weights and delays on the chip, for a layer of `size` neurons."""
        delays = DELAY_BITS * bool(self.delay_range[1])
        return int(np.size(self.weights)) * (min(self.weight_bits, WEIGHT_BITS) + delays)

    def _shortest_delays(self) -> IntArray:
        """Delays in the smallest of the shapes that lava-dl reads: (out,), (in,) or (out, in)."""
        shape = np.shape(self.weights)
        delays = np.broadcast_to(np.asarray(self.delays), shape)
        if np.all(delays == delays[:, :1]):
            return np.array(delays[:, 0])
        if np.all(delays == delays[:1]) and shape[0] != shape[1]:
            return np.array(delays[0])
        return np.array(delays)

    def _delays_by_target(self) -> bool:
        delays = np.broadcast_to(np.asarray(self.delays), np.shape(self.weights))
        return bool(np.all(delays == delays[:, :1]))
