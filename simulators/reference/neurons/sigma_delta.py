"""Sigma-delta neurons. Source: `lava.proc.sdn` of lava-nc 0.10.0, tag `fixed_pt`."""

import numpy as np

from lapilli.netx_exports.neurons.sigma_delta import STATE_EXP, Delta, SigmaDelta
from lapilli.simulators.reference.neurons.population import Int32, Population, Sent


class Deltas(Population):
    """Encoders of changes; `send` is what sigma-delta neurons do after their activation."""

    def __init__(self, neuron: Delta | SigmaDelta, shape: tuple[int, ...], n_samples: int) -> None:
        super().__init__(neuron, shape, n_samples)
        self.exponent = np.int32(neuron.spike_exp + STATE_EXP)
        self.threshold = neuron.vth_mant << int(self.exponent)

    def step(self, *arriving: Int32) -> Sent:
        """Take what arrives at each port; which neurons spike, or the values that they send."""
        return self.send(arriving[0] << self.exponent)

    def send(self, activation: Int32) -> Int32:
        """Take over a new activation; the change where it is large enough."""
        change = activation - self.states["activation"] + self.states["residue"]
        sent = np.where(np.abs(change) >= self.threshold, change, np.int32(0))
        self.states |= {"activation": activation, "residue": change - sent}
        return sent >> np.int32(STATE_EXP)


class SigmaDeltas(Deltas):
    """They add up changes, and send those of an activation of the sum."""

    def __init__(self, neuron: SigmaDelta, shape: tuple[int, ...], n_samples: int) -> None:
        super().__init__(neuron, shape, n_samples)
        self.bias = neuron.bias(shape)
        self.rectifies = neuron.activation == "relu"

    def step(self, *arriving: Int32) -> Sent:
        """Take what arrives at each port; which neurons spike, or the values that they send."""
        self.states["sigma"] += arriving[0]
        biased = self.states["sigma"] + self.bias
        return self.send(np.maximum(biased, np.int32(0)) if self.rectifies else biased)


class Sigmas(Population):
    """They add up changes, and send the sum."""

    def step(self, *arriving: Int32) -> Sent:
        """Take what arrives at each port; which neurons spike, or the values that they send."""
        self.states["sigma"] += arriving[0]
        return self.states["sigma"].copy()
