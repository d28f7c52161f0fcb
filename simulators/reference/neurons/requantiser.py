"""Neurons that scale what arrives back to a few bits."""

import numpy as np

from lapilli.netx_exports.neurons.requantiser import Requantiser
from lapilli.simulators.reference.neurons.population import Int32, Population, Sent


class Requantisers(Population):
    """Nothing is kept from step to step."""

    def __init__(self, neuron: Requantiser, shape: tuple[int, ...], n_samples: int) -> None:
        super().__init__(neuron, shape, n_samples)
        self.mult = neuron.per_neuron("mult", shape).astype(np.int64)
        self.bias = neuron.bias(shape).astype(np.int64)
        self.shift, self.limits = neuron.shift, (neuron.low, neuron.high)
        self.table = None if neuron.table is None else np.asarray(neuron.table, np.int32)

    def step(self, *arriving: Int32) -> Sent:
        """Take what arrives; the values that are sent."""
        scaled = ((arriving[0].astype(np.int64) + self.bias) * self.mult) >> self.shift
        held = np.clip(scaled, *self.limits)
        self.states["message"] = held.astype(np.int32) if self.table is None else self.table[held + 128]
        return self.states["message"]
