"""Current-based leaky integrate-and-fire neurons."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import IntArray, update_digest
from lapilli.netx_exports.chip.limits import LIF_OF_LAYER, LIF_RANGES
from lapilli.netx_exports.netx.plain_fields import bias_obstacles, check_fields, read_parameter
from lapilli.netx_exports.neurons.neuron import (
    DECAY_UNITY,
    LARGEST_THRESHOLD,
    Neuron,
    PlainPlace,
    out_of_reach,
    uniform,
)

if TYPE_CHECKING:
    # Reading files needs h5py; running a network does not.
    from lapilli.netx_exports.hdf5.fields import Fields

NEVER_SPIKES = (1 << 18) - 1
"""`vth_mant` of SLAYER's Affine readout: the threshold, 2^24 - 64, is above every voltage."""

BIAS_RANGES = {
    # Lava keeps the mantissa in an int16 and would wrap anything larger.
    "bias_mant": (-(1 << 15), (1 << 15) - 1),
    "bias_exp": (0, 7),
}


@dataclass(frozen=True, eq=False)
class CubaLif(Neuron):
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
    arithmetic = (2, 3)
    fires_by = "voltage"
    lava_resets = True
    lava_clock = True
    plain_types = ("CUBA", "LOIHI")
    plain_behind_input = True
    plain_recurrent = True

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

    def plain_obstacles(self, place: PlainPlace) -> list[str]:
        """Why these neurons cannot stand there in a plain file that stock lava-dl reads."""
        found = []
        if self.bias_exp != 6 and self.has_bias:
            found.append(f"has bias_exp {self.bias_exp} where NetX means 6")
        if np.size(self.vth_mant) > 1:
            found.append("has more than one threshold")
        for name in ("current_decay", "voltage_decay"):
            if np.shape(getattr(self, name)) not in {(), (1,), place.shape[:1]}:
                found.append(f"has a {name} for each neuron where NetX holds one for each channel")
        return found + bias_obstacles(self.bias_mant, place.shape)

    def plain_fields(self) -> dict[str, Any]:
        """Fields of the plain file's group `neuron`, in the order in which SLAYER writes them."""
        decays = {"iDecay": self.current_decay, "vDecay": self.voltage_decay}
        # One threshold that stands for a single neuron of a (1, 1, 1) layer: lava-dl's neurons would get three axes.
        threshold = np.reshape(self.vth_mant, ()) if np.ndim(self.vth_mant) > 1 else self.vth_mant
        return {"type": self.model, **decays, "vThMant": threshold, "refDelay": 1, "gradedSpike": False}

    @classmethod
    def read_plain(cls, fields: "Fields", shape: tuple[int, ...] | None, bias: IntArray | None) -> "CubaLif | None":
        """The neurons of a plain file's group `neuron`, or None after reporting why not."""
        check_fields(fields, "iDecay", "vDecay", "vThMant")
        current = read_parameter(fields, "iDecay", DECAY_UNITY, shape)
        voltage = read_parameter(fields, "vDecay", DECAY_UNITY, shape)
        threshold = read_parameter(fields, "vThMant", (1 << 24) - 1, shape)
        if current is None or voltage is None or threshold is None or bias is None:
            return None
        return cls(threshold, current, voltage, bias)

    def nir_refusals(self, is_read: bool) -> Iterator[str]:
        """Why no node of NIR means exactly these neurons."""
        for name in ("current_decay", "voltage_decay"):
            decays = np.asarray(getattr(self, name))
            if np.any(decays == 0) and np.any(decays):
                yield f"{name}: must be 0 for all neurons or for none, since 0 is a node of its own (an integrator)"
        if self.has_bias and not np.any(self.voltage_decay):
            yield "bias_mant: says a leak voltage, which needs a voltage_decay above 0"
        largest = int(np.max(self.vth_mant))
        # NIR's neuron without a threshold is read as SLAYER's readout, and as no other that never spikes.
        if largest > LARGEST_THRESHOLD and np.any(np.asarray(self.vth_mant) != NEVER_SPIKES):
            yield (
                f"vth_mant: must be at most {LARGEST_THRESHOLD}, where the voltage saturates, or {NEVER_SPIKES} for "
                f"all neurons (a readout), got {largest}"
            )
        elif self.never_spikes and is_read:
            yield f"vth_mant: {NEVER_SPIKES} never spikes, and NIR's leaky integrator would send its voltage instead"

    def chip_problems(self) -> Iterator[str]:
        """Why the chip could not run these neurons exactly."""
        for name, (low, high) in LIF_RANGES.items():
            values = np.asarray(getattr(self, name))
            smallest, largest = int(values.min()), int(values.max())
            span = str(smallest) if smallest == largest else f"{smallest}…{largest}"
            if smallest < low or largest > high:
                yield f"{name}: the chip holds {low}…{high}, got {span}"
            if name in LIF_OF_LAYER and smallest != largest:
                yield f"{name}: the chip has one for all neurons of a layer, got {span}"
