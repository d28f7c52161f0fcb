"""Attention of spikes with spikes: a memory that keys and values fill, and queries read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from lapilli.netx_exports.neurons.kinds import Neuron, SpikeAttention
from lapilli.netx_exports.synapses.kinds import Synapse
from lapilli.training.networks.spikescr.config import SpikeScrConfig
from lapilli.training.networks.spikescr.functions.attention import Memory, attended
from lapilli.training.networks.spikescr.functions.dropout import dropped_out
from lapilli.training.networks.spikescr.functions.neurons import integer_neurons
from lapilli.training.networks.spikescr.functions.thresholds import reached
from lapilli.training.networks.spikescr.nodes.node import AT_ONCE, KEYS, TAU_2, VALID, Node, Sent

if TYPE_CHECKING:
    from lapilli.training.networks.spikescr.export import Builder
    from lapilli.training.networks.spikescr.network import SpikeScrNetwork


@dataclass(frozen=True)
class Attention(Node):
    """Each head has a matrix of all keys times all values: the attention "v2" of the authors, as published."""

    remembers = True

    def lag(self, lags: Mapping[str, int], config: SpikeScrConfig, n_steps: int) -> int:
        """Queries wait for the keys that they look ahead to; the line must have come too."""
        return max(lags[name] for name in (*self.reads, VALID)) + 1 + config.waiting(n_steps)

    def answer(self, module: "SpikeScrNetwork", sent: Sent, write: torch.Tensor) -> torch.Tensor:
        """Spikes of what queries read."""
        threshold = write.new_full((self.width,), module.config.attention_threshold)
        firing = module.firing(self.drops)._replace(at_once=True, exponent=0)
        return integer_neurons(self.found(module, sent, write), threshold, firing)

    def memory(self, config: SpikeScrConfig) -> int:
        """Channels that share a memory."""
        return config.head

    def found(self, module: "SpikeScrNetwork", sent: Sent, write: torch.Tensor) -> torch.Tensor:
        """What queries read of the memory, in 64ths."""
        query, key, value = (sent[name] for name in self.reads)
        config = module.config
        memory = Memory(self.memory(config), config.waiting(module.n_steps))
        return attended(query, key, value, write, memory, module.memory_decay(self.name))

    def exported(self, builder: "Builder") -> tuple[Neuron, list[Synapse]]:
        """Spike attention whose queries are later by the look-ahead."""
        module = builder.module
        config, (query, key, value) = module.config, self.reads
        waiting, line = config.waiting(module.n_steps), KEYS if config.key_mask else VALID
        decay = int(module.memory_decay(self.name))
        neuron = SpikeAttention(self.memory(config), config.attention_threshold, self.voltage_decay, decay)
        synapses: list[Synapse] = [
            builder.identity(self.name, query, port="query"),
            builder.identity(self.name, key, -waiting, port="key"),
            builder.identity(self.name, value, -waiting, port="value"),
            builder.dense(self.name, line, np.ones((self.width, 1), np.int64), -waiting, bits=9, port="write"),
        ]
        return neuron, synapses

    @property
    def voltage_decay(self) -> int:
        """Of its neurons."""
        return TAU_2

    def matrix_operations(self, config: SpikeScrConfig, n_steps: int) -> int:
        """In Q Kᵀ a query's spike meets that channel of the keys of all steps, in A V a value's spike all rows of A."""
        return n_steps

    @property
    def matrix_products(self) -> int:
        """Of queries and keys, and with the values."""
        return 2

    def matrix_reads(self) -> tuple[str, ...]:
        """Queries and values."""
        return self.reads[0], self.reads[2]


@dataclass(frozen=True)
class TokenSums(Attention):
    """Each channel counts where query and key spike together, and gates its value: the attention "v1" of the authors.

    It is spike attention with one channel to a head, whose neurons keep no voltage: keys are the queries, values the
    keys, and what asks is the value: `v[t] * (sum over steps of q * k >= threshold)`. The authors' code runs neurons
    over the samples of a batch there. For a batch of one sample these do what is done here, where all steps are seen.

    Arguments:
        reads: value, query and key.
    """

    def answer(self, module: "SpikeScrNetwork", sent: Sent, write: torch.Tensor) -> torch.Tensor:
        """Values that are let through."""
        firing, threshold = module.firing(self.drops), 64 * module.config.attention_threshold
        return dropped_out(reached(self.found(module, sent, write) / threshold, firing.surrogate), firing.dropout)

    def memory(self, config: SpikeScrConfig) -> int:
        """Each channel by itself."""
        return 1

    @property
    def voltage_decay(self) -> int:
        """Nothing is kept."""
        return AT_ONCE

    def matrix_operations(self, config: SpikeScrConfig, n_steps: int) -> int:
        """Products of two spikes."""
        return 1

    def matrix_reads(self) -> tuple[str, ...]:
        """Values, and queries."""
        return self.reads[0], self.reads[1]
