"""A neuron that adds up its port "vote", when its port "gate" is above 0 and "veto" is not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.neurons.neuron import Neuron
from lapilli.simulators.reference.neurons.population import Int32, Population, Sent


@dataclass(frozen=True, eq=False)
class Voter(Neuron):
    """Spikes when the tally, which begins at `start`, reaches `quorum`, and takes the quorum off it."""

    quorum: npt.ArrayLike
    start: int = 0

    model: ClassVar[str] = "TOY_VOTER"
    states = ("tally",)
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = {"quorum": (1, 1 << 20), "start": (-100, 100)}
    single = frozenset({"start"})
    ports = ("vote", "gate", "veto")
    counters: ClassVar[Mapping[str, str]] = {"open_gates": "a neuron whose gate is open in a step"}
    arithmetic = (0, 3)

    @property
    def rest(self) -> Mapping[str, int]:
        """The tally begins at `start`."""
        return {"tally": self.start}


class Voters(Population):
    """`Voter`s at work."""

    def __init__(self, neuron: Voter, shape: tuple[int, ...], n_samples: int) -> None:
        super().__init__(neuron, shape, n_samples)
        self.quorum = neuron.per_neuron("quorum", shape)

    def step(self, *arriving: Int32) -> Sent:
        """Take what arrives at vote, gate and veto."""
        vote, gate, veto = arriving
        is_open = (gate > 0) & (veto <= 0)
        self.counted["open_gates"] += is_open.sum(axis=1)
        tally: Any = self.states["tally"]
        tally += np.where(is_open, vote, 0)
        spiking: npt.NDArray[np.bool_] = tally >= self.quorum
        tally -= np.where(spiking, self.quorum, 0)
        return spiking
