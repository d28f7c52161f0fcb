"""What Lava's fixed-point CPU models cannot compute exactly. Needs no Lava."""

from collections.abc import Mapping
from types import MappingProxyType

from lapilli.netx_exports.clock import EVERY_STEP
from lapilli.netx_exports.network import Network


def lava_refusals(network: Network, largest: Mapping[str, int] = MappingProxyType({})) -> tuple[str, ...]:
    """Why Lava could not run `network` exactly, one phrase for each reason; empty where it can.

    Arguments:
        network: what is to run.
        largest: largest magnitude among the values of graded events, by source; 1 for those not named.
    """
    clocks = (
        f"layer {layer.name!r}: clock: Lava's Process of model {layer.neuron.model} acts in every step"
        for layer in network.layers
        if layer.clock != EVERY_STEP and not layer.neuron.lava_clock
    )
    synapses = (
        f"layer {layer.name!r}, synapse {index} from {synapse.source!r}: {reason}"
        for layer in network.layers
        for index, synapse in enumerate(layer.synapses)
        for reason in synapse.lava_refusals(largest.get(synapse.source, 1))
    )
    return (*clocks, *synapses)


def reset_refusals(network: Network) -> tuple[str, ...]:
    """Why Lava could not reset the neurons of `network` periodically."""
    return tuple(
        f"layer {layer.name!r}: Lava resets no neurons of model {layer.neuron.model}"
        + " with a clock" * (layer.clock != EVERY_STEP)
        for layer in network.layers
        if not layer.neuron.lava_resets or layer.clock != EVERY_STEP
    )
