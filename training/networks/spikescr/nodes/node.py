"""What a layer answers for: what it sends in training, what it is in the exported network, and what it costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from lapilli.netx_exports.neurons.kinds import Neuron
from lapilli.netx_exports.synapses.kinds import Synapse
from lapilli.training.networks.spikescr.config import SpikeScrConfig

if TYPE_CHECKING:
    from lapilli.training.networks.spikescr.export import Builder
    from lapilli.training.networks.spikescr.layers import NormedLayer
    from lapilli.training.networks.spikescr.network import SpikeScrNetwork

VALID, KEYS = "valid", "keys"
"""The line that is on while the sample lasts, and that of its valid keys."""

AT_ONCE = 4096
"""A decay: nothing is kept."""

TAU_2 = 2048
"""A decay: half is kept."""

Sent = dict[str, torch.Tensor]
"""What layers send, (samples, steps, channels), by their names, and the input; sums of several are kept in it too."""


@dataclass(frozen=True)
class Node:
    """A layer.

    Arguments:
        name: unique in the network.
        reads: the layers that it reads, whose spikes add up; query, key and value of an attention.
        n_inputs: channels of each of `reads`.
        width: its channels.
        bias: whether the published layer has a bias beside its batch norm.
        gate: the layer whose spikes let it receive; VALID: it receives while the sample lasts.
        drops: whether dropout silences some of what it sends in training.
    """

    name: str
    reads: tuple[str, ...]
    n_inputs: int
    width: int
    bias: bool = False
    gate: str | None = None
    drops: bool = False

    graded: ClassVar[bool] = False
    """Whether what it sends has values, so that an event counts once, whatever its value."""

    remembers: ClassVar[bool] = False
    """Whether it has a memory that may decay."""

    def layer(self, config: SpikeScrConfig) -> "NormedLayer | None":
        """Its weights with their batch norm, with random values; None: it has none."""
        return None

    def ahead(self, config: SpikeScrConfig) -> int:
        """Steps by which the first of its taps in time reads what comes later."""
        return 0

    def lag(self, lags: Mapping[str, int], config: SpikeScrConfig, n_steps: int) -> int:
        """In which step of the exported network it sends what belongs to step 0 of a sample.

        Arguments:
            lags: of the layers in front, and of the lines.
            config: of the network.
            n_steps: of a sample.
        """
        arrived = max(lags[name] for name in self.reads) + 1 + self.ahead(config)
        return arrived if self.gate is None else max(arrived, lags[self.gate] + 1)

    def answer(self, module: "SpikeScrNetwork", sent: Sent, write: torch.Tensor) -> torch.Tensor:
        """What it sends, (samples, steps, channels).

        Arguments:
            module: whose layer it is.
            sent: what the layers in front send.
            write: 1 where keys count, (samples, steps).
        """
        raise NotImplementedError

    def exported(self, builder: "Builder") -> tuple[Neuron, list[Synapse]]:
        """Its neurons and synapses in the exported network."""
        raise NotImplementedError

    def fan_out(self, module: "SpikeScrNetwork") -> torch.Tensor:
        """Connections that an event of each source channel meets, without weights of 0; float64, (n_inputs)."""
        return module.head.new_ones(self.n_inputs, dtype=torch.float64)

    def matrix_operations(self, config: SpikeScrConfig, n_steps: int) -> int:
        """Operations for each event that it reads where all is matrix products, as publications count; 0: none is."""
        return 0

    @property
    def matrix_products(self) -> int:
        """How many products there are."""
        return 1

    def matrix_reads(self) -> tuple[str, ...]:
        """The layers whose events meet so many operations."""
        return self.reads


def stream(sent: Sent, reads: tuple[str, ...]) -> torch.Tensor:
    """The sum of what some layers send; kept, because the layers behind read it and more."""
    if len(reads) == 1:
        return sent[reads[0]]
    name = "+".join(reads)
    if name not in sent:
        sent[name] = stream(sent, reads[:-1]) + sent[reads[-1]]
    return sent[name]
