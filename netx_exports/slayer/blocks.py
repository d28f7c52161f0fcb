"""`from_slayer`: the integer network that CUBA blocks of lava-dl's SLAYER compute, read off without touching them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from lapilli.netx_exports.arrays import sides_of
from lapilli.netx_exports.errors import UnsupportedError
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.neurons.kinds import NEVER_SPIKES
from lapilli.netx_exports.readout import Readout
from lapilli.netx_exports.slayer.chain import BlockChain, dense_delays, leave_pending, split_delays
from lapilli.netx_exports.slayer.convolution import read_conv, read_pool
from lapilli.netx_exports.slayer.lava_dl import cuba
from lapilli.netx_exports.slayer.multi import read_multi
from lapilli.netx_exports.slayer.parts import Reading, read_bias, read_delays, read_neuron, read_number, read_weights
from lapilli.netx_exports.slayer.shapes import dense_shape
from lapilli.netx_exports.slayer.unshifted import steps_behind, unshifted_problems
from lapilli.netx_exports.synapses.fitting import lossless_dense
from lapilli.netx_exports.synapses.kinds import INPUT, DirectSynapse

SUBJECT = "SLAYER module"

# Blocks whose effect is training's alone.
_PASSED_OVER = (torch.nn.Identity, torch.nn.modules.dropout._DropoutNd)


def from_slayer(
    module: Any,
    input_shape: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    readout: Readout | None = None,
) -> Network:
    """The network that a SLAYER module computes, integer for integer.

    The module stays as it is: parameters, buffers, hooks, weight normalisation, training flag and random state. It
    need not have run before, except where running draws its parameters (`shared_param=False`).

    A spike of step t of the block's input answers in the same step as in SLAYER, with one step for each layer. Where
    blocks that others read have `delay_shift=False`, the network answers later: by `steps_behind_module` steps, a
    member of its metadata.
    Delays of a layer sit on its own synapses where that is the same (no bias, no recurrence), else on the synapses
    that read the layer.

    Arguments:
        module: with `blocks`, or the blocks themselves in order: Input, Flatten, Dense, Affine, Conv, Pool and
            Recurrent of `lava.lib.dl.slayer.block.cuba`, or subclasses that compute the same. A block may have several
            `synapses`, whose currents add up, and `reads`: for each of them how many blocks back the one is that it
            reads (1: the block before), and its delay beyond the one step that every synapse takes.
        input_shape: (N,) or (C, H, W), where the blocks do not tell it: before a first convolution without Input.
        names: names of the layers, one for each block with neurons; default: type and number ("conv1", "dense2").
        metadata: joins the network's metadata.
        readout: how a class is decided by what the last block gives.

    Raises:
        UnsupportedError: listing everything that has no exact integer form, each with its block.
        NetworkError: when the parts leave the range of the integer arithmetic.
    """
    chain = BlockChain(None if input_shape is None else sides_of(input_shape), names)
    blocks = list(_blocks(module))
    with torch.no_grad(), torch.random.fork_rng(devices=_devices(module)):
        for number, block in enumerate(blocks):
            reading = Reading(f"block {number} ({type(block).__name__})", chain.problems)
            _read_block(reading, block, chain, last=number == len(blocks) - 1)
            chain.outputs.append(chain.output)
    if chain.pending is not None:
        chain.problems.append(
            f"{chain.pending_from}: delays behind a bias or a recurrence need a dense layer to follow"
        )
    chain.problems += unshifted_problems(blocks, chain.layers)
    if names is not None and len(names) != chain.n_layers:
        chain.problems.append(f"names: must name {chain.n_layers} layers, got {len(names)}")
    if not chain.n_layers:
        chain.problems.append("blocks: none with neurons")
    if chain.problems:
        raise UnsupportedError(SUBJECT, chain.problems)
    assert chain.input_shape is not None
    facts: dict[str, Any] = {"netx_layout": chain.block_types, "netx_transform": chain.transform}
    facts |= {**steps_behind(blocks, chain.layers), **(metadata or {})}
    graded_input = any(not layer.synapses[0].weighted for layer in chain.layers)
    return Network(chain.input_shape, tuple(chain.layers), facts, graded_input, readout)


def _blocks(module: Any) -> Iterable[Any]:
    if isinstance(module, tuple(_READERS)):
        return [module]
    blocks = getattr(module, "blocks", module)
    try:
        return list(blocks)
    except TypeError as error:
        raise UnsupportedError(
            SUBJECT, [f"must have blocks or be a sequence of blocks, got {type(module).__name__}"]
        ) from error


def _devices(module: Any) -> list[torch.device]:
    parameters = module.parameters() if isinstance(module, torch.nn.Module) else ()
    return list({parameter.device for parameter in parameters if parameter.is_cuda})


def _read_block(reading: Reading, block: Any, chain: BlockChain, *, last: bool) -> None:
    if isinstance(block, _PASSED_OVER):
        return
    read = next((read for kind, read in _READERS.items() if isinstance(block, kind)), None)
    if hasattr(block, "synapses") and hasattr(block, "reads"):
        read = read_multi
    if read is None:
        reading.problem("is not a CUBA block of SLAYER that has an exact integer form here")
        chain.lose()
        return
    read(reading, block, chain)
    if read is _read_affine and not last:
        reading.problem("a readout gives voltages, not spikes, and must be the last block")


def _read_input(reading: Reading, block: Any, chain: BlockChain) -> None:
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


def _read_flatten(reading: Reading, block: Any, chain: BlockChain) -> None:
    chain.block_types.append("flatten")
    chain.flat = True


def _read_dense(reading: Reading, block: Any, chain: BlockChain) -> None:
    chain.block_types.append("dense")
    name = chain.next_name("dense")
    shape = dense_shape(reading, block.synapse, block.neuron, chain)
    bias = read_bias(reading, block.neuron)
    neuron = read_neuron(reading, block.neuron, shape, bias)
    weights = read_weights(reading, block.synapse, block.neuron, mask=block.mask)
    own, behind = split_delays(reading, block, bias)
    delays = dense_delays(reading, chain, weights, own)
    synapse = None if weights is None else lossless_dense(chain.source, weights, delays)
    chain.add(name, shape, neuron, [synapse])
    leave_pending(reading, chain, behind)


def _read_affine(reading: Reading, block: Any, chain: BlockChain) -> None:
    chain.block_types.append("dense")
    name = chain.next_name("readout")
    shape = dense_shape(reading, block.synapse, block.neuron, chain)
    if not block.dynamics:
        reading.problem("dynamics=False has no neuron; use dynamics=True")
    neuron = read_neuron(reading, block.neuron, shape, read_bias(reading, block.neuron), vth_mant=NEVER_SPIKES)
    weights = read_weights(reading, block.synapse, block.neuron, mask=block.mask)
    delays = dense_delays(reading, chain, weights, None)
    synapse = None if weights is None else lossless_dense(chain.source, weights, delays)
    chain.add(name, shape, neuron, [synapse])


def _read_recurrent(reading: Reading, block: Any, chain: BlockChain) -> None:
    chain.block_types.append("dense_rec")
    name = chain.next_name("recurrent")
    shape = dense_shape(reading, block.input_synapse, block.neuron, chain)
    bias = read_bias(reading, block.neuron)
    if block.bias is not None or (np.any(bias) and not hasattr(block.neuron.norm, "quantised")):
        reading.problem("recurrence with a bias: SLAYER adds it to the current that it carries over, Lava does not")
    if block.recurrent_synapse.weight_norm_enabled:
        reading.problem("weight_norm: SLAYER never updates the normalised weights of the recurrent synapse")
    neuron = read_neuron(reading, block.neuron, shape, bias)
    forward = read_weights(reading, block.input_synapse, block.neuron)
    backward = read_weights(reading, block.recurrent_synapse, block.neuron)
    delays = dense_delays(reading, chain, forward, None)
    synapses = [
        None if forward is None else lossless_dense(chain.source, forward, delays),
        None if backward is None else lossless_dense(name, backward),
    ]
    chain.add(name, shape, neuron, synapses)
    leave_pending(reading, chain, None if block.delay is None else read_delays(reading, block.delay))


_READERS: Mapping[type, Callable[[Reading, Any, BlockChain], None]] = {
    cuba.Input: _read_input,
    cuba.Flatten: _read_flatten,
    cuba.Dense: _read_dense,
    cuba.Affine: _read_affine,
    cuba.Recurrent: _read_recurrent,
    cuba.Conv: read_conv,
    cuba.Pool: read_pool,
}
