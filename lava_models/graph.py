"""A `Network` as a graph of stock Lava Processes: neurons and Dense, DelayDense, Sparse, DelaySparse, Conv."""

from collections.abc import Mapping

import numpy as np
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.proc.conv.process import Conv
from lava.proc.dense.process import DelayDense, Dense
from lava.proc.sparse.process import DelaySparse, Sparse
from lava.utils.weightutils import SignMode
from scipy.sparse import csr_matrix, identity

from lapilli.lava_models.neurons.kinds import LayerReset, input_port, neuron_process
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.synapses.kinds import (
    INPUT,
    ConvSynapse,
    DenseSynapse,
    DirectSynapse,
    IdentitySynapse,
    Shape,
    Synapse,
    part_of,
)

_SIGN_MODES = {"mixed": SignMode.MIXED, "excitatory": SignMode.EXCITATORY, "inhibitory": SignMode.INHIBITORY}

# Any positive number makes Lava multiply by the payload; it does not enforce the width.
GRADED_BITS = 24


def build(network: Network, source: OutPort, resets: Mapping[str, LayerReset]) -> dict[str, AbstractProcess]:
    """Build and connect the graph.

    All neurons are flat in C order; only Conv sees (W, H, C).

    Arguments:
        network: without `lava_refusals`.
        source: port that sends the input, (inputs,).
        resets: periodic resets by layer name; layers not named never reset.

    Returns:
        The neuron Process of each layer, by name.
    """
    senders = {INPUT: source}
    neurons = {}
    for layer in network.layers:
        neuron = neurons[layer.name] = neuron_process(layer, resets.get(layer.name))
        senders[layer.name] = neuron.s_out
        for synapse in layer.synapses:
            graded = synapse.source in network.graded_sources
            _connect(synapse, senders[synapse.source], network.shapes[synapse.source], layer, neuron, graded)
        if {synapse.source for synapse in layer.synapses} == {layer.name}:
            _tie(source, network.n_inputs, layer, neuron)
    return neurons


def _connect(
    synapse: Synapse, sender: OutPort, source_shape: Shape, layer: Layer, neuron: AbstractProcess, graded: bool
) -> None:
    message_bits = GRADED_BITS if graded else 0
    entry = input_port(neuron, part_of(synapse))
    if isinstance(synapse, DirectSynapse):
        sender.connect(entry)
    elif isinstance(synapse, ConvSynapse):
        conv = _conv(synapse, source_shape, message_bits)
        sender.reshape(source_shape).transpose([2, 1, 0]).connect(conv.s_in)
        conv.a_out.transpose([2, 1, 0]).flatten().connect(entry)
    else:
        process = _matrix(synapse, layer, message_bits)
        sender.connect(process.s_in)
        process.a_out.connect(entry)


def _matrix(synapse: DenseSynapse | IdentitySynapse, layer: Layer, message_bits: int) -> AbstractProcess:
    return (
        _dense(synapse, message_bits) if isinstance(synapse, DenseSynapse) else _identity(synapse, layer, message_bits)
    )


def _dense(synapse: DenseSynapse, message_bits: int) -> AbstractProcess:
    weights = np.asarray(synapse.weights).astype(np.int32)
    parameters = {
        "weights": weights,
        "weight_exp": synapse.weight_exp,
        # More than 8 bits make sense with a sign only: Lava would shift by a negative number.
        "num_weight_bits": synapse.weight_bits if synapse.sign_mode == "mixed" else min(synapse.weight_bits, 8),
        "sign_mode": _SIGN_MODES[synapse.sign_mode],
        "num_message_bits": message_bits,
    }
    if synapse.delays is None:
        return Dense(**parameters)
    delays = np.broadcast_to(np.asarray(synapse.delays), weights.shape).astype(int)
    return DelayDense(**parameters, delays=delays)


def _identity(synapse: IdentitySynapse, layer: Layer, message_bits: int) -> AbstractProcess:
    # Sparse: the diagonal of a Dense would take the square of the layer's size.
    weights = (identity(layer.size, np.int32, "csr") * synapse.weight).astype(np.int32)
    parameters = {
        "weights": weights,
        "weight_exp": synapse.weight_exp,
        # Nine bits only where the lowest counts: the chip has eight.
        "num_weight_bits": 8 + synapse.weight % 2,
        "sign_mode": SignMode.MIXED,
        "num_message_bits": message_bits,
    }
    if not synapse.delay:
        return Sparse(**parameters)
    return DelaySparse(**parameters, delays=(identity(layer.size, int, "csr") * synapse.delay).astype(int))


def _conv(synapse: ConvSynapse, source_shape: Shape, message_bits: int) -> AbstractProcess:
    # Lava convolves, torch and NetX correlate: the kernel is flipped, and (C, H, W) becomes (W, H, C).
    # Lava 0.10.0 computes it with scipy in float64, exact below 2^53. Its faster way through torch is switched off in
    # that release (it would be exact below 2^24 only, and hangs in forked processes): it stays off, Lava is the oracle.
    weights = np.asarray(synapse.weights).astype(np.int32)[:, :, ::-1, ::-1].transpose(0, 3, 2, 1)
    return Conv(
        weight=weights,
        input_shape=source_shape[::-1],
        stride=synapse.stride[::-1],
        padding=synapse.padding[::-1],
        dilation=synapse.dilation[::-1],
        groups=synapse.groups,
        num_message_bits=message_bits,
    )


def _tie(source: OutPort, n_inputs: int, layer: Layer, neuron: AbstractProcess) -> None:
    """Connect a layer that only feeds itself to the source, without weights: Lava runs only what is connected."""
    process = Sparse(weights=csr_matrix((layer.size, n_inputs), dtype=np.int32), sign_mode=SignMode.MIXED)
    source.connect(process.s_in)
    process.a_out.connect(input_port(neuron, "real"))
