"""`from_slayer`: the integer network that CUBA blocks of lava-dl's SLAYER compute, read off without touching them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import torch
from lava.lib.dl.slayer.block import base, cuba

from netx_exports.arrays import IntArray
from netx_exports.errors import UnsupportedError
from netx_exports.fitting import lossless_dense
from netx_exports.network import Layer, Network
from netx_exports.neurons import NEVER_SPIKES, CubaLif
from netx_exports.slayer_parts import Reading, read_bias, read_delays, read_neuron, read_number, read_weights
from netx_exports.slayer_pool import pool_convolution
from netx_exports.synapses import INPUT, MAX_DELAY, ConvSynapse, DirectSynapse, Shape, Synapse

SUBJECT = "SLAYER module"

# Blocks whose effect is training's alone.
_PASSED_OVER = (torch.nn.Identity, torch.nn.modules.dropout._DropoutNd)


def from_slayer(
    module: Any,
    input_shape: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Network:
    """The network that a SLAYER module computes, integer for integer.

    The module stays as it is: parameters, buffers, hooks, weight normalisation, training flag and random state. It
    need not have run before, except where running draws its parameters (`shared_param=False`).

    A spike of step t of the block's input answers in the same step as in SLAYER, with one step for each layer.
    Delays of a layer sit on its own synapses where that is the same (no bias, no recurrence), else on the synapses
    that read the layer.

    Arguments:
        module: with `blocks`, or the blocks themselves in order: Input, Flatten, Dense, Affine, Conv, Pool and
            Recurrent of `lava.lib.dl.slayer.block.cuba`, or subclasses that compute the same.
        input_shape: (N,) or (C, H, W), where the blocks do not tell it: before a first convolution without Input.
        names: names of the layers, one for each block with neurons; default: type and number ("conv1", "dense2").
        metadata: joins the network's metadata.

    Raises:
        UnsupportedError: listing everything that has no exact integer form, each with its block.
        NetworkError: when the parts leave the range of the integer arithmetic.
    """
    chain = _Chain(None if input_shape is None else tuple(int(side) for side in input_shape), names)
    blocks = list(_blocks(module))
    with torch.no_grad(), torch.random.fork_rng(devices=_devices(module)):
        for number, block in enumerate(blocks):
            reading = Reading(f"block {number} ({type(block).__name__})", chain.problems)
            _read_block(reading, block, chain, last=number == len(blocks) - 1)
    if chain.pending is not None:
        chain.problems.append(
            f"{chain.pending_from}: delays behind a bias or a recurrence need a dense layer to follow"
        )
    if names is not None and len(names) != chain.n_layers:
        chain.problems.append(f"names: must name {chain.n_layers} layers, got {len(names)}")
    if not chain.n_layers:
        chain.problems.append("blocks: none with neurons")
    if chain.problems:
        raise UnsupportedError(SUBJECT, chain.problems)
    assert chain.input_shape is not None
    facts = {"netx_layout": chain.block_types, "netx_transform": chain.transform, **(metadata or {})}
    graded_input = any(isinstance(layer.synapses[0], DirectSynapse) for layer in chain.layers)
    return Network(chain.input_shape, tuple(chain.layers), facts, graded_input)


@dataclass
class _Chain:
    input_shape: Shape | None
    names: Sequence[str] | None
    problems: list[str] = field(default_factory=list)
    shape: Shape | None = None
    source: str = INPUT
    flat: bool = False
    pending: IntArray | None = None
    pending_from: str = ""
    n_layers: int = 0
    layers: list[Layer] = field(default_factory=list)
    block_types: list[str] = field(default_factory=list)
    transform: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shape = self.input_shape

    def assume_input(self, shape: Shape) -> None:
        """Take `shape` for the input's where nothing said it yet."""
        if self.input_shape is None and self.source == INPUT:
            self.input_shape = self.shape = shape

    def next_name(self, kind: str) -> str:
        """Name of the layer that is added next."""
        number = self.n_layers
        return self.names[number] if self.names is not None and number < len(self.names) else f"{kind}{number + 1}"

    def add(self, name: str, shape: Shape | None, neuron: CubaLif | None, synapses: Iterable[Synapse | None]) -> None:
        """Append a layer, or only its shape where problems hide the rest."""
        self.n_layers += 1
        parts = list(synapses)
        complete = tuple(part for part in parts if part is not None)
        if shape is not None and neuron is not None and len(complete) == len(parts):
            self.layers.append(Layer(name, shape, neuron, complete))
        self.source, self.shape, self.flat = name, shape, False


def _blocks(module: Any) -> Iterable[Any]:
    if isinstance(module, (cuba.AbstractCuba, base.AbstractFlatten)):
        return [module]
    blocks = getattr(module, "blocks", module)
    try:
        return list(blocks)
    except TypeError:
        raise UnsupportedError(SUBJECT, [f"must have blocks or be a sequence of blocks, got {type(module).__name__}"])


def _devices(module: Any) -> list[torch.device]:
    parameters = module.parameters() if isinstance(module, torch.nn.Module) else ()
    return list({parameter.device for parameter in parameters if parameter.is_cuda})


def _read_block(reading: Reading, block: Any, chain: _Chain, *, last: bool) -> None:
    if isinstance(block, _PASSED_OVER):
        return
    for kind, read in _READERS.items():
        if isinstance(block, kind):
            if getattr(block, "neuron", None) is not None and getattr(block.neuron, "shape", None) is None:
                reading = reading.never_run()
            read(reading, block, chain)
            if kind is cuba.Affine and not last:
                reading.problem("a readout gives voltages, not spikes, and must be the last block")
            return
    reading.problem("is not a CUBA block of SLAYER that has an exact integer form here")
    chain.shape, chain.source = None, "?"


def _read_input(reading: Reading, block: Any, chain: _Chain) -> None:
    if chain.source != INPUT or chain.block_types:
        reading.problem("must be the first block")
        return
    chain.block_types.append("input")
    shape = None if block.shape is None else tuple(int(side) for side in block.shape)
    if shape is not None:
        chain.assume_input(shape)
        if chain.input_shape != shape:
            reading.problem(f"has run on the shape {shape}, not {chain.input_shape}")
    if block.neuron is None:
        return
    if chain.shape is None:
        reading.problem("never ran; pass input_shape")
    neuron = read_neuron(reading, block.neuron, chain.shape, read_bias(reading, block.neuron))
    scale, offset = block.neuron.w_scale, 0
    if block.weight is not None:
        scale = read_number(reading, "weight", block.weight, block.pre_hook_fx, block.neuron)
    if block.bias is not None:
        offset = read_number(reading, "bias", block.bias, block.pre_hook_fx, block.neuron)
    chain.transform = [name for name in ("weight", "bias") if getattr(block, name) is not None]
    chain.add(chain.next_name("encoder"), chain.shape, neuron, [DirectSynapse(INPUT, scale, offset)])


def _read_flatten(reading: Reading, block: Any, chain: _Chain) -> None:
    chain.block_types.append("flatten")
    chain.flat = True


def _read_dense(reading: Reading, block: Any, chain: _Chain) -> None:
    chain.block_types.append("dense")
    name = chain.next_name("dense")
    shape = _dense_shape(reading, block.synapse, block.neuron, chain)
    bias = read_bias(reading, block.neuron)
    neuron = read_neuron(reading, block.neuron, shape, bias)
    weights = read_weights(reading, block.synapse, block.neuron, mask=block.mask)
    own, behind = _split_delays(reading, block, bias)
    delays = _dense_delays(reading, chain, weights, own)
    synapse = None if weights is None else lossless_dense(chain.source, weights, delays)
    chain.add(name, shape, neuron, [synapse])
    _leave_pending(reading, chain, behind)


def _read_affine(reading: Reading, block: Any, chain: _Chain) -> None:
    chain.block_types.append("dense")
    name = chain.next_name("readout")
    shape = _dense_shape(reading, block.synapse, block.neuron, chain)
    if not block.dynamics:
        reading.problem("dynamics=False has no neuron; use dynamics=True")
    neuron = read_neuron(reading, block.neuron, shape, read_bias(reading, block.neuron), vth_mant=NEVER_SPIKES)
    weights = read_weights(reading, block.synapse, block.neuron, mask=block.mask)
    delays = _dense_delays(reading, chain, weights, None)
    synapse = None if weights is None else lossless_dense(chain.source, weights, delays)
    chain.add(name, shape, neuron, [synapse])


def _read_recurrent(reading: Reading, block: Any, chain: _Chain) -> None:
    chain.block_types.append("dense_rec")
    name = chain.next_name("recurrent")
    shape = _dense_shape(reading, block.input_synapse, block.neuron, chain)
    bias = read_bias(reading, block.neuron)
    if np.any(bias) or block.bias is not None:
        reading.problem("recurrence with a bias: SLAYER adds it to the current that it carries over, Lava does not")
    if block.recurrent_synapse.weight_norm_enabled:
        reading.problem("weight_norm: SLAYER never updates the normalised weights of the recurrent synapse")
    neuron = read_neuron(reading, block.neuron, shape, bias)
    forward = read_weights(reading, block.input_synapse, block.neuron)
    backward = read_weights(reading, block.recurrent_synapse, block.neuron)
    delays = _dense_delays(reading, chain, forward, None)
    synapses = [
        None if forward is None else lossless_dense(chain.source, forward, delays),
        None if backward is None else lossless_dense(name, backward),
    ]
    chain.add(name, shape, neuron, synapses)
    _leave_pending(reading, chain, None if block.delay is None else read_delays(reading, block.delay))


def _read_conv(reading: Reading, block: Any, chain: _Chain) -> None:
    chain.block_types.append("conv")
    weights = read_weights(reading, block.synapse, block.neuron)
    if weights is None:
        chain.add(chain.next_name("conv"), None, None, [None])
        return
    geometry = {name: _pair(getattr(block.synapse, name)) for name in ("stride", "padding", "dilation")}

    def convolution(source: str, source_shape: Shape, delays: IntArray | None) -> ConvSynapse:
        return ConvSynapse(source, weights, groups=block.synapse.groups, delays=delays, **geometry)

    _add_convolution(reading, block, chain, chain.next_name("conv"), convolution)


def _read_pool(reading: Reading, block: Any, chain: _Chain) -> None:
    chain.block_types.append("conv")
    weights = read_weights(reading, block.synapse, block.neuron)
    if weights is None:
        chain.add(chain.next_name("pool"), None, None, [None])
        return

    def convolution(source: str, source_shape: Shape, delays: IntArray | None) -> ConvSynapse | None:
        return pool_convolution(reading, block.synapse, weights, source, source_shape, delays)

    _add_convolution(reading, block, chain, chain.next_name("pool"), convolution)


_READERS: Mapping[type, Callable[[Reading, Any, _Chain], None]] = {
    cuba.Input: _read_input,
    cuba.Flatten: _read_flatten,
    cuba.Dense: _read_dense,
    cuba.Affine: _read_affine,
    cuba.Recurrent: _read_recurrent,
    cuba.Conv: _read_conv,
    cuba.Pool: _read_pool,
}


def _add_convolution(
    reading: Reading,
    block: Any,
    chain: _Chain,
    name: str,
    convolution: Callable[[str, Shape, IntArray | None], ConvSynapse | None],
) -> None:
    bias = read_bias(reading, block.neuron)
    own, behind = _split_delays(reading, block, bias)
    shape, synapse = None, None
    if chain.pending is not None:
        reading.problem(f"cannot read {chain.source!r}, whose delays lie behind a bias or a recurrence")
        chain.pending = None
    if chain.flat or (chain.shape is not None and len(chain.shape) != 3):
        reading.problem(f"needs a (C, H, W) source, got {chain.shape}{' flattened' if chain.flat else ''}")
    elif chain.shape is None and chain.source == INPUT:
        reading.problem("the input's shape is unknown; pass input_shape=(C, H, W)")
    elif chain.shape is not None:
        synapse = convolution(chain.source, chain.shape, own)
    if synapse is not None and chain.shape is not None:
        shape = synapse.output_shape(chain.shape)
        ran = getattr(block.neuron, "shape", None)
        if ran is not None and tuple(ran) != shape:
            reading.problem(f"has run as {tuple(ran)}, but reads {chain.shape} and so must be {shape}")
        if block.neuron.current_decay.numel() > 1 and shape[0] == shape[2]:
            reading.problem(
                f"shared_param=False on {shape}: SLAYER on a CPU takes a decay for each column, not channel"
            )
    neuron = read_neuron(reading, block.neuron, shape, bias)
    chain.add(name, shape, neuron, [synapse])
    _leave_pending(reading, chain, behind)


def _split_delays(reading: Reading, block: Any, bias: IntArray) -> tuple[IntArray | None, IntArray | None]:
    """(delays for the layer's own synapses, delays for the synapses that read the layer).

    SLAYER delays what leaves a layer. Without a bias the layer's answer to its delayed input is its delayed answer;
    with a bias it is not.
    """
    delays = None if block.delay is None else read_delays(reading, block.delay)
    return (None, delays) if np.any(bias) else (delays, None)


def _dense_delays(reading: Reading, chain: _Chain, weights: IntArray | None, own: IntArray | None) -> IntArray | None:
    delays = np.zeros((1, 1), np.int16) if own is None else own.reshape(-1, 1)
    if chain.pending is not None:
        if weights is not None and chain.pending.size != weights.shape[1]:
            reading.problem(f"needs {chain.pending.size} sources to take over the delays of {chain.source!r}")
            chain.pending = None
            return None
        delays = delays + chain.pending.reshape(1, -1)
        chain.pending = None
        if delays.max() > MAX_DELAY:
            reading.problem(
                f"delays of {chain.source!r} and its own must be at most {MAX_DELAY} together, got {delays.max()}"
            )
            return None
    return delays if np.any(delays) else None


def _leave_pending(reading: Reading, chain: _Chain, delays: IntArray | None) -> None:
    if delays is None or not np.any(delays) or chain.shape is None:
        return
    positions = prod(chain.shape) // delays.size
    chain.pending, chain.pending_from = np.repeat(delays, positions), reading.where


def _dense_shape(reading: Reading, synapse: Any, neuron: Any, chain: _Chain) -> Shape | None:
    """(N,), or SLAYER's (N, 1, 1) where it reads images; None with a problem where the source does not fit."""
    channels, *kernel = synapse.in_channels, *synapse.kernel_size[:2]
    features = synapse.out_channels
    image = (channels, *kernel)
    ran = getattr(neuron, "shape", None)
    if tuple(kernel) != (1, 1):
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


def _reads_all(chain: _Chain, n_sources: int) -> bool:
    assert chain.shape is not None
    if prod(chain.shape) != n_sources:
        return False
    # An image that no Flatten turned into a vector: SLAYER would look for its channels.
    return len(chain.shape) == 1 or chain.flat or chain.source == INPUT or chain.shape[0] == n_sources


def _mismatch(n_sources: int, chain: _Chain) -> str:
    assert chain.shape is not None
    if prod(chain.shape) == n_sources:
        return f"reads the {n_sources} neurons of an image {chain.shape}; put a Flatten before it"
    if chain.shape[0] == n_sources:
        return f"would read {chain.shape} once at each position of the image; use a Conv with kernel 1"
    return f"has {n_sources} inputs, but {chain.source!r} has {prod(chain.shape)} neurons"


def _pair(sizes: Sequence[int]) -> tuple[int, int]:
    return int(sizes[0]), int(sizes[1])
