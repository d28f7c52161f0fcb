"""What of a network the chip cannot express: what each of its parts says."""

from collections.abc import Iterator

from lapilli.netx_exports.clock import EVERY_STEP
from lapilli.netx_exports.network import Layer, Network


def chip_problems(network: Network) -> tuple[str, ...]:
    """Why the chip could not run `network` exactly, one phrase for each reason; empty where nothing is known to."""
    return tuple(problem for layer in network.layers for problem in _layer_problems(layer))


def _layer_problems(layer: Layer) -> Iterator[str]:
    where = f"layer {layer.name!r}"
    yield from (f"{where}: {problem}" for problem in layer.neuron.chip_problems())
    if layer.clock != EVERY_STEP:
        yield f"{where}: clock: the chip's neurons act in every step"
    for index, synapse in enumerate(layer.synapses):
        for problem in synapse.chip_problems():
            yield f"{where}, synapse {index} from {synapse.source!r}: {problem}"
