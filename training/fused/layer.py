"""One layer of neurons with the synapses in front of it, as a function with a gradient."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from training.fused import kernels
from training.fused.denormals import flushing
from training.fused.dynamics import Dynamics
from training.fused.events import InputEvents

_NONE_1D = torch.empty(0)
_NONE_3D = torch.empty(0, 0, 0)
_NO_STEPS = torch.empty(0, 0, 0, dtype=torch.int32)
_NO_WEIGHTS = np.empty((0, 0), np.int8)
_NOTHING = np.empty((0, 0), np.float32)
Array = npt.NDArray[Any]

_NO_EVENTS = torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int32), torch.empty(0)


@dataclass(frozen=True)
class Layer:
    """What happens in a layer, but for its weights.

    Arguments:
        dynamics: of the neurons.
        keep: what current and voltage keep in a step, of 4096, uint32 (neurons) each.
        state: current and voltage before the first step, in units, int32 (samples, neurons) each; the forward pass
            leaves those after the last step there.
        shift: steps by which the output of all neurons is late.
        delays: steps by which the output of each neuron is late beyond that, int64 (neurons); None: none.
        delay_scale: factor of the delays' gradient.
        noise: factors of dropout, (samples, steps or 1, neurons); size 0: none.
        through_state: whether gradients of a recurrent layer pass from step to step through current and voltage too.
    """

    dynamics: Dynamics
    keep: tuple[Array, Array]
    state: tuple[Array, Array]
    shift: int = 0
    delays: torch.Tensor | None = None
    delay_scale: float = 1.0
    noise: torch.Tensor = field(default_factory=lambda: _NONE_3D)
    through_state: bool = True

    @property
    def shifts(self) -> Array:
        """Steps by which the output of each neuron is late; empty where they are the same for all."""
        return np.empty(0, np.int64) if self.delays is None else self.delays.numpy() + self.shift

    @property
    def size(self) -> tuple[int, int]:
        """Samples and neurons."""
        n_samples, n_neurons = self.state[0].shape
        return n_samples, n_neurons


@dataclass(frozen=True)
class Tensors:
    """What a layer reads, with gradients.

    Arguments:
        values: (samples, inputs, steps), whose events are known; None: no event-driven synapse.
        weight: quantised, (neurons, inputs), of that synapse.
        feedback: quantised, (neurons, neurons), of a recurrent synapse; None: none.
        real: what else arrives, in SLAYER's unit, (samples, neurons, steps); None: nothing.
        current_decay, voltage_decay: quantised, of 4096.
        bias: quantised, in SLAYER's unit, (neurons), as the layer's; None: none.
        delay: steps by which each neuron's output is late; None: none, or no gradient asked for.
    """

    values: torch.Tensor | None
    weight: torch.Tensor | None
    feedback: torch.Tensor | None
    real: torch.Tensor | None
    current_decay: torch.Tensor
    voltage_decay: torch.Tensor
    bias: torch.Tensor | None = None
    delay: torch.Tensor | None = None

    @property
    def in_order(self) -> tuple[torch.Tensor | None, ...]:
        """As the autograd function takes them."""
        decays = (self.current_decay, self.voltage_decay)
        return (self.values, self.weight, self.feedback, self.real, *decays, self.bias, self.delay)

    @property
    def need_gradient(self) -> bool:
        """Whether there is a way back."""
        return torch.is_grad_enabled() and any(part is not None and part.requires_grad for part in self.in_order)


@dataclass(frozen=True)
class _Pass:
    """What the forward pass leaves: the output and what the way back needs, (samples, steps, neurons)."""

    out: torch.Tensor
    voltages: torch.Tensor
    currents: torch.Tensor


def run_layer(layer: Layer, tensors: Tensors, events: InputEvents | None, n_steps: int) -> torch.Tensor | None:
    """Output of a layer, (samples, neurons, steps).

    Arguments:
        layer: what happens.
        tensors: what it reads.
        events: those of `tensors.values`.
        n_steps: of all that arrives.

    Returns:
        None where states are so large that SLAYER's single precision would round them.
    """
    passed = _forward(layer, tensors, events, n_steps)
    if passed is None:
        return None
    if not tensors.need_gradient:
        return passed.out.transpose(1, 2)
    return _LayerFunction.apply(layer, passed, events, *tensors.in_order)  # type: ignore[no-untyped-call]


def over_samples(n_samples: int, work: Callable[[int, int, int], Any]) -> list[Any]:
    """`work(part, first, last)` for parts of the samples, on as many threads as torch may use.

    `work` must not call torch: each of its threads would get threads of its own.
    """
    parts = max(1, min(torch.get_num_threads(), n_samples))
    edges = [n_samples * part // parts for part in range(parts + 1)]
    if parts == 1:
        return [work(0, 0, n_samples)]
    others = [_pool(parts - 1).submit(work, part, edges[part], edges[part + 1]) for part in range(1, parts)]
    first = work(0, 0, edges[1])
    return [first, *(other.result() for other in others)]


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    """Kept from call to call: starting threads takes longer than a small layer."""
    return ThreadPoolExecutor(threads, "lapilli", partial(torch.set_flush_denormal, True))


# A process that is forked has none of the threads.
os.register_at_fork(after_in_child=_pool.cache_clear)


def _forward(layer: Layer, tensors: Tensors, events: InputEvents | None, n_steps: int) -> _Pass | None:
    n_samples, n_neurons = layer.size
    shape = (n_samples, n_steps, n_neurons)
    dynamics, keeps = layer.dynamics, tensors.need_gradient
    decays_learn = keeps and (tensors.current_decay.requires_grad or tensors.voltage_decay.requires_grad)
    new = torch.zeros if layer.delays is not None else torch.empty
    out = new(shape)
    voltages = torch.empty(shape, dtype=torch.int32) if decays_learn or (keeps and dynamics.spiking) else _NO_STEPS
    currents = torch.empty(shape, dtype=torch.int32) if decays_learn else _NO_STEPS
    starts, sources, graded = _event_arrays(events)
    weights = _NO_WEIGHTS if tensors.weight is None or events is None else _integer_rows(tensors.weight, dynamics)
    feedback = _NO_WEIGHTS if tensors.feedback is None else _integer_rows(tensors.feedback, dynamics)
    real = _NONE_3D if tensors.real is None else _by_step(tensors.real)
    bias = torch.zeros(n_neurons) if tensors.bias is None else tensors.bias.detach()
    units = (bias * dynamics.scale).to(torch.int32).numpy()
    arrays = [array.numpy() for array in (layer.noise, currents, voltages, out)]

    def work(part: int, first: int, last: int) -> int:
        arriving, spare, spiking = np.empty((3, n_neurons), np.int32)
        noise, *kept = arrays
        return kernels.forward(
            first, last, starts, sources, graded, weights, real.numpy(), np.float32(dynamics.scale), feedback,
            *layer.keep, units, dynamics.threshold_units, *layer.state, noise, layer.shifts, layer.shift,
            *kept, arriving, spare, spiking,
        )  # fmt: skip

    seen = over_samples(n_samples, work)
    exact = all(0 <= bits < 1 << kernels.MAGNITUDE_BITS for bits in seen)
    return _Pass(out, voltages, currents) if exact else None


class _LayerFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, layer: Layer, passed: _Pass, events: InputEvents | None, *tensors: Any) -> torch.Tensor:
        ctx.layer = layer
        ctx.shape = None if events is None else (events.n_samples, events.n_channels, events.n_steps)
        parts = _NO_EVENTS if events is None else (events.starts, events.sources, events.graded)
        _, weight, feedback, _, current_decay, voltage_decay, *_ = tensors
        ctx.save_for_backward(passed.voltages, passed.currents, *parts, weight, feedback, current_decay, voltage_decay)
        return passed.out.transpose(1, 2)

    @staticmethod
    @torch.autograd.function.once_differentiable
    @flushing
    def backward(ctx: Any, out_gradient: torch.Tensor) -> tuple[Any, ...]:
        voltages, currents, starts, sources, graded, *parameters = ctx.saved_tensors
        events = None
        if ctx.shape is not None:
            n_samples, n_channels, n_steps = ctx.shape
            events = InputEvents(n_samples, n_channels, n_steps, starts, sources, graded)
        passed = _Pass(_by_step(out_gradient), voltages, currents)
        back = _backward_recurrent if parameters[1] is not None else _backward
        return None, None, None, *back(ctx.layer, passed, events, parameters, ctx.needs_input_grad[3:])


def _backward(
    layer: Layer, passed: _Pass, events: InputEvents | None, parameters: Any, needs: tuple[bool, ...]
) -> tuple[torch.Tensor | None, ...]:
    weight, _, current_decay, voltage_decay = parameters
    (n_samples, n_neurons), n_steps = layer.size, passed.out.shape[1]
    needs_values, needs_weight, _, needs_real, *needs_decays, needs_bias, needs_delay = needs
    scatters = needs_weight and events is not None and events.sparse_gradient
    keeps = needs_values or needs_real or (needs_weight and not scatters)
    gradients = torch.empty(passed.out.shape) if keeps else _NONE_3D
    arrays = _event_arrays(events)
    keep = [(kept / 4096).astype(np.float32) for kept in layer.keep]
    constants = _constants(layer.dynamics)
    out_gradient, currents, voltages, noise = (
        array.numpy() for array in (passed.out, passed.currents, passed.voltages, layer.noise)
    )

    def work(part: int, first: int, last: int) -> tuple[Array, Array, Array]:
        rows = np.empty((3, n_neurons), np.float32)
        spare = np.empty((0 if keeps else n_steps, n_neurons), np.float32)
        decay_gradients, bias_gradient = np.zeros((2, n_neurons)), np.zeros(n_neurons if needs_bias else 0)
        weight_gradient, steps, ends = _scatter_room(events if scatters else None, n_neurons)
        kernels.backward(
            first, last, out_gradient, layer.shifts, layer.shift, noise, voltages, *constants, *keep, currents,
            _NOTHING, *arrays, *rows, steps, ends, spare, weight_gradient, gradients.numpy(), *decay_gradients,
            bias_gradient,
        )  # fmt: skip
        return weight_gradient, decay_gradients, bias_gradient

    weight_gradients, decay_gradients, bias_gradients = zip(*over_samples(n_samples, work))
    decays = _decay_gradients(sum(decay_gradients), (current_decay, voltage_decay), needs_decays)
    weight_gradient = None
    if needs_weight and events is not None:
        scattered = torch.from_numpy(sum(weight_gradients)).t()
        weight_gradient = scattered if scatters else _dense_weight_gradient(gradients, events)
    return (
        _input_gradient(gradients, weight) if needs_values else None,
        weight_gradient,
        None,
        gradients.transpose(1, 2) if needs_real else None,
        *decays,
        torch.from_numpy(sum(bias_gradients)).float() if needs_bias else None,
        _delay_gradient(layer, voltages, out_gradient, noise) if needs_delay else None,
    )


def _backward_recurrent(
    layer: Layer, passed: _Pass, events: InputEvents | None, parameters: Any, needs: tuple[bool, ...]
) -> tuple[torch.Tensor | None, ...]:
    weight, feedback, current_decay, voltage_decay = parameters
    n_samples, n_neurons = layer.size
    needs_values, needs_weight, needs_feedback, needs_real, *needs_decays, needs_bias, needs_delay = needs
    gradients = torch.empty(passed.out.shape)
    share = 1 / 4096 if layer.through_state else 0.0
    keep = [(kept * share).astype(np.float32) for kept in layer.keep]
    constants = _constants(layer.dynamics)
    out_gradient, currents, voltages, noise = (
        array.numpy() for array in (passed.out, passed.currents, passed.voltages, layer.noise)
    )
    row = np.empty(n_neurons, np.float32)
    through = np.zeros((2, n_samples, n_neurons), np.float32)
    decay_gradients, bias_gradient = np.zeros((2, n_neurons)), np.zeros(n_neurons if needs_bias else 0)
    caused = torch.zeros(n_samples, n_neurons)
    matrix, written = feedback.detach(), gradients.numpy()
    for t in range(passed.out.shape[1] - 1, -1, -1):
        kernels.backward_step(
            t, out_gradient, layer.shifts, layer.shift, noise, voltages, *constants, *keep, currents,
            caused.numpy(), row, *through, written, *decay_gradients, bias_gradient,
        )  # fmt: skip
        torch.mm(gradients[:, t], matrix, out=caused)
    if not layer.through_state:
        # SLAYER runs the neurons step by step, and finds no step before that a decay could act on.
        decay_gradients[:] = 0
    decays = _decay_gradients(decay_gradients, (current_decay, voltage_decay), needs_decays)
    return (
        _input_gradient(gradients, weight) if needs_values else None,
        _weight_gradient(gradients, events) if needs_weight and events is not None else None,
        _weight_gradient(gradients, _feedback_events(layer, passed.voltages)) if needs_feedback else None,
        gradients.transpose(1, 2) if needs_real else None,
        *decays,
        torch.from_numpy(bias_gradient).float() if needs_bias else None,
        _delay_gradient(layer, voltages, out_gradient, noise) if needs_delay else None,
    )


def _weight_gradient(gradients: torch.Tensor, events: InputEvents) -> torch.Tensor:
    """Of weights (neurons, inputs), from the gradient of what arrives, (samples, steps, neurons)."""
    if not events.sparse_gradient:
        return _dense_weight_gradient(gradients, events)
    arrays, of_arriving = _event_arrays(events), gradients.numpy()

    def work(part: int, first: int, last: int) -> Array:
        weight_gradient, steps, ends = _scatter_room(events, gradients.shape[2])
        kernels.scatter(first, last, *arrays, of_arriving, steps, ends, weight_gradient)
        return weight_gradient

    return torch.from_numpy(sum(over_samples(events.n_samples, work))).t()


def _dense_weight_gradient(gradients: torch.Tensor, events: InputEvents) -> torch.Tensor:
    return torch.matmul(gradients.flatten(0, 1).t(), events.dense().flatten(0, 1))


def _scatter_room(events: InputEvents | None, n_neurons: int) -> tuple[Array, Array, Array]:
    """Zeros (inputs, neurons) to add to, and room to put the events of a sample in order."""
    if events is None:
        return np.zeros((0, n_neurons), np.float32), np.empty(0, np.int32), np.empty(0, np.int32)
    most = int(events.starts[:: events.n_steps].diff().max()) if events.n_steps else 0
    weight_gradient = np.zeros((events.n_channels, n_neurons), np.float32)
    return weight_gradient, np.empty(most, np.int32), np.empty(events.n_channels, np.int32)


def _feedback_events(layer: Layer, voltages: torch.Tensor) -> InputEvents:
    """What the recurrent synapse saw."""
    n_samples, n_steps, n_neurons = voltages.shape
    starts = torch.empty(n_samples * n_steps + 1, dtype=torch.int64)
    room = torch.empty(voltages.numel(), dtype=torch.int32)
    graded = torch.empty(len(room) if layer.noise.numel() else 0)
    number = kernels.feedback_events(
        voltages.numpy(), layer.dynamics.threshold_units, layer.noise.numpy(), starts.numpy(), room.numpy(),
        graded.numpy(),
    )  # fmt: skip
    return InputEvents(n_samples, n_neurons, n_steps, starts, room[:number], graded[:number])


def _constants(dynamics: Dynamics) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    steepness = np.float32(np.log2(np.e) / dynamics.tau) if dynamics.spiking else np.float32(0)
    return np.float32(1 / dynamics.scale), dynamics.threshold, steepness, dynamics.peak


def _event_arrays(events: InputEvents | None) -> tuple[Array, Array, Array]:
    starts, sources, graded = _NO_EVENTS if events is None else (events.starts, events.sources, events.graded)
    return starts.numpy(), sources.numpy(), graded.numpy()


def _integer_rows(weight: torch.Tensor, dynamics: Dynamics) -> Array:
    """Quantised weights (neurons, inputs) as integers, (inputs, neurons)."""
    return (weight.detach() * (dynamics.scale / kernels.UNIT)).to(torch.int8).t().contiguous().numpy()


def _by_step(values: torch.Tensor) -> torch.Tensor:
    return values.detach().transpose(1, 2).contiguous()


def _input_gradient(gradients: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return torch.matmul(gradients, weight.detach()).transpose(1, 2)


def _decay_gradients(sums: Any, decays: Any, needs: list[bool]) -> list[torch.Tensor | None]:
    return [
        torch.from_numpy(of_neurons.sum(keepdims=True) if decay.numel() == 1 else of_neurons).float() if need else None
        for of_neurons, decay, need in zip(sums, decays, needs)
    ]


def _delay_gradient(layer: Layer, voltages: Any, out_gradient: Any, noise: Any) -> torch.Tensor:
    total = np.zeros(layer.size[1])
    kernels.delay_gradients(voltages, layer.dynamics.threshold_units, noise, layer.shifts, out_gradient, total)
    return torch.from_numpy(total).float() * layer.delay_scale
