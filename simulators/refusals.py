"""What a backend's tables of kinds do not know. Needs nothing of the backend itself."""

from collections.abc import Collection

from lapilli.netx_exports.network import Network


def unknown_kinds(network: Network, models: Collection[str], kinds: Collection[str]) -> tuple[str, ...]:
    """One phrase for each layer and synapse whose kind a backend does not know.

    Arguments:
        network: what is to run.
        models: of the neuron kinds that it knows.
        kinds: of the synapses that it knows.
    """
    neurons = (
        f"layer {layer.name!r}: the neuron model {layer.neuron.model} is not known"
        for layer in network.layers
        if layer.neuron.model not in models
    )
    synapses = (
        f"layer {layer.name!r}, synapse {index} from {synapse.source!r}: the kind {synapse.kind} is not known"
        for layer in network.layers
        for index, synapse in enumerate(layer.synapses)
        if synapse.kind not in kinds
    )
    return (*neurons, *synapses)
