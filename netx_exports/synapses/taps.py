"""Taps in time: each neuron of a source reaches the neuron of its number several times, each time later."""

import hashlib
from dataclasses import dataclass, replace
from math import prod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import IntArray, update_digest
from lapilli.netx_exports.chip.limits import DELAY_BITS, WEIGHT_BITS
from lapilli.netx_exports.synapses.dense import truncate_weights
from lapilli.netx_exports.synapses.synapse import (
    MAX_DELAY,
    Int64,
    Shape,
    SignMode,
    Synapse,
    check_scalar,
    check_weights,
)


@dataclass(frozen=True, eq=False)
class TapsSynapse(Synapse):
    """A convolution over time of each neuron by itself ("depthwise").

    An event of source neuron n in step t reaches neuron n in step t + 1 + delay + k with weight `weights[k, n]`, for
    each tap k. As in all synapses, connections of different delay are rounded apart. Dense taps, from all neurons to
    all, are as many dense synapses, each with its delay.

    Arguments:
        source: "input", or an earlier layer of as many neurons.
        weights: (taps, neurons), neurons flat in C order; range by sign mode.
        weight_exp: what arrives is multiplied by 2**weight_exp, rounding down; -16…7.
        delay: steps of the first tap on top of the one that every synapse takes; that of the last tap is at most 62.
        weight_bits: bits in which a weight is stored, 1…9; lower bits are dropped (`effective_weights`).
        sign_mode: "mixed", "excitatory" or "inhibitory".
        port: the input of the neurons that it feeds, one of their `ports`; None: the first.
    """

    source: str
    weights: npt.ArrayLike
    weight_exp: int = 0
    delay: int = 0
    weight_bits: int = 8
    sign_mode: SignMode = "mixed"
    port: str | None = None

    kind: ClassVar[str] = "taps"
    words = frozenset({"source", "sign_mode", "port"})

    def __post_init__(self) -> None:
        found: list[str] = []
        check_weights(self, found)
        check_scalar(self, "delay", (0, MAX_DELAY), found)
        object.__setattr__(self, "_found", tuple(found))

    def problems(self, source_shape: Shape, shape: Shape) -> list[str]:
        """Everything that is wrong with this synapse between layers of these shapes."""
        found: list[str] = list(self._found)
        weights, size = np.shape(self.weights), prod(shape)
        if len(weights) != 2 or weights[0] < 1 or weights[1] != size:
            found.append(f"weights: shape must be (taps, {size}), got {weights}")
        elif self.delay_range[1] > MAX_DELAY:
            taps, most = weights[0], MAX_DELAY
            found.append(f"delay: the last of {taps} taps must have at most {most}, got {self.delay_range[1]}")
        if prod(source_shape) != size:
            found.append(f"source: must have {size} neurons, got {prod(source_shape)}")
        return found

    @property
    def delay_range(self) -> tuple[int, int]:
        """(smallest, largest) delay in steps, on top of `steps`."""
        return self.delay, self.delay + max(1, len(np.atleast_1d(self.weights))) - 1

    @property
    def effective_weights(self) -> IntArray:
        """Weights after dropping the bits that do not fit, int32, (taps, neurons)."""
        return truncate_weights(np.asarray(self.weights), self.sign_mode, self.weight_bits)

    def fan_out(self, source_shape: Shape, shape: Shape) -> Int64:
        """Non-zero connections of each source neuron, flat in C order: its taps."""
        return np.count_nonzero(self.effective_weights, axis=0).astype(np.int64)

    def connections(self, source_shape: Shape, shape: Shape) -> Int64:
        """Connections of each source neuron, those of weight zero too, flat in C order."""
        return np.full(prod(source_shape), len(np.asarray(self.weights)), np.int64)

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs, but for the port, to `digest`."""
        update_digest(digest, self.kind, self.source, self.effective_weights, self.weight_exp, self.delay)

    def with_delays(self, delays: Int64) -> "TapsSynapse":
        """The same synapse whose first tap has this delay, (1, 1)."""
        return replace(self, delay=int(delays[0, 0]))

    def split_delays(self) -> tuple[Int64, Int64] | None:
        """None where there is more than one tap: a pair then has several delays."""
        if len(np.asarray(self.weights)) > 1:
            return None
        return np.zeros(1, np.int64), np.full(1, self.delay, np.int64)

    def chip_bits(self, size: int) -> int:
        """Memory of its weights and delays, were the chip to hold it as connections of its synapses."""
        return int(np.size(self.weights)) * (min(self.weight_bits, WEIGHT_BITS) + DELAY_BITS)
