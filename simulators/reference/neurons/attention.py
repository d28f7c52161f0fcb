"""Spike attention: the memory of each head as a matrix of integers."""

import numpy as np

from lapilli.netx_exports.neurons.attention import COINCIDENCE, SpikeAttention
from lapilli.simulators.reference.neurons.arithmetic import decayed, saturated
from lapilli.simulators.reference.neurons.population import Int32, Int64, Population, Sent


class SpikeAttentions(Population):
    """The rows of the memory are states: `memory_i` of neuron j of a head is S[i, j]."""

    def __init__(self, neuron: SpikeAttention, shape: tuple[int, ...], n_samples: int) -> None:
        super().__init__(neuron, shape, n_samples)
        self.head = neuron.head
        self.rows = [f"memory_{key}" for key in range(neuron.head)]
        self.memory_decay = np.array(neuron.memory_decay)
        self.voltage_decay = neuron.per_neuron("voltage_decay", shape)
        self.threshold = neuron.per_neuron("vth_mant", shape) << 6

    def step(self, *arriving: Int32) -> Sent:
        """Take what arrives at query, key, value and write; which neurons spike."""
        query, key, value, write = (port > 0 for port in arriving)
        writing = value & write
        current = np.zeros(self.shape, np.int64)
        for number, row in enumerate(self.rows):
            memory = decayed(self.states[row], self.memory_decay)
            met = writing & self._of_head(key, number)
            memory = saturated(memory.astype(np.int64) + COINCIDENCE * met)
            read = self._of_head(query, number) & (memory != 0)
            current += np.where(read, memory, 0)
            self.states[row] = memory
            self.counted["attention_writes"] += met.sum(axis=1)
            self.counted["attention_reads"] += read.sum(axis=1)
        return self._fire(current)

    def _fire(self, current: Int64) -> Sent:
        voltage = decayed(self.states["voltage"], self.voltage_decay).astype(np.int64) + saturated(current)
        self.states["voltage"] = saturated(voltage)
        spiking = self.states["voltage"] >= self.threshold
        self.states["voltage"][spiking] = 0
        return spiking

    def _of_head(self, spikes: Sent, number: int) -> Sent:
        """Whether neuron `number` of a neuron's head spikes, for each neuron."""
        heads = spikes.reshape(len(spikes), -1, self.head)
        return np.repeat(heads[:, :, number], self.head, axis=1)
