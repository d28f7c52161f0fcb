"""A recurrent layer within windows, whose gates are analogue, and neurons that see the windows one after the other."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from lapilli.training.networks.one_step.carry import Carry, carry_of
from lapilli.training.networks.one_step.config import Fusion, Mixer, OneStepConfig
from lapilli.training.networks.one_step.functions.window_lif import window_lif
from lapilli.training.networks.one_step.functions.windows import cut
from lapilli.training.networks.one_step.layers import whole
from lapilli.training.networks.one_step.nodes.node import Map, Node, Sent
from lapilli.training.networks.one_step.topology import Cutting

if TYPE_CHECKING:
    from lapilli.training.networks.one_step.network import OneStepNetwork

POTENTIAL_UNIT = 14
"""A potential of 1.0 is 2^this. Currents within -1…1 have 8 bits then."""

GATES: Mapping[Mixer, int] = {"lstm": 4, "rnn": 1, "gru": 3}
"""Matrices of weights of a unit, each for what it reads and for what it sent before."""

_LAYERS: Mapping[Mixer, Callable[..., torch.nn.RNNBase]] = {
    "lstm": torch.nn.LSTM,
    "rnn": torch.nn.RNN,
    "gru": torch.nn.GRU,
}
_LARGEST_POTENTIAL = (1 << 23) - 1


@dataclass(frozen=True)
class WindowRecurrence(Node):
    """A recurrent layer over the places of each window, row by row; what it sends are currents of as many neurons.

    Each window begins with an empty memory. What windows hand on are the potentials of the neurons.

    Arguments:
        source_channels: of the map that is cut; a direction has as many units.
        mixer: which recurrent layer it is.
        cutting: of the map.
        fusion: with which potentials a window begins.
        below: the layer whose map of potentials windows begin with; None: in the first block it is empty.
    """

    source_channels: int
    mixer: Mixer
    cutting: Cutting
    fusion: Fusion
    below: str | None

    @property
    def windows(self) -> Cutting:
        """How the map is cut."""
        return self.cutting

    def layer(self, config: OneStepConfig) -> torch.nn.RNNBase:
        """The recurrent layer; torch draws weights within ±1 over the root of the units, as published."""
        width = self.source_channels
        return _LAYERS[self.mixer](width, width, batch_first=True, bidirectional=self.shape[0] > width)

    def answer(self, module: "OneStepNetwork", sent: Sent) -> Map:
        """What it sends, and the potentials."""
        windows = cut(sent[self.reads].values, self.cutting)
        # (windows times samples, places, channels): no window waits for another until its neurons.
        places = windows.flatten(0, 1).flatten(1, 2)
        current = module.layers[self.name](places)[0].reshape(*windows.shape[:4], -1)
        carry = carry_of(self.fusion, module.config.theta, module.config.omega_form)
        below = self._below(current, sent, carry)
        spikes, potential = window_lif(current, below, carry, POTENTIAL_UNIT, module.config.surrogate_width)
        return Map(spikes, 0, potential)

    def _below(self, current: torch.Tensor, sent: Sent, carry: Carry) -> torch.Tensor | None:
        """Potentials of the layer below in each window."""
        if not carry.reads_below:
            return None
        if self.below is None:
            return torch.zeros_like(current)
        return whole(cut(sent[self.below].values, self.cutting), POTENTIAL_UNIT, _LARGEST_POTENTIAL)

    def products(self, source_channels: int) -> tuple[int, int]:
        """As of `Node`; what it reads are spikes, and what it sent before are real numbers."""
        met = self.cutting.places * self.shape[0] * GATES[self.mixer] * source_channels
        return met, met
