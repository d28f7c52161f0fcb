"""Leaky integrate-and-fire neurons behind a gate."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy.typing as npt

from lapilli.netx_exports.neurons.neuron import DECAY_UNITY, Neuron, out_of_reach


@dataclass(frozen=True, eq=False)
class GatedLif(Neuron):
    """Current-based leaky integrate-and-fire neurons that receive only where their gate is open.

    What arrives at the port "drive" counts in the steps in which more than 0 arrives at the port "gate"; in the others
    it is lost, and the neuron integrates 0. All else is as in `CubaLif` without a bias: a bias that the gate must hold
    back comes as weights of a source that is always on. Source: the spiking gate unit of SpikeSCR (arXiv 2412.12858,
    code of the authors), whose real-valued half is what arrives at "drive".

    Arguments:
        vth_mant: threshold mantissa; a neuron spikes when its voltage exceeds `vth_mant << 6`.
        current_decay: share of the current that is forgotten, in 1/4096 per step, 0…4096.
        voltage_decay: likewise of the voltage.
    """

    vth_mant: npt.ArrayLike
    current_decay: npt.ArrayLike
    voltage_decay: npt.ArrayLike

    model: ClassVar[str] = "GATED"
    states = ("current", "voltage")
    ports = ("drive", "gate")
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = {
        "vth_mant": (0, (1 << 24) - 1),
        "current_decay": (0, DECAY_UNITY),
        "voltage_decay": (0, DECAY_UNITY),
    }
    # As `CubaLif`, and the comparison of the gate.
    arithmetic = (2, 4)
    fires_by = "voltage"

    @property
    def never_spikes(self) -> bool:
        """Whether the threshold of every neuron is out of the voltage's reach (a readout)."""
        return out_of_reach(self.vth_mant)
