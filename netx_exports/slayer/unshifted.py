"""Blocks with `delay_shift=False`: what they send arrives in the same step, where every synapse of a network takes one.

A chain without biases answers later what comes later, and nothing else. So the network is the module, some steps later.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from lapilli.netx_exports.network import Layer

BEHIND = "steps_behind_module"
"""Member of a network's metadata: so many steps after the module's output comes the network's."""

_REMEDY = "set delay_shift=True and train again"


def unshifted_problems(blocks: Sequence[Any], layers: Sequence[Layer]) -> Iterator[str]:
    """Why a network is not the module some steps later.

    Arguments:
        blocks: of the module, in order.
        layers: of the network that was read from them.
    """
    numbers = _unshifted(blocks)
    if not numbers:
        return
    where = f"block {numbers[0]} ({type(blocks[numbers[0]]).__name__}): delay_shift=False"
    if any(hasattr(block, "reads") for block in blocks):
        yield f"{where}: blocks that read several blocks would meet what is of different steps; {_REMEDY}"
    for layer in layers:
        if layer.neuron.has_bias or any(getattr(synapse, "offset", 0) for synapse in layer.synapses):
            yield f"{where}: the bias of layer {layer.name!r} begins to act before its input comes; {_REMEDY}"


def steps_behind(blocks: Sequence[Any], layers: Sequence[Layer]) -> dict[str, int]:
    """`BEHIND` as metadata, where a block that others read is not shifted; empty for all other modules."""
    if not _unshifted(blocks):
        return {}
    shifts = sum(bool(getattr(block, "delay_shift", False)) for block in _with_neurons(blocks))
    return {BEHIND: sum(layer.synapses[0].steps for layer in layers) - shifts}


def _unshifted(blocks: Sequence[Any]) -> list[int]:
    """Numbers of the blocks that others read and that send without a step."""
    numbers = [number for number, block in enumerate(blocks) if getattr(block, "neuron", None) is not None]
    return [number for number in numbers[:-1] if not getattr(blocks[number], "delay_shift", True)]


def _with_neurons(blocks: Sequence[Any]) -> list[Any]:
    return [block for block in blocks if getattr(block, "neuron", None) is not None]
