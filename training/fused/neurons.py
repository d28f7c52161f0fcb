"""The neurons of a block, fused: dynamics, spikes, reset, dropout, shift by a step, axonal delay."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.fused.arrivals import Arrivals
from lapilli.training.fused.bias import Bias, fixed_bias
from lapilli.training.fused.dynamics import (
    Dynamics,
    fused_dynamics,
    has_hooks,
    initial_state,
    integer_decays,
    settle,
    silent_dynamics,
)
from lapilli.training.fused.function import run_layer
from lapilli.training.fused.kernels.limits import UNIT
from lapilli.training.fused.layer import Layer
from lapilli.training.fused.tensors import Tensors
from lapilli.training.networks.slayer import slayer

_quantize = slayer.utils.quantize
_step_delay = slayer.block.base.step_delay
_LARGEST_SUM = 1 << 15

CHECKPOINT_VARIABLE = "LAPILLI_CHECKPOINT_STEPS"


def run_neurons(
    block: Any, arrivals: Arrivals | None, spiking: bool = True, feedback: torch.Tensor | None = None
) -> torch.Tensor | None:
    """What a block answers to what arrives, (samples, *neurons, steps).

    Arguments:
        block: of SLAYER, with `neuron` and, if it spikes, `delay_shift` and `delay`; it may have `checkpoint_steps`.
        arrivals: None gives None.
        spiking: whether the answer are spikes; else voltages.
        feedback: quantised weights (neurons, neurons) of a recurrent synapse.

    Returns:
        None where SLAYER's own code must run.
    """
    neuron = block.neuron
    dynamics = fused_dynamics(neuron, spiking)
    if arrivals is None or dynamics is None:
        return None
    shape = arrivals.shape
    settle(neuron, shape[1:-1])
    if neuron.shape != shape[1:-1]:
        return None
    if feedback is not None and not (
        exact_feedback(neuron, len(feedback)) and isinstance(neuron.norm, (Bias, type(None)))
    ):
        return None
    undo = _what_was(block)
    normalised = _normalised(block, arrivals) if neuron.norm is not None and fixed_bias(neuron) is None else arrivals
    spikes = None if normalised is None else _answer(block, dynamics, normalised, feedback)
    if spikes is None:
        undo()
    return spikes


def _answer(block: Any, dynamics: Dynamics, arrivals: Arrivals, feedback: torch.Tensor | None) -> torch.Tensor | None:
    neuron = block.neuron
    layer = _layer(block, dynamics, arrivals, feedback is not None)
    if layer is None:
        return None
    tensors = _tensors(block, arrivals, feedback, layer)
    out = run_layer(layer, tensors, arrivals.events)
    if out is None:
        return None
    if neuron.persistent_state and feedback is None:
        _keep_state(neuron, layer, tensors, arrivals)
    return _late(block, layer, out) if dynamics.spiking else out


def _normalised(block: Any, arrivals: Arrivals) -> Arrivals | None:
    """Currents of all steps, normalised by SLAYER's code (which may need all of them first), as what arrives.

    They are the voltages of neurons that keep nothing of their voltage and never spike.
    """
    neuron = block.neuron
    layer = _layer(block, silent_dynamics(neuron), arrivals, False)
    if layer is None:
        return None
    nothing = np.zeros_like(layer.keep[1])
    layer = replace(layer, keep=(layer.keep[0], nothing), state=(layer.state[0], np.zeros_like(layer.state[1])))
    tensors = replace(_tensors(block, arrivals, None, layer), voltage_decay=torch.zeros(1))
    currents = run_layer(layer, tensors, arrivals.events)
    if currents is None:
        return None
    normalised = neuron.norm(currents.contiguous())
    if normalised.shape != arrivals.shape:
        return None
    return Arrivals.of_numbers(normalised, are_currents=True)


def _what_was(block: Any) -> Callable[[], None]:
    """What brings back the random state and the means of a normalisation, if SLAYER's own code must run after all."""
    delay: Any = getattr(block, "delay", None)
    norm = block.neuron.norm
    draws_delays = delay is not None and not delay.init
    random = torch.get_rng_state() if draws_delays or block.neuron.drop is not None else None
    buffers = {} if norm is None else {name: buffer.clone() for name, buffer in norm.named_buffers()}

    def undo() -> None:
        if random is not None:
            torch.set_rng_state(random)
        if draws_delays:
            delay.init = False
        for name, buffer in buffers.items():
            setattr(norm, name, buffer)

    return undo


def forget(block: Any) -> None:
    """Bring a recurrent block to rest, and its state dict to the form that it had before it ran."""
    neuron = block.neuron
    for owner, name in ((neuron, "current_state"), (neuron, "voltage_state"), (block, "spike_state")):
        state = getattr(owner, name)
        if state.shape != (1,):
            setattr(owner, name, torch.zeros(1, dtype=state.dtype, device=state.device))
        else:
            state.zero_()


def _layer(block: Any, dynamics: Dynamics, arrivals: Arrivals, recurrent: bool) -> Layer | None:
    neuron, shape = block.neuron, arrivals.shape
    n_samples, n_neurons = shape[0], shape[1:-1].numel()
    keep = integer_decays(neuron, n_neurons)
    states = [
        initial_state(state, n_samples, n_neurons, dynamics.scale)
        for state in (neuron.current_state, neuron.voltage_state)
    ]
    if keep is None or states[0] is None or states[1] is None:
        return None
    if arrivals.are_currents:
        keep, states[0] = (np.zeros_like(keep[0]), keep[1]), np.zeros_like(states[0])
    noise = _noise(neuron.drop, n_samples, n_neurons, shape[-1] if recurrent else 1) if dynamics.spiking else None
    shifts = dynamics.spiking and block.delay_shift and (recurrent or not neuron.persistent_state)
    delays = None
    if dynamics.spiking and _fuses_delay(block, shape, recurrent):
        delays = _whole_delays(block.delay, n_neurons)
    return Layer(
        form=arrivals.form,
        dynamics=dynamics,
        keep=keep,
        state=(states[0], states[1]),
        shift=int(shifts),
        delays=delays,
        delay_scale=block.delay.grad_scale if delays is not None else 1.0,
        noise=noise,
        through_state=not recurrent or block.through_state,
        checkpoint_steps=checkpoint_steps(block),
        source=arrivals.source,
    )


def checkpoint_steps(block: Any) -> int:
    """Steps between the states that a block keeps for the way back; 0: it keeps those of every step.

    Raises:
        LapilliError: where the number is none.
    """
    chosen = getattr(block, "checkpoint_steps", None)
    if chosen is None:
        chosen = os.environ.get(CHECKPOINT_VARIABLE) or "0"
    if not str(chosen).isdecimal():
        raise LapilliError(f"{CHECKPOINT_VARIABLE}: must be a number of steps, at least 0, got {chosen!r}")
    return int(chosen)


def _tensors(block: Any, arrivals: Arrivals, feedback: torch.Tensor | None, layer: Layer) -> Tensors:
    neuron = block.neuron
    current_decay, voltage_decay = (
        _quantize(decay) if decay.requires_grad else decay for decay in (neuron.current_decay, neuron.voltage_decay)
    )
    if arrivals.are_currents:
        current_decay = torch.zeros(1)
    bias = None if arrivals.are_currents else fixed_bias(neuron)
    return Tensors(
        values=arrivals.values,
        weight=arrivals.weight,
        feedback=feedback,
        real=arrivals.real,
        current_decay=current_decay,
        voltage_decay=voltage_decay,
        bias=None if bias is None else arrivals.of_channels(bias),
        delay=None if layer.delays is None else block.delay.delay,
    )


def _noise(drop: Any, n_samples: int, n_neurons: int, draws: int) -> torch.Tensor | None:
    """Factors of dropout (samples, draws, neurons), drawn as SLAYER draws them; None: none."""
    if drop is None or not drop.training or drop.p == 0:
        return None
    ones = torch.ones(n_samples, n_neurons, 1)
    return torch.stack([drop(ones)[..., 0] for _ in range(draws)], 1)


def exact_feedback(neuron: Any, n_neurons: int) -> bool:
    """Whether sums of recurrent spikes are exact in single precision, dropout's factor included."""
    drop = neuron.drop
    if drop is None or not drop.training or not 0 < drop.p < 1:
        return n_neurons <= _LARGEST_SUM
    factor = np.float32(1) / np.float32(1 - drop.p)
    units = factor * np.float32(UNIT)
    return bool(units == np.rint(units) and n_neurons * factor <= _LARGEST_SUM / UNIT)


def _fuses_delay(block: Any, shape: torch.Size, recurrent: bool) -> bool:
    delay = getattr(block, "delay", None)
    return (
        delay is not None
        and type(delay) is slayer.axon.Delay
        and not has_hooks(delay)
        and delay.sampling_time == 1
        and shape[1] == shape[1:-1].numel()
        and (recurrent or not block.neuron.persistent_state)
    )


def _whole_delays(delay: Any, n_neurons: int) -> torch.Tensor | None:
    """Steps of delay of each neuron; None where SLAYER must refuse them."""
    if not delay.init:
        with torch.no_grad():
            delay(torch.zeros(1, n_neurons, 1))
    delay.clamp()
    steps = delay.delay.detach()
    if steps.numel() != n_neurons or not bool(steps.isfinite().all()):
        return None
    return steps.long()


def _keep_state(neuron: Any, layer: Layer, tensors: Tensors, arrivals: Arrivals) -> None:
    """As SLAYER does: the current that it keeps is the normalised one."""
    current, voltage = (
        torch.from_numpy(state).reshape(arrivals.shape[:-1]).float() / layer.dynamics.scale for state in layer.state
    )
    if tensors.bias is not None:
        current += tensors.bias.detach().reshape(arrivals.shape[1:-1])
    neuron.current_state, neuron.voltage_state = current, voltage


def _late(block: Any, layer: Layer, spikes: torch.Tensor) -> torch.Tensor:
    """Whatever SLAYER does to spikes behind the neuron that the kernels did not do."""
    if block.delay_shift and not layer.shift:
        spikes = _step_delay(block, spikes)
    if block.delay is not None and layer.delays is None:
        spikes = block.delay(spikes)
    return spikes
