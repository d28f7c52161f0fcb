"""Leaky integrate-and-fire neurons whose threshold and refractory state adapt."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import IntArray, update_digest
from lapilli.netx_exports.netx.plain_fields import check_fields
from lapilli.netx_exports.neurons.cuba_lif import BIAS_RANGES
from lapilli.netx_exports.neurons.neuron import DECAY_UNITY, Neuron, PlainPlace, uniform

if TYPE_CHECKING:
    # Reading files needs h5py; running a network does not.
    from lapilli.netx_exports.hdf5.fields import Fields

_DECAY = (0, DECAY_UNITY)
_THRESHOLD = (0, (1 << 18) - 1)

# In the order of the constructor's arguments.
_PLAIN_RANGES = {
    "vThMant": _THRESHOLD[1],
    "vThStep": _THRESHOLD[1],
    **dict.fromkeys(("iDecay", "vDecay", "thDecay", "refDecay"), DECAY_UNITY),
}


@dataclass(frozen=True, eq=False)
class AdaptiveLif(Neuron):
    """SLAYER's ALIF, as `lava.proc.atrlif` computes it in fixed point.

    Neurons spike when voltage - refractory state >= threshold; the refractory state then grows by twice the threshold
    and the threshold by its step. Both decay towards 0 and `vth_mant << 6`. The voltage is not reset.

    Arguments:
        vth_mant: mantissa of the threshold at rest, `vth_mant << 6`.
        threshold_step: what a spike adds to the threshold, `threshold_step << 6`.
        current_decay, voltage_decay, threshold_decay, refractory_decay: in 1/4096 per step, 0…4096.
        bias_mant: bias mantissa, for the layer, each channel or each neuron; `bias_mant << bias_exp` is added to the
            voltage in every step.
        bias_exp: bias exponent, 0…7; NetX means 6.
    """

    vth_mant: int
    threshold_step: int
    current_decay: int
    voltage_decay: int
    threshold_decay: int
    refractory_decay: int
    bias_mant: npt.ArrayLike = 0
    bias_exp: int = 6

    model: ClassVar[str] = "ALIF"
    states = ("current", "voltage", "threshold", "refractory")
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = {
        "vth_mant": _THRESHOLD,
        "threshold_step": _THRESHOLD,
        "current_decay": _DECAY,
        "voltage_decay": _DECAY,
        "threshold_decay": _DECAY,
        "refractory_decay": _DECAY,
        **BIAS_RANGES,
    }
    single = frozenset({*ranges} - {"bias_mant"})
    arithmetic = (4, 6)
    plain_types = ("ALIF",)

    @property
    def rest(self) -> Mapping[str, int]:
        """Value at rest of each state that does not rest at 0."""
        return {"threshold": self.vth_mant << 6}

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs to `digest`."""
        names = [name for name in self.ranges if name != "bias_exp" or self.has_bias]
        update_digest(digest, self.model, *(uniform(getattr(self, name)) for name in names))

    def bias(self, shape: tuple[int, ...]) -> npt.NDArray[np.int32]:
        """What is added to the voltage in each step, for each neuron, flat in C order, int32."""
        return np.left_shift(self.per_neuron("bias_mant", shape), np.int32(self.bias_exp))

    def plain_obstacles(self, place: PlainPlace) -> list[str]:
        """Why these neurons cannot stand there in a plain file that stock lava-dl reads."""
        return ["has neurons of model ALIF, on which lava-dl fails"]

    @classmethod
    def read_plain(cls, fields: "Fields", shape: tuple[int, ...] | None, bias: IntArray | None) -> "AdaptiveLif | None":
        """The neurons of a plain file's group `neuron`, or None after reporting why not."""
        check_fields(fields, *_PLAIN_RANGES)
        values = [fields.integer(name, low=0, high=high) for name, high in _PLAIN_RANGES.items()]
        known = [value for value in values if value is not None]
        if bias is None or len(known) < len(values):
            return None
        threshold, step, current, voltage, relaxation, recovery = known
        return cls(threshold, step, current, voltage, relaxation, recovery, bias)
