"""Hand-over: what neurons hold is carried to the neurons of the same numbers in another layer."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from lapilli.netx_exports.arrays import IntArray, update_digest
from lapilli.netx_exports.neurons.neuron import Neuron
from lapilli.netx_exports.synapses.synapse import Int64, Shape, Synapse


@dataclass(frozen=True, eq=False)
class HandOverSynapse(Synapse):
    """Carries states of neurons, not their events, to the neurons of the same numbers, one step later.

    Where the source acts in step t, its states named `carried` at the end of that step arrive in step t + 1, as they are:
    state k of neuron n is sum `k neurons + n` of the port. Where it does not act, nothing arrives.

    Arguments:
        source: an earlier layer of as many neurons, or the layer itself.
        carried: which states, a name in the source's `Neuron.handed`.
        port: the input of the neurons that it feeds, one of their `ports`; as many sums of each neuron as there are
            states in the part.
    """

    source: str
    carried: str
    port: str

    kind: ClassVar[str] = "hand_over"
    reads_events = False
    weight_bits = 0
    words = frozenset({"source", "carried", "port"})
    counters: ClassVar[Mapping[str, str]] = {
        "handed_values": "a state of a neuron carried over to the neuron of its number in another layer"
    }
    # Written by the one, read by the other.
    counter_accesses: ClassVar[Mapping[str, int]] = {"handed_values": 2}

    def problems(self, source_shape: Shape, shape: Shape) -> list[str]:
        """Everything that is wrong with this synapse between layers of these shapes."""
        if prod(shape) % prod(source_shape):
            return [f"source: must have as many neurons as the layer, got {prod(source_shape)}"]
        return []

    def neuron_problems(self, source: Neuron | None, target: Neuron, port: str) -> list[str]:
        """Everything that is wrong with this synapse between neurons of these kinds."""
        parts = {} if source is None else source.handed
        if self.carried not in parts:
            listed = ", ".join(parts) or "nothing"
            return [f"carried: the source hands over {listed}, got {self.carried!r:.80}"]
        if port in target.taking and port != self.carried:
            return [f"carried: the port {port!r} takes {port}, got {self.carried!r}"]
        if target.sums_of(port) != len(parts[self.carried]):
            return [f"port: {port!r} takes {target.sums_of(port)} sums of a neuron, not {len(parts[self.carried])}"]
        return []

    @property
    def effective_weights(self) -> IntArray:
        """None: int32, (0,)."""
        return np.zeros(0, np.int32)

    def fan_out(self, source_shape: Shape, shape: Shape) -> Int64:
        """0 for each source neuron: no event meets it."""
        return np.zeros(prod(source_shape), np.int64)

    def connections(self, source_shape: Shape, shape: Shape) -> Int64:
        """0 for each source neuron: no event meets it."""
        return np.zeros(prod(source_shape), np.int64)

    def operations_of(self, events: Int64, source_shape: Shape, shape: Shape) -> Int64:
        """0 for each sum."""
        return np.zeros(prod(shape), np.int64)

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs, but for the port, to `digest`."""
        update_digest(digest, self.kind, self.source, self.carried)

    def chip_bits(self, size: int) -> int:
        """Memory of its weights on the chip: it has none."""
        return 0
