"""Queries and keys that are turned by their step, and spike again."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from lapilli.netx_exports.errors import UnsupportedError
from lapilli.netx_exports.neurons.kinds import CubaLif, Neuron
from lapilli.netx_exports.synapses.kinds import RotarySynapse, Synapse
from lapilli.training.networks.spikescr.functions.neurons import integer_neurons
from lapilli.training.networks.spikescr.functions.rotary import turned
from lapilli.training.networks.spikescr.nodes.node import AT_ONCE, TAU_2, Node, Sent
from lapilli.training.networks.spikescr.rotary import ROTARY_UNIT, rotary_table

if TYPE_CHECKING:
    from lapilli.training.networks.spikescr.export import Builder
    from lapilli.training.networks.spikescr.network import SpikeScrNetwork


@dataclass(frozen=True)
class Rotary(Node):
    """Pairs of channels are turned by a table of integers; neurons behind are those of the other layers."""

    def answer(self, module: "SpikeScrNetwork", sent: Sent, write: torch.Tensor) -> torch.Tensor:
        """Spikes of what is turned."""
        values = turned(sent[self.reads[0]], rotary_table(module.n_steps, module.config.head))
        return self.spikes(module, values)

    def spikes(self, module: "SpikeScrNetwork", values: torch.Tensor) -> torch.Tensor:
        """Of neurons that run along the steps of each sample."""
        threshold = values.new_full((values.shape[2],), ROTARY_UNIT)
        return integer_neurons(values, threshold, module.firing(self.drops))

    def exported(self, builder: "Builder") -> tuple[Neuron, list[Synapse]]:
        """A synapse that knows in which step the sample begins."""
        table = builder.integers(rotary_table(builder.module.n_steps, builder.module.config.head))
        source = self.reads[0]
        synapse = RotarySynapse(source, table, start=builder.lag[source])
        return CubaLif(ROTARY_UNIT, AT_ONCE, TAU_2), [synapse]

    def fan_out(self, module: "SpikeScrNetwork") -> torch.Tensor:
        """The two channels of a pair."""
        return module.head.new_full((self.n_inputs,), 2, dtype=torch.float64)


@dataclass(frozen=True)
class MixedRotary(Rotary):
    """The same, but its neurons run along an axis that mixes samples, heads and steps, as in the authors' code.

    There the tensor (samples, heads, steps, channels of a head) is taken as (steps, samples, channels) without a change
    of its order, and neurons run along the first axis.
    """

    def spikes(self, module: "SpikeScrNetwork", values: torch.Tensor) -> torch.Tensor:
        """Of neurons that run along the mixed axis."""
        samples, steps, width = values.shape
        head = module.config.head
        by_head = values.reshape(samples, steps, width // head, head).transpose(1, 2).reshape(1, steps, samples * width)
        spikes = super().spikes(module, by_head)
        return spikes.reshape(samples, width // head, steps, head).transpose(1, 2).reshape(samples, steps, width)

    def exported(self, builder: "Builder") -> tuple[Neuron, list[Synapse]]:
        """None.

        Raises:
            UnsupportedError: always.
        """
        problem = (
            f"network.mixed_axes: layer {self.name!r} answers to a sample by the others of its batch, as the authors' "
            "code does; no network of neurons does that, so it can only be trained"
        )
        raise UnsupportedError("spikescr", [problem])
