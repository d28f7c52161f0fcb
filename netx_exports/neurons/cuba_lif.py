"""Current-based leaky integrate-and-fire neurons."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import update_digest
from lapilli.netx_exports.neurons.neuron import DECAY_UNITY, NeuronModel, out_of_reach, uniform

NEVER_SPIKES = (1 << 18) - 1
"""`vth_mant` of SLAYER's Affine readout: the threshold, 2^24 - 64, is above every voltage."""

BIAS_RANGES = {
    # Lava keeps the mantissa in an int16 and would wrap anything larger.
    "bias_mant": (-(1 << 15), (1 << 15) - 1),
    "bias_exp": (0, 7),
}


@dataclass(frozen=True, eq=False)
class CubaLif(NeuronModel):
    """Current-based leaky integrate-and-fire neurons, as `lava.proc.lif` computes them in fixed point.

    A parameter is one integer for the whole layer, for each channel (first axis of the layer's shape) or each neuron.

    Arguments:
        vth_mant: threshold mantissa; a neuron spikes when its voltage exceeds `vth_mant << 6`.
        current_decay: `iDecay` of NetX in 1/4096 per step, 0…4096 (Lava's `du` is one less).
        voltage_decay: `vDecay` of NetX in 1/4096 per step, 0…4096.
        bias_mant: bias mantissa; `bias_mant << bias_exp` is added to the voltage in every step.
        bias_exp: bias exponent, 0…7; NetX means 6.

    Raises:
        ProblemsError: never directly; `Network` collects `problems(shape)` of all parts.
    """

    vth_mant: npt.ArrayLike
    current_decay: npt.ArrayLike
    voltage_decay: npt.ArrayLike
    bias_mant: npt.ArrayLike = 0
    bias_exp: int = 6

    model: ClassVar[str] = "CUBA"
    states = ("current", "voltage")
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = {
        "vth_mant": (0, (1 << 24) - 1),
        "current_decay": (0, DECAY_UNITY),
        "voltage_decay": (0, DECAY_UNITY),
        **BIAS_RANGES,
    }
    single = frozenset({"bias_exp"})

    def bias(self, shape: tuple[int, ...]) -> npt.NDArray[np.int32]:
        """What is added to the voltage in each step, for each neuron, flat in C order, int32."""
        return np.left_shift(self.per_neuron("bias_mant", shape), np.int32(self.bias_exp))

    @property
    def never_spikes(self) -> bool:
        """Whether the threshold of every neuron is out of the voltage's reach (a readout)."""
        return out_of_reach(self.vth_mant)

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs to `digest`."""
        bias_exp = self.bias_exp if self.has_bias else None
        parameters = (self.vth_mant, self.current_decay, self.voltage_decay, self.bias_mant)
        update_digest(digest, self.model, *map(uniform, parameters), bias_exp)
