"""The SLAYER blocks that a network configuration asks for."""

from collections.abc import Iterator, Sequence
from functools import partial
from math import prod
from typing import Any

import torch

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.blocks import block_module, selected_dynamics
from lapilli.training.networks.config import MAX_GROUPS, ConvConfig, NetworkConfig, Range, conv_shapes, skip_stride
from lapilli.training.networks.folding import FoldedBatchNorm, Gain, fold, input_synapses
from lapilli.training.networks.slayer import slayer
from lapilli.training.networks.time import clear_state


def build_blocks(config: NetworkConfig, input_shape: Sequence[int], n_classes: int) -> Iterator[torch.nn.Module]:
    """The blocks of a network in the order in which they run; initial values come from torch's random generator.

    A block of several synapses has `reads`: for each synapse how many blocks back it reads, and its delay.

    Raises:
        LapilliError: for an option that SLAYER's own code does not have, where that is to run.
    """
    shapes = [tuple(input_shape), *conv_shapes(config, input_shape)]
    yield from _convolutions(config, [shape[0] for shape in shapes])
    if config.conv:
        yield block_module().Flatten()
    sizes = (prod(shapes[-1]), *config.hidden)
    for number in range(len(config.hidden)):
        yield _hidden(config, sizes, number)
    yield _readout(config, sizes[-1], n_classes)


def _convolutions(config: NetworkConfig, channels: Sequence[int]) -> Iterator[torch.nn.Module]:
    """Blocks of convolutions and of pooling neurons."""
    # The blocks so far that give what each layer reads; 0: none, the input.
    below = [0]
    for number, layer in enumerate(config.conv):
        block = _conv(config, layer, channels[number]) if not layer.skip else _skipping(config, number, channels)
        if layer.skip:
            skipped = below[-1] - below[-1 - layer.skip]
            block.reads = ((1, 0), (1 + skipped, skipped if config.aligned_skips else 0))
        yield _rescaled(config, block)
        if layer.pool > 1:
            yield _pool(layer)
        below.append(below[-1] + 1 + (layer.pool > 1))


def _conv(config: NetworkConfig, layer: ConvConfig, channels: int) -> Any:
    parameters = _hidden_neuron(config, layer.channels)
    options = {"stride": layer.stride, "padding": layer.margin, "groups": layer.groups}
    scale = config.hidden_weight_scale
    return block_module().Conv(parameters, channels, layer.channels, layer.kernel, weight_scale=scale, **options)


def _skipping(config: NetworkConfig, number: int, channels: Sequence[int]) -> Any:
    layer = config.conv[number]
    parameters = _hidden_neuron(config, layer.channels)
    source = channels[number - layer.skip]
    alike = source == layer.channels and source <= MAX_GROUPS
    usual = {
        "in_features": channels[number],
        "kernel_size": layer.kernel,
        "stride": layer.stride,
        "padding": layer.margin,
        "groups": layer.groups,
    }
    skip = {
        "in_features": source,
        "kernel_size": 1,
        "stride": skip_stride(config, number),
        "groups": source if alike else 1,
    }
    cuba, scale = block_module(), config.hidden_weight_scale
    block = cuba.MultiConv(parameters, [usual, skip], layer.channels, weight_scale=scale)
    if alike:
        block.synapses[1].weight.data.fill_(config.threshold)
    return block


def _pool(layer: ConvConfig) -> torch.nn.Module:
    """Neurons without memory, which spike in a step in which any neuron of their window spikes."""
    # A spike gives a voltage of 1. The surrogate is so wide that one and four spikes of a window learn alike.
    parameters = {"threshold": 0.5, "current_decay": 1.0, "voltage_decay": 1.0, "tau_grad": 0.08, "scale_grad": 80.0}
    block: torch.nn.Module = block_module().Pool(parameters, layer.pool)
    return block


def _hidden(config: NetworkConfig, sizes: Sequence[int], number: int) -> torch.nn.Module:
    """Layer `number`, which reads `sizes[number]` neurons."""
    parameters = _hidden_neuron(config, sizes[number + 1], **_decays(config))
    source, size, cuba = sizes[number], sizes[number + 1], block_module()
    options = {"weight_scale": config.hidden_weight_scale}
    block: Any
    if config.recurrent:
        block = cuba.Recurrent(parameters, source, size, **options, **_of_fused_kernels(config))
        if config.recurrent_weight_scale is not None:
            with torch.no_grad():
                block.recurrent_synapse.weight *= config.recurrent_weight_scale / config.hidden_weight_scale
    elif config.hidden_skips and number:
        block = cuba.MultiDense(parameters, [source, sizes[number - 1]], size, **options)
        block.reads = ((1, 0), (2, int(config.aligned_skips)))
    else:
        block = cuba.Dense(parameters, source, size, **options)
    _rescaled(config, block)
    if not block.neuron.shared_param:
        draw_decays(block.neuron, (size,))
    if config.delays:
        block.delay = _delay(config, size)
    return block


def _readout(config: NetworkConfig, source: int, n_classes: int) -> torch.nn.Module:
    parameters = _neuron(config, config.readout_current_decay, config.readout_voltage_decay)
    cuba = block_module()
    readout = cuba.Dense if config.readout == "spike_count" else cuba.Affine
    # SLAYER shifts the spikes of a block by one step; of the last block, that would lose those of the last step.
    unshifted = {"delay_shift": False} if config.readout == "spike_count" else {}
    block = readout(parameters, source, n_classes, weight_scale=config.readout_weight_scale, **unshifted)
    rescaled: torch.nn.Module = _rescaled(config, block)
    return rescaled


def _rescaled(config: NetworkConfig, block: Any) -> Any:
    """The block with what the options say of its weights' scale."""
    synapses = input_synapses(block)
    if config.weight_norm:
        for synapse in synapses:
            synapse.enable_weight_norm()
    if block.neuron.norm is not None:
        for synapse in synapses:
            fold(synapse, block.neuron.norm)
    if config.learn_threshold:
        block.gain = Gain()
        for synapse in [*synapses, *([block.recurrent_synapse] if hasattr(block, "recurrent_synapse") else [])]:
            fold(synapse, block.gain)
    return block


def draw_decays(neuron: Any, shape: tuple[int, ...]) -> None:
    """Let a neuron of decays of its own draw them now, not in the first batch: a state dict then fits at once."""
    with torch.no_grad():
        neuron.dynamics(torch.zeros(1, *shape, 1))
    clear_state(neuron)


def _of_fused_kernels(config: NetworkConfig) -> dict[str, bool]:
    """Options of recurrent blocks that SLAYER's own do not have."""
    if selected_dynamics() != "fused":
        if config.through_state:
            raise LapilliError("network: through_state: SLAYER's own code has no such gradient; use the fused kernels")
        if config.batch_norm:
            raise LapilliError(
                "network: batch_norm of recurrent layers: SLAYER's own code lets biases leak with the current; "
                "use the fused kernels"
            )
    return {"through_state": True} if config.through_state else {}


def _delay(config: NetworkConfig, size: int) -> torch.nn.Module:
    delay: Any = slayer.axon.Delay(max_delay=config.delays)
    low, high = config.initial_delays or (0, config.delays)
    delay.delay.data = low + (high - low) * torch.rand(size)
    delay.init = True
    return delay


def _hidden_neuron(config: NetworkConfig, n_channels: int, **decays: Any) -> dict[str, Any]:
    """Parameters of neurons with dropout and normalisation; those of other `decays` than the usual ones with them."""
    usual = {"current_decay": config.current_decay, "voltage_decay": config.voltage_decay}
    norm = partial(FoldedBatchNorm, n_channels, config.norm_scale, config.bias_exp)
    return _neuron(config, **(decays or usual)) | {
        "dropout": slayer.neuron.Dropout(config.dropout) if config.dropout else None,
        "norm": norm if config.batch_norm else None,
    }


def _decays(config: NetworkConfig) -> dict[str, Any]:
    """Decays of a dense layer's neurons: one of each for all of them, or ranges to draw those of each neuron from."""
    current, voltage = config.current_decay_range, config.voltage_decay_range
    if current is None and voltage is None:
        return {"current_decay": config.current_decay, "voltage_decay": config.voltage_decay}
    return {
        "current_decay": current or (config.current_decay, config.current_decay),
        "voltage_decay": voltage or (config.voltage_decay, config.voltage_decay),
        "shared_param": False,
    }


def _neuron(
    config: NetworkConfig, current_decay: float | Range, voltage_decay: float | Range, shared_param: bool = True
) -> dict[str, Any]:
    width, peak = config.surrogate_width, config.surrogate_peak
    return {
        "threshold": config.threshold,
        "current_decay": current_decay,
        "voltage_decay": voltage_decay,
        "shared_param": shared_param,
        "requires_grad": config.learn_decays,
        # SLAYER's derivative is `scale / (2 tau) * exp(-|v - threshold| / tau)` with
        # tau = 100 * tau_grad * threshold and scale = 0.1 * scale_grad (lava-dl 0.6.0, neuron/cuba.py).
        "tau_grad": width / 100,
        "scale_grad": 20 * peak * width * config.threshold,
    }
