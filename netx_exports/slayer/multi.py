"""Blocks that read several blocks: a layer with several synapses."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lapilli.netx_exports.arrays import IntArray
from lapilli.netx_exports.slayer.chain import BlockChain, dense_delays, leave_pending, split_delays
from lapilli.netx_exports.slayer.convolution import check_shape, convolution
from lapilli.netx_exports.slayer.parts import Reading, read_bias, read_neuron, read_weights
from lapilli.netx_exports.slayer.shapes import dense_shape
from lapilli.netx_exports.synapses.fitting import lossless_dense
from lapilli.netx_exports.synapses.kinds import MAX_DELAY, Shape, Synapse


def read_multi(reading: Reading, block: Any, chain: BlockChain) -> None:
    """Append a block of several synapses into the same neurons, each of which reads one of the blocks before.

    `block.reads` has for each synapse how many blocks back it reads, and its delay.
    """
    dense = all(type(synapse).__name__ == "Dense" for synapse in block.synapses)
    chain.block_types.append("dense" if dense else "conv")
    name = chain.next_name("dense" if dense else "conv")
    bias = read_bias(reading, block.neuron)
    own, behind = split_delays(reading, block, bias)
    parts = list(_parts(reading, block, chain, own))
    shapes = {shape for _, shape in parts if shape is not None}
    if len(parts) != len(block.synapses):
        reading.problem(f"reads: must be as many as its {len(block.synapses)} synapses, got {len(block.reads)}")
    if len(shapes) > 1:
        reading.problem(f"its synapses give neurons of different shapes, {sorted(shapes)}")
    shape = shapes.pop() if len(shapes) == 1 else None
    neuron = read_neuron(reading, block.neuron, shape, bias)
    chain.add(name, shape, neuron, [synapse for synapse, _ in parts])
    leave_pending(reading, chain, behind)


def _parts(
    reading: Reading, block: Any, chain: BlockChain, own: IntArray | None
) -> Iterator[tuple[Synapse | None, Shape | None]]:
    """Each synapse with the shape of the layer as it says, or None with a problem."""
    for synapse, (back, late) in zip(block.synapses, block.reads):
        if not 1 <= back <= len(chain.outputs) + 1:
            reading.problem(f"reads: must be 1…{len(chain.outputs) + 1} blocks back, got {back}")
            yield None, None
            continue
        chain.go_back(back)
        delays = _added(reading, own, int(late))
        if type(synapse).__name__ == "Dense":
            yield _dense(reading, synapse, block.neuron, chain, delays)
        else:
            found = convolution(reading, synapse, block.neuron, chain, delays)
            shape = None
            if found is not None and chain.shape is not None:
                shape = found.output_shape(chain.shape)
                check_shape(reading, block.neuron, chain.shape, shape)
            yield found, shape


def _dense(
    reading: Reading, synapse: Any, neuron: Any, chain: BlockChain, delays: IntArray | None
) -> tuple[Synapse | None, Shape | None]:
    shape = dense_shape(reading, synapse, neuron, chain)
    weights = read_weights(reading, synapse, neuron)
    together = dense_delays(reading, chain, weights, delays)
    return None if weights is None else lossless_dense(chain.source, weights, together), shape


def _added(reading: Reading, own: IntArray | None, late: int) -> IntArray | None:
    """Delays of the layer's neurons and of the synapse together; None: none."""
    delays = np.atleast_1d(np.asarray(late if own is None else own + late, np.int16))
    if delays.min() < 0 or delays.max() > MAX_DELAY:
        reading.problem(f"delays: must be 0…{MAX_DELAY} with those of its neurons, got {delays.max()}")
        return None
    return delays if delays.any() else None
