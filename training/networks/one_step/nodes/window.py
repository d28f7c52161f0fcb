"""The two convolutions of a window unit: neurons that see the windows of a map one after the other."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from lapilli.netx_exports.neurons.kinds import WindowLif
from lapilli.netx_exports.one_step import Cut
from lapilli.netx_exports.synapses.kinds import ConvSynapse, HandOverSynapse, Synapse
from lapilli.training.networks.one_step.carry import KEEP, Carry, carry_of
from lapilli.training.networks.one_step.config import Fusion, OneStepConfig
from lapilli.training.networks.one_step.functions.window_lif import window_lif
from lapilli.training.networks.one_step.functions.windows import cut
from lapilli.training.networks.one_step.kernels.window_lif import OMEGA, TABLE
from lapilli.training.networks.one_step.layers import WEIGHT_UNITS, Weighted, whole
from lapilli.training.networks.one_step.nodes.convolution import LARGEST_BIAS
from lapilli.training.networks.one_step.nodes.node import Exported, Map, Node, Sent
from lapilli.training.networks.one_step.topology import Cutting

if TYPE_CHECKING:
    from lapilli.training.networks.one_step.export import Builder
    from lapilli.training.networks.one_step.network import OneStepNetwork

_UNITS = (12, 17)
_ACTIVATION_BITS = 6
"""A sum of 1 is a potential of 2^6."""

_CARRIES = ("none", "group", "layer", "sum", "table", "omega")
_KERNEL = 3


@dataclass(frozen=True)
class WindowConvolution(Node):
    """A convolution within windows, and neurons whose potential is carried from window to window.

    Arguments:
        cutting: of the map.
        fusion: with which potentials a window begins.
        partner: the unit's other window convolution, with whose neurons it shares the unit of potentials.
        cuts: whether it reads the whole map and cuts it; otherwise its source has windows too.
    """

    cutting: Cutting
    fusion: Fusion
    partner: str
    cuts: bool

    @property
    def windows(self) -> Cutting:
        """How the map is cut."""
        return self.cutting

    def layer(self, config: OneStepConfig) -> Weighted:
        """Its weights."""
        momentum = config.momentum if config.norm == "batch" else None
        return Weighted((self.shape[0], self.shape[0], _KERNEL, _KERNEL), 1, _KERNEL // 2, momentum)

    def carry(self, config: OneStepConfig) -> Carry:
        """With which potentials a window begins."""
        return carry_of(self.fusion, config.theta, config.omega_form)

    def answer(self, module: "OneStepNetwork", sent: Sent) -> Map:
        """What it sends, and the potentials."""
        source = sent[self.reads]
        values = cut(source.values, self.cutting) if self.cuts else source.values
        unit = self.unit(module)
        of_windows = self._drive(module, values.flatten(0, 1), unit)
        drive = of_windows.reshape(*values.shape[:2], *of_windows.shape[1:])
        carry = self.carry(module.config)
        below = source.potential if carry.reads_below else None
        spikes, potential = window_lif(drive, below, carry, unit, module.config.surrogate_width)
        return Map(spikes, 0, potential)

    def _drive(self, module: "OneStepNetwork", values: torch.Tensor, unit: int) -> torch.Tensor:
        layer = module.weighted(self.name)
        if module.normalises:
            assert layer.norm is not None
            return layer.norm(layer.convolved(values, layer.weight, None), True)
        folded = layer.folded(WEIGHT_UNITS[1], module.rounded)
        bias = self._bias(folded.bias, unit) if module.rounded else folded.bias
        return layer.convolved(values, folded.weight, bias)

    def unit(self, module: "OneStepNetwork") -> int:
        """Of the potentials of the whole window unit: 1.0 is 2^unit."""
        with torch.no_grad():
            units = [module.weighted(name).folded(WEIGHT_UNITS[1], False).unit for name in (self.name, self.partner)]
        low, high = _UNITS
        return max(low, min(max(units) + _ACTIVATION_BITS, high))

    @staticmethod
    def _bias(bias: torch.Tensor, unit: int) -> torch.Tensor:
        return whole(bias, unit - _ACTIVATION_BITS, LARGEST_BIAS)

    def exported(self, builder: "Builder") -> Exported:
        """Convolutions of all windows one after the other, or of a source that has windows, and what is handed over."""
        module = builder.module
        unit = self.unit(module)
        folded = module.weighted(self.name).folded(WEIGHT_UNITS[1], True)
        exponent = unit - _ACTIVATION_BITS - folded.unit
        weights = builder.integers(folded.weight, folded.unit)
        padding = (_KERNEL // 2, _KERNEL // 2)
        bias = builder.integers(self._bias(folded.bias, unit), unit - _ACTIVATION_BITS)
        builder.units[self.name] = 0
        conv: Synapse | Cut
        if self.cuts:
            conv = Cut(self.reads, weights, self.cutting.dilated, padding, weight_exp=exponent)
        else:
            conv = ConvSynapse(self.reads, weights, padding=padding, weight_exp=exponent)
        neuron, carry = self._neuron(module.config, unit, bias), self.carry(module.config)
        if not carry.reads_below:
            return neuron, (conv,)
        carried = "cosines" if carry.code == OMEGA else "potentials"
        return neuron, (conv, HandOverSynapse(self.reads, carried, carried))

    def _neuron(self, config: OneStepConfig, unit: int, bias: object) -> WindowLif:
        carry = self.carry(config)
        # The cosine of the first layer is of the second one's angle.
        index_shift = unit + (carry if carry.code == TABLE else carry_of("omega", config.theta)).index_shift
        table = {"table": carry.table, "table_shift": unit + carry.table_shift} if carry.code == TABLE else {}
        threshold = 1 << (unit - _ACTIVATION_BITS - 1)
        return WindowLif(
            threshold,
            unit,
            _CARRIES[carry.code],
            self.cutting.groups,
            KEEP,
            bias,  # type: ignore[arg-type]
            index_shift=index_shift,
            **table,  # type: ignore[arg-type]
        )

    def products(self, source_channels: int) -> tuple[int, int]:
        """As of `Node`."""
        return self.cutting.places * self.shape[0] * source_channels * _KERNEL**2, 0
