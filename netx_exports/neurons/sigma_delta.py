"""Sigma-delta neurons: they send how much an activation changed, and add up the changes that they receive."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import IntArray, update_digest
from lapilli.netx_exports.netx.plain_fields import bias_obstacles, check_fields
from lapilli.netx_exports.neurons.neuron import Neuron, PlainPlace

if TYPE_CHECKING:
    # Reading files needs h5py; running a network does not.
    from lapilli.netx_exports.hdf5.fields import Fields

STATE_EXP = 6
"""States have this many bits behind what is sent; fixed in NetX."""

Activation = Literal["relu", "unit"]

_RANGES = {"vth_mant": (0, (1 << 18) - 1), "spike_exp": (0, 6)}
_PLAIN_BIAS_LIMIT = 1 << 15
_PLAIN_TYPE = "SDNN"


@dataclass(frozen=True, eq=False)
class SigmaDelta(Neuron):
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
    words = frozenset({"activation"})
    graded = True
    arithmetic = (0, 5)
    plain_types = (_PLAIN_TYPE,)

    def problems(self, shape: tuple[int, ...]) -> list[str]:
        """Everything that is wrong with these parameters for a layer of this shape."""
        found = super().problems(shape)
        if self.activation not in get_args(Activation):
            found.append(f"activation: must be one of {', '.join(get_args(Activation))}, got {self.activation!r}")
        return found

    def bias(self, shape: tuple[int, ...]) -> npt.NDArray[np.int32]:
        """What is added to sigma before the activation, for each neuron, flat in C order, int32."""
        return np.left_shift(self.per_neuron("bias_mant", shape), np.int32(self.spike_exp + STATE_EXP))

    @property
    def rectifies(self) -> bool:
        """Whether a step compares a state with 0 and keeps the larger."""
        return self.activation == "relu"

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs to `digest`."""
        super().update_digest(digest)
        update_digest(digest, self.activation)

    def plain_obstacles(self, place: PlainPlace) -> list[str]:
        """Why these neurons cannot stand there in a plain file that stock lava-dl reads."""
        found = _exponent_obstacles(self.spike_exp)
        if self.activation != "relu":
            found.append(f"has the activation {self.activation!r}, which lava-dl runs as relu")
        found += bias_obstacles(self.bias_mant, place.shape)
        bias = np.asarray(self.bias_mant)
        if np.any((bias < -_PLAIN_BIAS_LIMIT) | (bias >= _PLAIN_BIAS_LIMIT)):
            found.append("has a bias of more than 16 bits")
        return found

    def plain_fields(self) -> dict[str, Any]:
        """Fields of the plain file's group `neuron`, in the order in which SLAYER writes them."""
        return {"type": _PLAIN_TYPE, "activation": "relu", "vThMant": self.vth_mant}

    @classmethod
    def read_plain(
        cls, fields: "Fields", shape: tuple[int, ...] | None, bias: IntArray | None
    ) -> "SigmaDelta | Sigma | None":
        """The neurons of a plain file's group `neuron`, or None after reporting why not; decoders (`Sigma`) too."""
        _check_fields(fields)
        if fields.has("sigma_output"):
            if fields.integer("sigma_output") != 1:
                fields.wrong("sigma_output", "must be 1 where it is given: lava-dl takes any value for it")
            if bias is not None and np.any(bias):
                fields.wrong("sigma_output", "a layer that only adds up cannot have a bias")
            return Sigma()
        threshold = fields.integer("vThMant", low=0, high=(1 << 18) - 1)
        return None if threshold is None or bias is None else cls(threshold, bias)


@dataclass(frozen=True, eq=False)
class Delta(Neuron):
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
    arithmetic = (0, 4)
    plain_behind_input = True

    def plain_obstacles(self, place: PlainPlace) -> list[str]:
        """Why these neurons cannot stand there in a plain file that stock lava-dl reads."""
        found = [] if place.behind_input else ["encodes changes, which NetX knows directly behind the input only"]
        return found + _exponent_obstacles(self.spike_exp)

    def plain_fields(self) -> dict[str, Any]:
        """Fields of the plain file's group `neuron`, in the order in which SLAYER writes them."""
        return {"type": _PLAIN_TYPE, "activation": "relu", "vThMant": self.vth_mant}

    @classmethod
    def read_plain(cls, fields: "Fields", shape: tuple[int, ...] | None, bias: IntArray | None) -> "Delta | None":
        """The neurons of an input group of a sigma-delta network, or None after reporting why not."""
        _check_fields(fields)
        if fields.has("sigma_output"):
            fields.wrong("sigma_output", "an input group encodes changes, it does not add them up")
        threshold = fields.integer("vThMant", low=0, high=(1 << 18) - 1)
        return None if threshold is None else cls(threshold)


@dataclass(frozen=True, eq=False)
class Sigma(Neuron):
    """Decoders that add up what they receive and send the sum in every step, as `lava.proc.sdn.Sigma` does."""

    model: ClassVar[str] = "SIGMA"
    states = ("sigma",)
    graded = True
    arithmetic = (0, 1)

    def plain_obstacles(self, place: PlainPlace) -> list[str]:
        """Why these neurons cannot stand there in a plain file that stock lava-dl reads."""
        return []

    def plain_fields(self) -> dict[str, Any]:
        """Fields of the plain file's group `neuron`, in the order in which SLAYER writes them."""
        return {"type": _PLAIN_TYPE, "activation": "relu", "vThMant": 0, "sigma_output": True}


def _exponent_obstacles(spike_exp: int) -> list[str]:
    return [] if spike_exp == 6 else [f"has spike_exp {spike_exp} where NetX means 6"]


def _check_fields(fields: "Fields") -> None:
    check_fields(fields, "vThMant", "activation", "sigma_output", "messageBits")
    activation = fields.word("activation") if fields.has("activation") else "relu"
    if activation not in ("relu", None):
        fields.unsupported("activation", f"{activation!r} is not run (lava-dl runs every activation as relu)")
    if fields.has("messageBits") and fields.integer("messageBits", low=0, high=32) == 0:
        fields.unsupported("messageBits", "sigma-delta neurons send values, which 0 bits cannot hold")
