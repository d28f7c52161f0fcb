"""What Lava's fixed-point CPU models cannot compute exactly. Needs no Lava."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np

from lapilli.netx_exports.network import Network
from lapilli.netx_exports.neurons.kinds import CubaLif
from lapilli.netx_exports.synapses.kinds import ConvSynapse, DenseSynapse, Synapse

_INT8_MAX = 127
_INT32_LIMIT = 1 << 31


def lava_refusals(network: Network, largest: Mapping[str, int] = MappingProxyType({})) -> tuple[str, ...]:
    """Why Lava could not run `network` exactly, one phrase for each reason; empty where it can.

    Arguments:
        network: what is to run.
        largest: largest magnitude among the values of graded events, by source; 1 for those not named.
    """
    return tuple(
        f"layer {layer.name!r}, synapse {index} from {synapse.source!r}: {reason}"
        for layer in network.layers
        for index, synapse in enumerate(layer.synapses)
        for reason in _refusals(synapse, largest.get(synapse.source, 1))
    )


def reset_refusals(network: Network) -> tuple[str, ...]:
    """Why Lava could not reset the neurons of `network` periodically."""
    return tuple(
        f"layer {layer.name!r}: Lava resets no neurons of model {layer.neuron.model}"
        for layer in network.layers
        if not isinstance(layer.neuron, CubaLif)
    )


def _refusals(synapse: Synapse, largest_value: int) -> Iterator[str]:
    if isinstance(synapse, ConvSynapse):
        if synapse.delays is not None:
            yield "Lava's Conv knows no delays"
        if max(np.shape(synapse.weights)[2:]) > _INT8_MAX:
            yield f"Lava's Conv keeps the kernel's size in 8 bits, got {np.shape(synapse.weights)[2:]}"
    if isinstance(synapse, ConvSynapse) or (isinstance(synapse, DenseSynapse) and synapse.delays is not None):
        # Lava's Conv casts a float to int32; its DelayDense wraps each product at 32 bits before it adds and shifts.
        weights = np.abs(synapse.effective_weights).astype(np.int64)
        if int(weights.reshape(len(weights), -1).sum(axis=1).max()) * largest_value >= _INT32_LIMIT:
            yield f"values up to {largest_value} could overflow Lava's 32-bit sums"
