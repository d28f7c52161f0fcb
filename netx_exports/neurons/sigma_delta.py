"""Sigma-delta neurons: they send how much an activation changed, and add up the changes that they receive."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import update_digest
from lapilli.netx_exports.neurons.neuron import NeuronModel

STATE_EXP = 6
"""States have this many bits behind what is sent; fixed in NetX."""

Activation = Literal["relu", "unit"]

_RANGES = {"vth_mant": (0, (1 << 18) - 1), "spike_exp": (0, 6)}


@dataclass(frozen=True, eq=False)
class Delta(NeuronModel):
    """Encoders that send how much their input changed, as `lava.proc.sdn.Delta` computes them in fixed point.

    NetX's input block of a sigma-delta network. The input, shifted left by `spike_exp + 6`, is compared with that of
    the step before; the change and what was held back are sent, shifted right by 6, when they reach
    `vth_mant << (spike_exp + 6)`, and held back otherwise. The bits shifted out are lost, as in Lava 0.10.0.

    Arguments:
        vth_mant: threshold mantissa.
        spike_exp: bits behind the point of what is sent, 0…6; NetX means 6.
    """

    vth_mant: int
    spike_exp: int = 6

    model: ClassVar[str] = "DELTA"
    states = ("activation", "residue")
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = _RANGES
    single = frozenset(_RANGES)
    graded = True


@dataclass(frozen=True, eq=False)
class SigmaDelta(NeuronModel):
    """Neurons of a sigma-delta network, as `lava.proc.sdn.SigmaDelta` computes them in fixed point.

    They add up what they receive (sigma), add a bias, apply the activation function, and send its change as `Delta`
    does.

    Arguments:
        vth_mant: threshold mantissa.
        bias_mant: bias of the activation, `bias_mant << (spike_exp + 6)`: for the layer, each channel or each neuron.
        activation: "relu", or "unit" for none; NetX means "relu".
        spike_exp: bits behind the point of what is sent, 0…6; NetX means 6.
    """

    vth_mant: int
    bias_mant: npt.ArrayLike = 0
    activation: Activation = "relu"
    spike_exp: int = 6

    model: ClassVar[str] = "SDNN"
    states = ("sigma", "activation", "residue")
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = {**_RANGES, "bias_mant": (-(1 << 18), (1 << 18) - 1)}
    single = frozenset(_RANGES)
    graded = True

    def problems(self, shape: tuple[int, ...]) -> list[str]:
        """Everything that is wrong with these parameters for a layer of this shape."""
        found = super().problems(shape)
        if self.activation not in get_args(Activation):
            found.append(f"activation: must be one of {', '.join(get_args(Activation))}, got {self.activation!r}")
        return found

    def bias(self, shape: tuple[int, ...]) -> npt.NDArray[np.int32]:
        """What is added to sigma before the activation, for each neuron, flat in C order, int32."""
        return np.left_shift(self.per_neuron("bias_mant", shape), np.int32(self.spike_exp + STATE_EXP))

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs to `digest`."""
        super().update_digest(digest)
        update_digest(digest, self.activation)


@dataclass(frozen=True, eq=False)
class Sigma(NeuronModel):
    """Decoders that add up what they receive and send the sum in every step, as `lava.proc.sdn.Sigma` does."""

    model: ClassVar[str] = "SIGMA"
    states = ("sigma",)
    graded = True
