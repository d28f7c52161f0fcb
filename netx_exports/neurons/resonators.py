"""Resonate-and-fire neurons: a complex voltage that turns and decays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lapilli.netx_exports.arrays import IntArray
from lapilli.netx_exports.netx.plain_fields import check_fields
from lapilli.netx_exports.neurons.neuron import DECAY_UNITY, Neuron, PlainPlace, out_of_reach

if TYPE_CHECKING:
    # Reading files needs h5py; running a network does not.
    from lapilli.netx_exports.hdf5.fields import Fields


@dataclass(frozen=True, eq=False)
class Resonator(Neuron):
    """What both kinds share: in each step the voltage is multiplied by `(cos_decay + i sin_decay) / 4096`, and the
    input, that of the ports "real" and "imag" apart, is added. They differ in what a spike is.

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
    ports = ("real", "imag")

    @property
    def never_spikes(self) -> bool:
        """Whether the threshold is out of the voltage's reach."""
        return out_of_reach(self.vth_mant)

    def plain_obstacles(self, place: PlainPlace) -> list[str]:
        """Why these neurons cannot stand there in a plain file that stock lava-dl reads."""
        return [] if "imag" in place.fed else ["has complex neurons without an imaginary synapse"]

    def stock_problems(self) -> list[str]:
        """What stock lava-dl makes of the plain file's neurons where it is not what they mean."""
        runs = stock_turn(self.sin_decay, self.cos_decay)
        if runs is None:
            return ["has a sine decay of 0, on which lava-dl fails with a division by zero"]
        if runs != (self.sin_decay, self.cos_decay):
            return [f"Lava runs sine and cosine decay as {runs} instead of {(self.sin_decay, self.cos_decay)}"]
        return []

    def plain_fields(self) -> dict[str, Any]:
        """Fields of the plain file's group `neuron`, in the order in which SLAYER writes them."""
        turn = {"sinDecay": self.sin_decay, "cosDecay": self.cos_decay}
        return {"type": self.model, **turn, "vThMant": self.vth_mant, "gradedSpike": False}

    @classmethod
    def read_plain(cls, fields: "Fields", shape: tuple[int, ...] | None, bias: IntArray | None) -> "Resonator | None":
        """The neurons of a plain file's group `neuron`, or None after reporting why not."""
        check_fields(fields, "sinDecay", "cosDecay", "vThMant")
        if bias is not None and np.any(bias):
            fields.unsupported("type", "a bias of resonate-and-fire neurons is not run (lava-dl drops it)")
        threshold = fields.integer("vThMant", low=0, high=(1 << 18) - 1)
        sine = fields.integer("sinDecay", low=-DECAY_UNITY, high=DECAY_UNITY)
        cosine = fields.integer("cosDecay", low=-DECAY_UNITY, high=DECAY_UNITY)
        return None if threshold is None or sine is None or cosine is None else cls(threshold, sine, cosine)


class ResonateAndFire(Resonator):
    """SLAYER's RF neurons ("RF_PHASE"), as `lava.proc.rf` computes them in fixed point.

    A neuron spikes when the imaginary part comes from below 0 to 0 or above while the real part is at least
    `vth_mant << 6`. The voltage is not reset.
    """

    model: ClassVar[str] = "RF_PHASE"
    arithmetic = (4, 7)
    fires_by = "real"
    plain_types = ("RF_PHASE",)


class IzhikevichResonateAndFire(Resonator):
    """SLAYER's RF neurons with Izhikevich's reset ("RF_IZHIKEVICH"), as `lava.proc.rf_iz` computes them.

    A neuron spikes when the imaginary part is at least `vth_mant << 6`; the real part then becomes 0 and the imaginary
    part one less than the threshold.
    """

    model: ClassVar[str] = "RF_IZHIKEVICH"
    arithmetic = (4, 5)
    fires_by = "imag"
    plain_types = ("RF_IZHIKEVICH",)


def stock_turn(sin_decay: int, cos_decay: int) -> tuple[int, int] | None:
    """Sine and cosine decay with which stock Lava runs: it goes by way of a period and a decay; None: it fails."""
    sine, cosine = sin_decay / DECAY_UNITY, cos_decay / DECAY_UNITY
    decay = 1 - np.sqrt(sine**2 + cosine**2)
    frequency = np.arctan2(sine, cosine) / 2 / np.pi
    if not frequency:
        return None
    period = 1 / frequency
    turned = ((1 - decay) * function(np.pi * 2 * 1 / period) for function in (np.sin, np.cos))
    sine, cosine = (int(np.int32(part * DECAY_UNITY)) for part in turned)
    return sine, cosine
