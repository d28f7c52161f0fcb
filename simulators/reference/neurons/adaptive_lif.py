"""Adaptive leaky integrate-and-fire neurons. Source: `lava.proc.atrlif` of lava-nc 0.10.0, tag `fixed_pt`."""

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.neurons.adaptive_lif import AdaptiveLif
from lapilli.simulators.reference.neurons.arithmetic import decayed, integrate
from lapilli.simulators.reference.neurons.population import Int32, Population, Sent


class AdaptiveLifs(Population):
    """A spike raises threshold and refractory state; the voltage is not reset."""

    def __init__(self, neuron: AdaptiveLif, shape: tuple[int, ...], n_samples: int) -> None:
        super().__init__(neuron, shape, n_samples)
        self.model = neuron
        self.threshold_at_rest = np.int32(neuron.vth_mant << 6)
        self.growth = np.int32(neuron.threshold_step << 6)
        self.bias = neuron.bias(shape)

    def step(self, *arriving: Int32) -> Sent:
        """Take what arrives at each port; which neurons spike, or the values that they send."""
        model, states = self.model, self.states
        decays = (np.asarray(model.current_decay), np.asarray(model.voltage_decay))
        integrate(states, arriving[0], *decays, self.bias)
        threshold, refractory = states["threshold"], states["refractory"]
        above_rest = decayed(threshold - self.threshold_at_rest, np.asarray(model.threshold_decay))
        threshold[:] = above_rest + self.threshold_at_rest
        refractory[:] = decayed(refractory, np.asarray(model.refractory_decay))
        spiking: npt.NDArray[np.bool_] = states["voltage"] - refractory >= threshold
        refractory[spiking] += 2 * threshold[spiking]
        threshold[spiking] += self.growth
        return spiking
