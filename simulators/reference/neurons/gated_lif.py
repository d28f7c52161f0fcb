"""Leaky integrate-and-fire neurons behind a gate."""

import numpy as np

from lapilli.netx_exports.neurons.gated_lif import GatedLif
from lapilli.simulators.reference.neurons.arithmetic import integrate
from lapilli.simulators.reference.neurons.population import Int32, Population, Sent


class GatedLifs(Population):
    """Where the gate is shut, nothing arrives."""

    def __init__(self, neuron: GatedLif, shape: tuple[int, ...], n_samples: int) -> None:
        super().__init__(neuron, shape, n_samples)
        self.current_decay = neuron.per_neuron("current_decay", shape)
        self.voltage_decay = neuron.per_neuron("voltage_decay", shape)
        self.threshold = neuron.per_neuron("vth_mant", shape) << 6

    def step(self, *arriving: Int32) -> Sent:
        """Take what arrives at drive and gate; which neurons spike."""
        drive, gate = arriving
        passing = np.where(gate > 0, drive, np.int32(0))
        integrate(self.states, passing, self.current_decay, self.voltage_decay, np.zeros(1, np.int32))
        spiking = self.states["voltage"] > self.threshold
        self.states["voltage"][spiking] = 0
        return spiking
