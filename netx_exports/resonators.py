"""Resonate-and-fire neurons: a complex voltage that turns and decays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from netx_exports.neuron_model import DECAY_UNITY, NeuronModel

_RANGES = {
    "vth_mant": (0, (1 << 18) - 1),
    "sin_decay": (-DECAY_UNITY, DECAY_UNITY),
    "cos_decay": (-DECAY_UNITY, DECAY_UNITY),
}


@dataclass(frozen=True, eq=False)
class ResonateAndFire(NeuronModel):
    """SLAYER's RF neurons ("RF_PHASE"), as `lava.proc.rf` computes them in fixed point.

    In each step the voltage is multiplied by `(cos_decay + i sin_decay) / 4096` and the input, real and imaginary
    synapses apart, is added. A neuron spikes when the imaginary part comes from below 0 to 0 or above while the real
    part is at least `vth_mant << 6`. The voltage is not reset.

    Arguments:
        vth_mant: threshold mantissa.
        sin_decay, cos_decay: sine and cosine of the angle of a step, times decay, in 1/4096.
    """

    vth_mant: int
    sin_decay: int
    cos_decay: int

    model: ClassVar[str] = "RF_PHASE"
    states = ("real", "imag")
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = _RANGES
    single = frozenset(_RANGES)
    parts = ("real", "imag")


@dataclass(frozen=True, eq=False)
class IzhikevichResonateAndFire(NeuronModel):
    """SLAYER's RF neurons with Izhikevich's reset ("RF_IZHIKEVICH"), as `lava.proc.rf_iz` computes them.

    As `ResonateAndFire`, but a neuron spikes when the imaginary part is at least `vth_mant << 6`; the real part then
    becomes 0 and the imaginary part one less than the threshold.

    Arguments:
        vth_mant: threshold mantissa.
        sin_decay, cos_decay: sine and cosine of the angle of a step, times decay, in 1/4096.
    """

    vth_mant: int
    sin_decay: int
    cos_decay: int

    model: ClassVar[str] = "RF_IZHIKEVICH"
    states = ("real", "imag")
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = _RANGES
    single = frozenset(_RANGES)
    parts = ("real", "imag")
