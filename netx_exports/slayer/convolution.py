"""SLAYER's convolutions and pools as layers of a network."""

from collections.abc import Callable, Sequence
from typing import Any

from lapilli.netx_exports.arrays import IntArray
from lapilli.netx_exports.slayer.chain import BlockChain, leave_pending, split_delays
from lapilli.netx_exports.slayer.parts import Reading, read_bias, read_neuron, read_weights
from lapilli.netx_exports.slayer.pool import pool_convolution
from lapilli.netx_exports.synapses.kinds import INPUT, ConvSynapse, Shape

Convolution = Callable[[str, Shape], ConvSynapse | None]
"""The synapse that reads a source of a shape."""


def read_conv(reading: Reading, block: Any, chain: BlockChain) -> None:
    """Append SLAYER's block of convolutions."""
    chain.block_types.append("conv")
    bias = read_bias(reading, block.neuron)
    own, behind = split_delays(reading, block, bias)
    synapse = convolution(reading, block.synapse, block.neuron, chain, own)
    _add(reading, block, chain, chain.next_name("conv"), synapse, bias, behind)


def read_pool(reading: Reading, block: Any, chain: BlockChain) -> None:
    """Append SLAYER's block of pooling neurons."""
    chain.block_types.append("conv")
    weights = read_weights(reading, block.synapse, block.neuron)
    bias = read_bias(reading, block.neuron)
    own, behind = split_delays(reading, block, bias)
    synapse = None
    if weights is not None:
        kernel = weights
        synapse = _placed(
            reading, chain, lambda source, shape: pool_convolution(reading, block.synapse, kernel, source, shape, own)
        )
    _add(reading, block, chain, chain.next_name("pool"), synapse, bias, behind)


def convolution(
    reading: Reading, synapse: Any, neuron: Any, chain: BlockChain, delays: IntArray | None
) -> ConvSynapse | None:
    """What SLAYER's convolution is where the chain has arrived; None with the reason if it is none.

    Arguments:
        reading: where problems go.
        synapse: SLAYER's convolution.
        neuron: quantises its weights.
        chain: tells the source.
        delays: of each channel that the synapse feeds.
    """
    weights = read_weights(reading, synapse, neuron)
    if weights is None:
        return None
    stride, padding, dilation = (_pair(getattr(synapse, name)) for name in ("stride", "padding", "dilation"))
    return _placed(
        reading,
        chain,
        lambda source, shape: ConvSynapse(source, weights, stride, padding, dilation, synapse.groups, delays),
    )


def check_shape(reading: Reading, neuron: Any, source_shape: Shape, shape: Shape) -> None:
    """Report where SLAYER's neurons are others than those of a convolution of this shape."""
    ran = getattr(neuron, "shape", None)
    if ran is not None and tuple(ran) != shape:
        reading.problem(f"has run as {tuple(ran)}, but reads {source_shape} and so must be {shape}")
    if neuron.current_decay.numel() > 1 and shape[0] == shape[2]:
        reading.problem(f"shared_param=False on {shape}: SLAYER on a CPU takes a decay for each column, not channel")


def _placed(reading: Reading, chain: BlockChain, convolution: Convolution) -> ConvSynapse | None:
    """The synapse if the chain has arrived at an image."""
    if chain.pending is not None:
        reading.problem(f"cannot read {chain.source!r}, whose delays lie behind a bias or a recurrence")
        chain.pending = None
    if chain.flat or (chain.shape is not None and len(chain.shape) != 3):
        reading.problem(f"needs a (C, H, W) source, got {chain.shape}{' flattened' if chain.flat else ''}")
        return None
    if chain.shape is None and chain.source == INPUT:
        reading.problem("the input's shape is unknown; pass input_shape=(C, H, W)")
    return None if chain.shape is None else convolution(chain.source, chain.shape)


def _add(
    reading: Reading,
    block: Any,
    chain: BlockChain,
    name: str,
    synapse: ConvSynapse | None,
    bias: IntArray,
    behind: IntArray | None,
) -> None:
    shape = None
    if synapse is not None and chain.shape is not None:
        shape = synapse.output_shape(chain.shape)
        check_shape(reading, block.neuron, chain.shape, shape)
    neuron = read_neuron(reading, block.neuron, shape, bias)
    chain.add(name, shape, neuron, [synapse])
    leave_pending(reading, chain, behind)


def _pair(sizes: Sequence[int]) -> tuple[int, int]:
    return int(sizes[0]), int(sizes[1])
