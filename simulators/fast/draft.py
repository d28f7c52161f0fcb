"""A network while it is lowered: rows of records and pools that grow synapse by synapse."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.synapses.synapse import Synapse
from lapilli.simulators.fast.aligned import aligned
from lapilli.simulators.fast.kernels.sums import RING, SHIFT_LEFT, SHIFT_RIGHT
from lapilli.simulators.fast.records import Accumulator, Operation

LANES = 32
"""Layers are padded to a multiple of so many neurons, so that vector loops have no rest."""

Order = npt.NDArray[np.int64]


class Pool:
    """Arrays laid end to end."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self.parts: list[npt.NDArray[Any]] = []
        self._places: dict[bytes, int] = {}
        self.size = 0
        self.dtype = dtype

    def add(self, array: npt.ArrayLike) -> int:
        """Put an array at the end; returns where it begins."""
        flat = np.ascontiguousarray(array, self.dtype).reshape(-1)
        self.parts.append(flat)
        self.size += len(flat)
        return self.size - len(flat)

    def share(self, array: npt.ArrayLike) -> int:
        """As `add`, but an array that is there already is not put there again."""
        digest = hashlib.sha256(np.ascontiguousarray(array, self.dtype).tobytes()).digest()
        if digest not in self._places:
            self._places[digest] = self.add(array)
        return self._places[digest]

    def join(self) -> npt.NDArray[Any]:
        """One array of all, and one more entry, so that it is never empty."""
        return aligned(np.concatenate([*self.parts, np.zeros(1, self.dtype)]))


@dataclass
class Memory:
    """How much of each pool of the state is taken: entries of int32."""

    sums: int = 0
    lines: int = 0
    rings: int = 0
    spares: int = 0

    def take(self, pool: str, size: int) -> int:
        """Take so many entries of a pool; returns where they begin."""
        at: int = getattr(self, pool)
        setattr(self, pool, at + size)
        return at


@dataclass
class Axons:
    """Spikes of a source that reach one operation late, each by the delay of its neuron.

    Arguments:
        op: the operation that reads them.
        delay_at: the delays, in the pool of tables.
        longest: the largest of them.
    """

    op: Operation
    delay_at: int
    longest: int


@dataclass
class Draft:
    """What is lowered of a network so far.

    Arguments:
        network: what is lowered.
        orders: for the input and each layer, by name, C-order index of each neuron as the program numbers them.
    """

    network: Network
    orders: dict[str, Order]
    ops: list[Operation] = field(default_factory=list)
    sums: list[Accumulator] = field(default_factory=list)
    axons: list[Axons] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        self.weights8, self.weights16 = Pool(np.int8), Pool(np.int16)
        self.tables, self.fan_out = Pool(np.int32), Pool(np.int32)
        self.numbers = {name: number for number, name in enumerate(self.orders)}
        self.padded = [-(-layer.size // LANES) * LANES for layer in self.network.layers]
        self.ports_at = [
            self.memory.take("sums", sum(map(layer.neuron.sums_of, layer.neuron.ports)) * padded)
            for layer, padded in zip(self.network.layers, self.padded)
        ]

    def operation(self, layer: Layer, synapse: Synapse) -> Operation:
        """A new operation for a synapse, without what depends on its kind."""
        fans = synapse.fan_out(self.network.shapes[synapse.source], layer.fed_shape(synapse))
        op = Operation(
            layer=self.numbers[layer.name] - 1,
            source=self.numbers[synapse.source],
            fan_at=self.fan_out.add(fans[self.orders[synapse.source]]),
        )
        op.padded = layer.neuron.sums_of(layer.port_of(synapse)) * self.padded[op.layer]
        self.ops.append(op)
        return op

    def graded(self, synapse: Synapse) -> bool:
        """Whether the events that a synapse meets carry values."""
        return synapse.source in self.network.graded_sources

    def places(self, layer: Layer, synapse: Synapse) -> Order:
        """For each neuron of the source, the spot of the sum with the same flat index."""
        return self.spots(layer, synapse)[self.orders[synapse.source]]

    def spots(self, layer: Layer, synapse: Synapse) -> Order:
        """Where each of the sums that a synapse feeds lies, in C order: one for each neuron, or several in turn."""
        numbers = np.arange(layer.neuron.sums_of(layer.port_of(synapse)))
        padded = self.padded[self.numbers[layer.name] - 1]
        return (numbers[:, None] * padded + np.argsort(self.orders[layer.name])).reshape(-1)

    def store(self, op: Operation, weights: npt.NDArray[np.integer[Any]]) -> None:
        """Give an operation its weights; those that several synapses have are stored once."""
        op.wide = int(weights.size > 0 and (weights.min() < -128 or weights.max() > 127))
        op.weight_at = (self.weights16 if op.wide else self.weights8).share(weights)

    def add_up(
        self,
        op: Operation,
        synapse: Synapse,
        final: int = SHIFT_LEFT,
        shift: int = 0,
        target_delays: npt.NDArray[np.integer[Any]] | None = None,
        ring: bool = False,
    ) -> None:
        """Give an operation its accumulator: one that is there where nothing tells them apart.

        Arguments:
            op: the operation.
            synapse: what it is lowered from.
            final, shift: what is done to a sum, and by how many bits.
            target_delays: of each sum, padding included, where they differ; None: they do not.
            ring: whether each connection has a delay of its own.
        """
        layer = self.network.layers[op.layer]
        port = layer.neuron.ports.index(layer.port_of(synapse))
        before = sum(map(layer.neuron.sums_of, layer.neuron.ports[:port]))
        port_at = self.ports_at[op.layer] + before * self.padded[op.layer]
        new = Accumulator(op.layer, port, final, shift, op.padded, port_at)
        if final == SHIFT_LEFT and target_delays is None and not ring:
            for number, other in enumerate(self.sums):
                if replace(other, at=0) == new:
                    op.sum = number
                    return
        op.sum = len(self.sums)
        padded = op.padded
        if any((other.layer, other.port) == (op.layer, port) for other in self.sums):
            new.at = self.memory.take("sums", padded)
        else:
            new.at = port_at
        if target_delays is not None:
            new.line_at = self.memory.take("lines", RING * padded)
            new.line_delay_at = self.tables.add(target_delays)
        if ring:
            # Twice the steps, so that adding needs no wrapping: what lies in the second half is added on arrival.
            new.ring_at = self.memory.take("rings", 2 * RING * padded)
            if final == SHIFT_RIGHT:
                new.spare_at = self.memory.take("spares", RING * padded)
        self.sums.append(new)
