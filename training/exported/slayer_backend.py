"""A SLAYER module as a backend of `lapilli.run`: what was trained, in the same numbers as what runs elsewhere."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from lapilli.netx_exports.errors import LapilliError, UnsupportedError
from lapilli.netx_exports.network import Layer, Network
from lapilli.simulators.events import Events
from lapilli.simulators.plan import RunPlan
from lapilli.simulators.results import RunResult
from lapilli.training.exported.module_results import MODULE_BATCH, Arrays, joined, module_result
from lapilli.training.networks.slayer import slayer
from lapilli.training.networks.time import clear_state, reads_input_directly, slayer_input


@dataclass(frozen=True)
class SlayerBackend:
    """Runs a SLAYER module in place of the network exported from it: `run(network, events, SlayerBackend(module))`.

    Spikes are those of the neurons, before the block's shift by one step, which the network's synapses take wherever
    the module leaves it out; current and voltage are the integers of
    Lava's fixed-point models, after the reset; a bias acts on the voltage and is not in the current.

    Arguments:
        module: has `blocks`, a sequence of SLAYER blocks run one after the other, or, if it has a method `answers`, as
            that runs them; it is run in evaluation mode and left in the mode in which it was.

    Raises (when called):
        UnsupportedError: for a periodic reset, which SLAYER does not know.
        LapilliError: when the blocks with neurons do not match the network's layers.
    """

    module: torch.nn.Module

    def __call__(self, network: Network, events: Events, plan: RunPlan) -> RunResult:
        """Run every sample of `events` for `plan.n_steps` steps, each from empty state."""
        if plan.reset is not None:
            raise UnsupportedError("slayer backend", ["reset: SLAYER has no periodic reset"])
        started = time.perf_counter()
        modes = [(part, part.training) for part in self.module.modules()]
        self.module.eval()
        try:
            with torch.no_grad():
                batches = list(_run_batches(self.module, network, events, plan))
        finally:
            for part, mode in modes:
                part.training = mode
        arrays = {
            layer.name: joined([batch[number] for batch in batches], layer, plan.n_steps)
            for number, layer in enumerate(network.layers)
        }
        return module_result("slayer", network, events, plan, arrays, time.perf_counter() - started)


class _Chain(torch.nn.Module):
    """Blocks that no module of their own holds."""

    def __init__(self, blocks: Sequence[torch.nn.Module]) -> None:
        super().__init__()
        self.blocks = torch.nn.ModuleList(blocks)


def as_module(module: Any) -> torch.nn.Module:
    """A module with `blocks`, of what `lapilli.from_slayer` takes: such a module, blocks in order, or one block.

    Raises:
        LapilliError: for anything else.
    """
    if isinstance(module, torch.nn.Module) and hasattr(module, "blocks"):
        return module
    single = isinstance(module, torch.nn.Module) and hasattr(module, "neuron")
    try:
        return _Chain([module] if single else list(module))
    except TypeError as error:
        words = f"must have blocks, or be a sequence of SLAYER's blocks, got {type(module).__name__}"
        raise LapilliError(f"module: {words}") from error


@dataclass
class _Trace:
    """What one layer did, (samples, *shape, steps); a recurrent block reports step by step."""

    spikes: list[npt.NDArray[np.int32]] = field(default_factory=list)
    current: list[npt.NDArray[np.int32]] = field(default_factory=list)
    voltage: list[npt.NDArray[np.int32]] = field(default_factory=list)


def _run_batches(module: torch.nn.Module, network: Network, events: Events, plan: RunPlan) -> Iterator[list[Arrays]]:
    blocks: list[Any] = list(module.blocks)
    spiking = [block for block in blocks if getattr(block, "neuron", None) is not None]
    if len(spiking) != len(network.layers):
        raise LapilliError(
            f"the module has {len(spiking)} blocks with neurons, the network {len(network.layers)} layers"
        )
    device = next(module.parameters()).device
    for first in range(0, len(events), MODULE_BATCH):
        batch = replace(events.select(slice(first, first + MODULE_BATCH)), shape=network.input_shape)
        clear_state(module)
        with ExitStack() as stack:
            traces = [stack.enter_context(_tapped(block)) for block in spiking]
            _forward(module, blocks, batch, plan.n_steps, device)
        late = np.cumsum([0, *(not getattr(block, "delay_shift", True) for block in spiking[:-1])])
        yield [
            _late(_arrays(trace, block, layer), int(steps))
            for trace, block, layer, steps in zip(traces, spiking, network.layers, late)
        ]
        plan.progress(len(batch))
    clear_state(module)


def _forward(module: torch.nn.Module, blocks: Sequence[Any], batch: Events, n_steps: int, device: torch.device) -> None:
    direct = reads_input_directly(module)
    values = slayer_input(batch, n_steps, not direct).to(device)
    if hasattr(module, "answers"):
        module.answers(values)
        return
    for number, block in enumerate(blocks):
        if direct and not number:
            # The network's events are the block's current as integers, its weight and bias already applied.
            spikes = block.neuron(values / block.neuron.w_scale)
            values = torch.nn.functional.pad(spikes, (1, 0))[..., :-1] if block.delay_shift else spikes
        else:
            values = block(values)


@contextmanager
def _tapped(block: Any) -> Iterator[_Trace]:
    """Record what the neuron of a SLAYER block does while this block is open."""
    trace, neuron = _Trace(), block.neuron
    # A matter of gradients, which SLAYER's own code, that runs here, does not have.
    through_state = getattr(block, "through_state", False)
    if through_state:
        block.through_state = False
    dynamics, spike, norm = neuron.dynamics, neuron.spike, getattr(neuron, "norm", None)
    carries_bias = neuron.persistent_state and hasattr(norm, "quantised")
    if carries_bias:
        dynamics, neuron.norm = partial(_biased_dynamics, neuron, norm), None

    def recorded_dynamics(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        current, voltage = dynamics(values)
        if norm is None:
            trace.current.append(_integers(current, neuron.s_scale))
        trace.voltage.append(_integers(voltage, neuron.s_scale))
        return current, voltage

    def recorded_spike(voltage: torch.Tensor) -> torch.Tensor:
        spikes: torch.Tensor = spike(voltage)
        trace.spikes.append(_integers(spikes, 1))
        return spikes

    # SLAYER takes a normalisation's mean off the current, Lava adds it to the voltage as a bias.
    hook = norm and norm.register_forward_pre_hook(
        lambda _, arguments: trace.current.append(_integers(arguments[0], neuron.s_scale))
    )
    neuron.dynamics, neuron.spike = recorded_dynamics, recorded_spike
    try:
        yield trace
    finally:
        del neuron.dynamics, neuron.spike
        if through_state:
            block.through_state = True
        if carries_bias:
            neuron.norm = norm
        if hook:
            hook.remove()


def _biased_dynamics(neuron: Any, norm: Any, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """SLAYER's dynamics, but for the bias, which SLAYER would add to the current that it keeps from step to step."""
    integrate, quantize = slayer.neuron.cuba.leaky_integrator.dynamics, slayer.utils.quantize
    before = [
        state if state.shape == values.shape[:-1] else values.new_zeros(values.shape[:-1])
        for state in (neuron.current_state, neuron.voltage_state)
    ]
    current = integrate(values, quantize(neuron.current_decay), before[0], neuron.s_scale)
    threshold = neuron.threshold + neuron.threshold_eps
    voltage = integrate(norm(current), quantize(neuron.voltage_decay), before[1], neuron.s_scale, threshold)
    neuron.current_state, neuron.voltage_state = current[..., -1].clone(), voltage[..., -1].clone()
    return current, voltage


def _integers(values: torch.Tensor, scale: int) -> npt.NDArray[np.int32]:
    return torch.round(values.detach().double() * scale).cpu().numpy().astype(np.int64).astype(np.int32)


def _arrays(trace: _Trace, block: Any, layer: Layer) -> Arrays:
    if not trace.voltage:
        raise LapilliError(f"layer {layer.name!r}: the neuron of its SLAYER block is never run (dynamics=False)")
    voltage = np.concatenate(trace.voltage, axis=-1)
    # A readout has dynamics but is never asked for spikes.
    spikes = np.concatenate(trace.spikes, axis=-1) if trace.spikes else np.zeros_like(voltage)
    voltage = np.where(spikes != 0, 0, voltage)
    arrays = {"spikes": spikes, "current": np.concatenate(trace.current, axis=-1), "voltage": voltage}
    shape = tuple(int(side) for side in voltage.shape[1:-1])
    if prod(shape) != layer.size:
        raise LapilliError(f"layer {layer.name!r} has shape {layer.shape}, its SLAYER block {shape}")
    # With a bias or a recurrence, the exported delay is on the synapses that read the layer instead.
    own_delay = None if layer.recurrent or layer.neuron.has_bias else block.delay
    to_shape = (len(voltage), *layer.shape, voltage.shape[-1])
    return {name: _delayed(array, own_delay).reshape(to_shape) for name, array in arrays.items()}


def _late(arrays: Arrays, steps: int) -> Arrays:
    """What a layer does in the network, whose synapses take a step each also behind blocks that are not shifted."""
    if not steps:
        return arrays
    return {
        name: np.pad(array, [(0, 0)] * (array.ndim - 1) + [(steps, 0)])[..., :-steps] for name, array in arrays.items()
    }


def _delayed(array: npt.NDArray[np.int32], delay: Any) -> npt.NDArray[np.int32]:
    """SLAYER delays what a neuron sends; the exported network delays what it receives: the same, later by the delay."""
    if delay is None:
        return array
    steps = torch.floor(delay.delay.detach()).cpu().numpy().astype(int)
    late = np.zeros_like(array)
    for channel, delay_steps in enumerate(steps):
        kept = max(0, array.shape[-1] - delay_steps)
        late[:, channel, ..., array.shape[-1] - kept :] = array[:, channel, ..., :kept]
    return late
