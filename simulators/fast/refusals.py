"""What the `fast` backend cannot run, because no kernel of it is known here."""

from lapilli.netx_exports.network import Network
from lapilli.simulators.fast.neurons.kinds import NEURONS
from lapilli.simulators.fast.synapses.kinds import SYNAPSES


def fast_refusals(network: Network) -> tuple[str, ...]:
    """Why the `fast` backend could not run `network`, one phrase for each reason; empty where it can.

    Compiles nothing.
    """
    found = []
    for layer in network.layers:
        if layer.neuron.model not in NEURONS:
            found.append(f"layer {layer.name!r}: no kernel for neurons of model {layer.neuron.model}")
        for index, synapse in enumerate(layer.synapses):
            if synapse.kind not in SYNAPSES:
                where = f"layer {layer.name!r}, synapse {index} from {synapse.source!r}"
                found.append(f"{where}: no kernel for synapses of kind {synapse.kind}")
    return tuple(found)
