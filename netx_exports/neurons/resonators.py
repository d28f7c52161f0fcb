"""Resonate-and-fire neurons: a complex voltage that turns and decays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from lapilli.netx_exports.neurons.neuron import DECAY_UNITY, NeuronModel, out_of_reach


@dataclass(frozen=True, eq=False)
class Resonator(NeuronModel):
    """What both models share: in each step the voltage is multiplied by `(cos_decay + i sin_decay) / 4096`, and the
    input, real and imaginary synapses apart, is added. They differ in what a spike is.

    Arguments:
        vth_mant: threshold mantissa.
        sin_decay, cos_decay: sine and cosine of the angle of a step, times decay, in 1/4096.
    """

    vth_mant: int
    sin_decay: int
    cos_decay: int

    states = ("real", "imag")
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = {
        "vth_mant": (0, (1 << 18) - 1),
        "sin_decay": (-DECAY_UNITY, DECAY_UNITY),
        "cos_decay": (-DECAY_UNITY, DECAY_UNITY),
    }
    single = frozenset(ranges)
    parts = ("real", "imag")

    @property
    def never_spikes(self) -> bool:
        """Whether the threshold is out of the voltage's reach."""
        return out_of_reach(self.vth_mant)


class ResonateAndFire(Resonator):
    """SLAYER's RF neurons ("RF_PHASE"), as `lava.proc.rf` computes them in fixed point.

    A neuron spikes when the imaginary part comes from below 0 to 0 or above while the real part is at least
    `vth_mant << 6`. The voltage is not reset.
    """

    model: ClassVar[str] = "RF_PHASE"


class IzhikevichResonateAndFire(Resonator):
    """SLAYER's RF neurons with Izhikevich's reset ("RF_IZHIKEVICH"), as `lava.proc.rf_iz` computes them.

    A neuron spikes when the imaginary part is at least `vth_mant << 6`; the real part then becomes 0 and the imaginary
    part one less than the threshold.
    """

    model: ClassVar[str] = "RF_IZHIKEVICH"
