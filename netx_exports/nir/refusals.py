"""What of a network NIR cannot say: each is a phrase of `nir_refusals`, and none is approximated."""

from collections.abc import Iterator, Mapping

from lapilli.netx_exports.clock import EVERY_STEP
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.nir.meaning import nir_shapes
from lapilli.netx_exports.nir.nodes import NEURON_NODES
from lapilli.netx_exports.synapses.synapse import INPUT, Shape


def nir_refusals(network: Network) -> list[str]:
    """Every reason why no NIR graph means exactly what the network does; empty where one does."""
    shapes = nir_shapes(network)
    return [
        *_network_problems(network),
        *(
            f"layer {layer.name!r}: {text}"
            for layer in network.layers
            for text in _layer_problems(layer, network, shapes)
        ),
    ]


def _network_problems(network: Network) -> Iterator[str]:
    if network.graded_input:
        yield "graded_input: NIR does not tell events that carry a value from spikes"
    for name in (INPUT, *(layer.name for layer in network.layers[:-1])):
        if not any(name in _sources(layer) and name != layer.name for layer in network.layers):
            yield f"{'input' if name == INPUT else f'layer {name!r}'}: feeds nothing, so NIR takes it for an output"


def _sources(layer: Layer) -> set[str]:
    return {synapse.source for synapse in layer.synapses}


def _layer_problems(layer: Layer, network: Network, shapes: Mapping[str, Shape]) -> Iterator[str]:
    if layer.name in (".", ".."):
        yield "name: means a folder in HDF5"
    if layer.clock != EVERY_STEP:
        yield "clock: NIR's neurons act in every step"
    if layer.neuron.model not in NEURON_NODES:
        yield from layer.neuron.nir_refusals(False)
        return
    yield from layer.neuron.nir_refusals(any(layer.name in _sources(reader) for reader in network.layers))
    for index, synapse in enumerate(layer.synapses):
        for text in synapse.nir_refusals(shapes[synapse.source]):
            yield f"synapse {index} from {synapse.source!r}: {text}"
