"""Resonate-and-fire neurons. Sources: `lava.proc.rf` and `rf_iz` of lava-nc 0.10.0, tag `fixed_pt`."""

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.neurons.resonators import Resonator
from lapilli.netx_exports.neurons.sigma_delta import STATE_EXP
from lapilli.simulators.reference.neurons.arithmetic import saturated, scaled
from lapilli.simulators.reference.neurons.population import Int32, Population, Sent


class Resonators(Population):
    """Both resonate-and-fire kinds: they turn the same way, and differ in what a spike is."""

    def __init__(self, neuron: Resonator, shape: tuple[int, ...], n_samples: int) -> None:
        super().__init__(neuron, shape, n_samples)
        self.sin_decay, self.cos_decay = neuron.sin_decay, neuron.cos_decay
        self.threshold = neuron.vth_mant << 6

    def turn(self, real_input: Int32, imag_input: Int32) -> tuple[Int32, Int32]:
        """(real, imaginary) part of the voltage one step later, before any reset."""
        real, imag = (self.states[name].astype(np.int64) for name in ("real", "imag"))
        new_real = scaled(self.cos_decay * real) - scaled(self.sin_decay * imag) + (real_input << STATE_EXP)
        new_imag = scaled(self.sin_decay * real) + scaled(self.cos_decay * imag) + (imag_input << STATE_EXP)
        return saturated(new_real), saturated(new_imag)


class PhaseResonators(Resonators):
    """They spike in the step in which the imaginary part comes to 0 or above."""

    def step(self, *arriving: Int32) -> Sent:
        """Take what arrives at each port; which neurons spike, or the values that they send."""
        real, imag = self.turn(*arriving)
        spiking: npt.NDArray[np.bool_] = (real >= self.threshold) & (imag >= 0) & (self.states["imag"] < 0)
        self.states |= {"real": real, "imag": imag}
        return spiking


class IzhikevichResonators(Resonators):
    """They spike when the imaginary part reaches the threshold, and are reset."""

    def step(self, *arriving: Int32) -> Sent:
        """Take what arrives at each port; which neurons spike, or the values that they send."""
        real, imag = self.turn(*arriving)
        spiking: npt.NDArray[np.bool_] = imag >= self.threshold
        real[spiking], imag[spiking] = 0, self.threshold - 1
        self.states |= {"real": real, "imag": imag}
        return spiking
