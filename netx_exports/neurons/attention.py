"""Spike attention: neurons that remember which keys and values came together, and read that memory by queries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy.typing as npt

from lapilli.netx_exports.neurons.neuron import DECAY_UNITY, LARGEST_THRESHOLD, Neuron

LARGEST_HEAD = 64
"""Neurons of a head at most: each remembers so many numbers."""

COINCIDENCE = 1 << 6
"""What a key and a value that come together add to S: 1 with 6 bits behind the point."""


class _States:
    """Names of the states: of neurons, as many rows of the memory as their head has keys; of the kind, all rows."""

    def __get__(self, neuron: "SpikeAttention | None", kind: type) -> tuple[str, ...]:
        rows = LARGEST_HEAD if neuron is None else neuron.head
        return ("voltage", *(f"memory_{key}" for key in range(rows)))


@dataclass(frozen=True, eq=False)
class SpikeAttention(Neuron):
    """Attention of spikes with spikes, without softmax, in heads of `head` neurons, one step at a time.

    Without softmax `(Q Kᵀ) V = Q (Kᵀ V)`, so a head needs no list of keys but their memory S, a matrix of integers:
    S[i, j] is how often key i and value j came in one step. A sum above 0 at a port is a spike there, of the neuron of
    the same number. In a step, in this order:

    1. S forgets `memory_decay` / 4096 of itself, rounded towards zero.
    2. Where "write" is open for neuron j, S[i, j] grows by 64 (1 with 6 bits behind the point) for each key i that
       spikes, if value j spikes. It is held within ±(2^23 - 1).
    3. The current of neuron j is the sum of S[i, j] over the queries i that spike, held within ±(2^23 - 1).
    4. The voltage decays and takes up the current. Where it reaches `vth_mant << 6` the neuron spikes, and the voltage
       becomes 0. To reach is enough, because whole numbers often hit a threshold exactly.

    The state `memory_i` of neuron j is S[i, j] of its head.

    A query that comes without delay sees the keys up to its own step: causal attention. One that is delayed by W sees
    W steps ahead, by T all T steps of a sample. Source: SSA with RoPE of SpikeSCR (arXiv 2412.12858, code of the
    authors, attention "v2"); a scale of 1/sqrt(d) is a threshold sqrt(d) times as high.

    Arguments:
        head: neurons of a head; the layer's size is a multiple of it; 1…64.
        vth_mant: threshold mantissa, in coincidences; 1…131,071.
        voltage_decay: share of the voltage that is forgotten, in 1/4096 per step, 0…4096.
        memory_decay: likewise of S; 0: it never forgets within a sample.
    """

    head: int
    vth_mant: npt.ArrayLike
    voltage_decay: npt.ArrayLike
    memory_decay: int = 0

    model: ClassVar[str] = "ATTENTION"
    states = _States()
    ports = ("query", "key", "value", "write")
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = {
        "head": (1, LARGEST_HEAD),
        "vth_mant": (1, LARGEST_THRESHOLD),
        "voltage_decay": (0, DECAY_UNITY),
        "memory_decay": (0, DECAY_UNITY),
    }
    single = frozenset({"head", "memory_decay"})
    counters: ClassVar[Mapping[str, str]] = {
        "attention_writes": "a number of the attention's memory that a key and a value meet in a step",
        "attention_reads": "a number of the attention's memory, not zero, that a query meets in a step",
    }
    counter_accesses: ClassVar[Mapping[str, int]] = {"attention_writes": 2, "attention_reads": 1}
    fires_by = "voltage"
    # The voltage: a decay, the current, a comparison. Writes and reads are counted by themselves.
    _OF_VOLTAGE = (1, 2)

    @property
    def arithmetic(self) -> tuple[int, int]:  # type: ignore[override]
        """Multiplications and additions of one neuron in one step, without what the counters count."""
        multiplications, additions = self._OF_VOLTAGE
        return multiplications + self.head * bool(self.memory_decay), additions

    @property
    def updated_states(self) -> int:
        """States that a neuron reads and writes in every step: S only where it decays."""
        return len(self.states) if self.memory_decay else 1

    def problems(self, shape: tuple[int, ...]) -> list[str]:
        """Everything that is wrong with these parameters for a layer of this shape."""
        found = super().problems(shape)
        if len(shape) != 1:
            found.append(f"head: heads are of a layer of shape (N,), got {shape}")
        elif not found and shape[0] % self.head:
            found.append(f"head: must divide the layer's {shape[0]} neurons, got {self.head}")
        return found
