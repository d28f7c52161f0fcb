"""What of a network NIR cannot say: each is a phrase of `nir_refusals`, and none is approximated."""

from collections.abc import Iterator, Mapping

import numpy as np

from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.kinds import LARGEST_THRESHOLD, NEVER_SPIKES, CubaLif
from lapilli.netx_exports.nir.meaning import nir_shapes, split_delays
from lapilli.netx_exports.synapses.kinds import INPUT, ConvSynapse, DenseSynapse, IdentitySynapse, Shape, Synapse


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
    if not isinstance(layer.neuron, CubaLif):
        yield f"neuron: NIR has no model that is exactly {layer.neuron.model}"
        return
    yield from _neuron_problems(layer.neuron)
    is_read = any(layer.name in _sources(reader) for reader in network.layers)
    yield from _threshold_problems(layer.neuron, is_read)
    for index, synapse in enumerate(layer.synapses):
        for text in _synapse_problems(synapse, shapes):
            yield f"synapse {index} from {synapse.source!r}: {text}"


def _neuron_problems(neuron: CubaLif) -> Iterator[str]:
    for name in ("current_decay", "voltage_decay"):
        decays = np.asarray(getattr(neuron, name))
        if np.any(decays == 0) and np.any(decays):
            yield f"{name}: must be 0 for all neurons or for none, since 0 is a node of its own (an integrator)"
    if neuron.has_bias and not np.any(neuron.voltage_decay):
        yield "bias_mant: says a leak voltage, which needs a voltage_decay above 0"


def _threshold_problems(neuron: CubaLif, is_read: bool) -> Iterator[str]:
    largest = int(np.max(neuron.vth_mant))
    # NIR's neuron without a threshold is read as SLAYER's readout, and as no other that never spikes.
    if largest > LARGEST_THRESHOLD and np.any(np.asarray(neuron.vth_mant) != NEVER_SPIKES):
        yield (
            f"vth_mant: must be at most {LARGEST_THRESHOLD}, where the voltage saturates, or {NEVER_SPIKES} for all "
            f"neurons (a readout), got {largest}"
        )
    elif neuron.never_spikes and is_read:
        yield f"vth_mant: {NEVER_SPIKES} never spikes, and NIR's leaky integrator would send its voltage instead"


def _synapse_problems(synapse: Synapse, shapes: Mapping[str, Shape]) -> Iterator[str]:
    if isinstance(synapse, ConvSynapse):
        if len(shapes[synapse.source]) != 3:
            yield f"NIR has its source flat, as {shapes[synapse.source]}, and cannot fold it"
        if synapse.groups != 1:
            yield f"groups: must be 1, since nir takes in / groups channels for all of them, got {synapse.groups}"
        height, width = np.shape(synapse.weights)[2:]
        if height != width:
            yield f"weights: must be square, since nir takes a kernel's height for its width, got {height} x {width}"
        return
    if not isinstance(synapse, (DenseSynapse, IdentitySynapse)):
        yield f"NIR has no connection of the kind {synapse.kind!r}"
        return
    weights = synapse.effective_weights if isinstance(synapse, DenseSynapse) else np.asarray(synapse.weight)
    if synapse.weight_exp < 0 and np.any(weights % (1 << -synapse.weight_exp)):
        unit = 1 << -synapse.weight_exp
        yield f"weight_exp: {synapse.weight_exp} rounds sums of weights that are no multiples of {unit}"
    if isinstance(synapse, DenseSynapse) and split_delays(synapse) is None:
        yield "delays: NIR has delays for each source or for each neuron, not for each connection"
