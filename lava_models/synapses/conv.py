"""Two-dimensional convolutions: stock `Conv`, and a Process behind it where its sums are scaled."""

import numpy as np
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.proc.conv.process import Conv

from lapilli.lava_models.synapses.scaling import scaled_into
from lapilli.lava_models.synapses.wire import LavaSynapse, Wire
from lapilli.netx_exports.synapses.conv import ConvSynapse
from lapilli.netx_exports.synapses.synapse import Shape


def _connect(synapse: ConvSynapse, wire: Wire) -> AbstractProcess:
    return connect_conv(synapse, wire.sender, wire.source_shape, synapse.weight_exp, wire)


def connect_conv(
    synapse: ConvSynapse, sender: OutPort, source_shape: Shape, weight_exp: int, wire: Wire
) -> AbstractProcess:
    """A stock `Conv` between a port that sends a map, flat in C order, and the neurons of a wire.

    Arguments:
        synapse: its weights and geometry.
        sender, source_shape: of the map.
        weight_exp: sums are multiplied by 2**weight_exp, rounding down.
        wire: to the neurons.
    """
    process = _process(synapse, source_shape, wire.message_bits)
    sender.reshape(source_shape).transpose([2, 1, 0]).connect(process.s_in)
    scaled_into(process.a_out.transpose([2, 1, 0]).flatten(), wire.entry, wire.n_sums, weight_exp)
    return process


def _process(synapse: ConvSynapse, source_shape: Shape, message_bits: int) -> AbstractProcess:
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


CONV = LavaSynapse(_connect, {})
