"""Shapes of SLAYER's dense blocks, whether they ran before or not."""

from math import prod
from typing import Any

from lapilli.netx_exports.slayer.chain import BlockChain
from lapilli.netx_exports.slayer.parts import Reading
from lapilli.netx_exports.synapses.kinds import INPUT, Shape


def dense_shape(reading: Reading, synapse: Any, neuron: Any, chain: BlockChain) -> Shape | None:
    """(N,), or SLAYER's (N, 1, 1) where it reads images; None with a problem where the source does not fit."""
    channels, features = int(synapse.in_channels), int(synapse.out_channels)
    kernel = (int(synapse.kernel_size[0]), int(synapse.kernel_size[1]))
    image = (channels, *kernel)
    ran = getattr(neuron, "shape", None)
    if kernel != (1, 1):
        chain.assume_input(image)
        if chain.flat or (chain.shape is not None and chain.shape != image):
            reading.problem(f"needs a source of shape {image}, got {chain.shape}{' flattened' if chain.flat else ''}")
            return None
        expected: Shape = (features, 1, 1)
    else:
        chain.assume_input((channels,))
        if chain.shape is not None and not _reads_all(chain, channels):
            reading.problem(_mismatch(channels, chain))
            return None
        spatial = chain.shape is not None and len(chain.shape) == 3 and chain.shape[0] == channels and not chain.flat
        expected = (features, 1, 1) if spatial and chain.source != INPUT else (features,)
    if ran is None:
        return expected
    if prod(ran) != features or len(ran) not in (1, 3):
        reading.problem(f"has run as {tuple(ran)}, once at each position of an image; use a Conv with kernel 1")
        return None
    return tuple(int(side) for side in ran)


def _reads_all(chain: BlockChain, n_sources: int) -> bool:
    assert chain.shape is not None
    if prod(chain.shape) != n_sources:
        return False
    # An image that no Flatten turned into a vector: SLAYER would look for its channels.
    return len(chain.shape) == 1 or chain.flat or chain.source == INPUT or chain.shape[0] == n_sources


def _mismatch(n_sources: int, chain: BlockChain) -> str:
    assert chain.shape is not None
    if prod(chain.shape) == n_sources:
        return f"reads the {n_sources} neurons of an image {chain.shape}; put a Flatten before it"
    if chain.shape[0] == n_sources:
        return f"would read {chain.shape} once at each position of the image; use a Conv with kernel 1"
    return f"has {n_sources} inputs, but {chain.source!r} has {prod(chain.shape)} neurons"
