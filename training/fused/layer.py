"""One layer of neurons with the synapses in front of it, as a function with a gradient."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from lapilli.training.fused import kernels
from lapilli.training.fused.dynamics import Dynamics
from lapilli.training.fused.events import InputEvents, KeptEvents
from lapilli.training.loop.denormals import flushing

_NONE_1D = torch.empty(0)
_NONE_3D = torch.empty(0, 0, 0)
_NO_WEIGHTS = np.empty((0, 0), np.int8)
Array = npt.NDArray[Any]

_NO_EVENTS = torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int32), torch.empty(0)


@dataclass(frozen=True)
class Form:
    """How neurons lie.

    Arguments:
        shape: of what arrives and of what is sent, (samples, *neurons, steps).
        channels_last: whether the neurons of an image lie as (rows, columns, channels) in what a layer computes.
    """

    shape: torch.Size
    channels_last: bool = False

    def shaped(self, by_step: torch.Tensor) -> torch.Tensor:
        """(samples, *neurons, steps) of (samples, steps, neurons)."""
        if not self.channels_last:
            return by_step.transpose(1, 2).reshape(self.shape)
        _, channels, rows, columns, steps = self.shape
        return by_step.reshape(len(by_step), steps, rows, columns, channels).permute(0, 4, 2, 3, 1)

    def by_step(self, shaped: torch.Tensor) -> torch.Tensor:
        """The inverse, of all samples or some of them."""
        if not self.channels_last:
            return shaped.detach().flatten(1, -2).transpose(1, 2).contiguous()
        return shaped.detach().permute(0, 4, 2, 3, 1).flatten(2).contiguous()


class Source(Protocol):
    """A synapse that gives what arrives at the neurons of a whole sample at once, as numbers."""

    def prepared(self, weight: torch.Tensor) -> Array:
        """Quantised weights as the other functions read them."""

    def arrive(self, events: InputEvents, weights: Array, real: Array) -> None:
        """Write what arrives in a sample, (steps, neurons), in SLAYER's unit."""

    def add_weight_gradient(self, events: InputEvents, arriving: Array, found: Array) -> None:
        """Add to the gradient of prepared weights, double precision, from that of what arrives in a sample."""

    def weight_gradient(self, found: Array, weight: torch.Tensor) -> torch.Tensor:
        """The gradient of weights from that of prepared weights."""

    def no_value_gradient(self, n_samples: int, n_steps: int) -> torch.Tensor:
        """Zeros for `add_value_gradient`, of all samples."""

    def add_value_gradient(self, arriving: torch.Tensor, weight: torch.Tensor, found: torch.Tensor) -> None:
        """Add to the gradient of a sample's input from that of what arrives, (steps, neurons)."""

    def value_gradient(self, found: torch.Tensor) -> torch.Tensor:
        """The gradient of the input in its shape."""


@dataclass(frozen=True)
class Layer:
    """What happens in a layer, but for its weights.

    Arguments:
        form: how the neurons lie.
        dynamics: of the neurons.
        keep: what current and voltage keep in a step, of 4096, uint32 (neurons) each.
        state: current and voltage before the first step, in units, int32 (samples, neurons) each; the forward pass
            leaves those after the last step there.
        shift: steps by which the output of all neurons is late.
        delays: steps by which the output of each neuron is late beyond that, int64 (neurons); None: none.
        delay_scale: factor of the delays' gradient.
        noise: factors of dropout, (samples, steps or 1, neurons); size 0: none.
        through_state: whether gradients of a recurrent layer pass from step to step through current and voltage too.
        checkpoint_steps: keep states every so many steps only, and run each chunk of steps again on the way back; 0:
            keep those of every step.
        source: the synapse in front of the neurons, where it is not a dense one.
    """

    form: Form
    dynamics: Dynamics
    keep: tuple[Array, Array]
    state: tuple[Array, Array]
    shift: int = 0
    delays: torch.Tensor | None = None
    delay_scale: float = 1.0
    noise: torch.Tensor = field(default_factory=lambda: _NONE_3D)
    through_state: bool = True
    checkpoint_steps: int = 0
    source: Source | None = None

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
        weight: quantised, (neurons, inputs), of that synapse; both in other shapes for a `Source`.
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


def _room_to_keep(layer: Layer, tensors: Tensors, n_steps: int) -> kernels.Kept:
    """Room for what the way back needs."""
    (n_samples, n_neurons), keeps = layer.size, tensors.need_gradient
    decays_learn = keeps and (tensors.current_decay.requires_grad or tensors.voltage_decay.requires_grad)
    keeps = decays_learn or (keeps and layer.dynamics.spiking)
    # What arrives as numbers would have to be kept instead.
    interval = layer.checkpoint_steps if keeps and tensors.real is None else 0
    interval = interval if interval < n_steps else 0
    chunks = (n_steps + interval - 1) // interval if interval else 0
    states = (n_samples, n_steps, n_neurons)
    of_currents, of_voltages = (states if kept and not interval else (0, 0, 0) for kept in (decays_learn, keeps))
    return kernels.Kept(
        np.empty(of_currents, np.int16),
        np.empty(of_currents, np.uint8),
        np.empty(of_voltages, np.int16),
        np.empty(of_voltages, np.uint8),
        interval,
        np.empty((n_samples, chunks, 2, n_neurons), np.int32),
    )


def run_layer(layer: Layer, tensors: Tensors, events: InputEvents | None, n_steps: int) -> torch.Tensor | None:
    """Output of a layer, in its form.

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
    out, kept = passed
    if not tensors.need_gradient:
        return layer.form.shaped(out)
    return _LayerFunction.apply(layer, out, kept, events, *tensors.in_order)  # type: ignore[no-untyped-call]


def over_samples(n_samples: int, work: Callable[[int, int, int], Any], at_once: int = 1) -> list[Any]:
    """`work(part, first, last)` for parts of the samples, on as many threads as torch may use.

    `work` must not call torch: each of its threads would get threads of its own. Parts are multiples of `at_once`.
    """
    groups = (n_samples + at_once - 1) // at_once
    parts = max(1, min(torch.get_num_threads(), groups))
    edges = [min(n_samples, groups * part // parts * at_once) for part in range(parts + 1)]
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


def _forward(
    layer: Layer, tensors: Tensors, events: InputEvents | None, n_steps: int
) -> tuple[torch.Tensor, kernels.Kept] | None:
    n_samples, n_neurons = layer.size
    new = torch.zeros if layer.delays is not None else torch.empty
    out = new(n_samples, n_steps, n_neurons)
    kept = _room_to_keep(layer, tensors, n_steps)
    cells = _cells(layer, tensors.bias)
    incoming = _incoming(layer, tensors.weight, tensors.feedback, events)
    if tensors.real is not None:
        incoming = incoming._replace(real=_by_step(tensors.real).numpy())
    sums = _SourceSums.of(layer, tensors.weight, events)

    def work(part: int, first: int, last: int) -> int:
        room = np.empty((5, n_neurons), np.int32)
        parts = [(incoming, first, last)] if sums is None else sums.one_by_one(incoming, first, last)
        seen = [
            kernels.forward(begin, end, arriving, cells, *layer.state, kept, out.numpy(), room)
            for arriving, begin, end in parts
        ]
        return kernels.OVERFLOW if min(seen) < 0 else max(seen)

    seen = over_samples(n_samples, work)
    exact = all(0 <= bits < 1 << kernels.MAGNITUDE_BITS for bits in seen)
    return (out, kept) if exact else None


@dataclass(frozen=True)
class _SourceSums:
    """What a `Source` gives, a sample at a time, so that it stays in the cache."""

    source: Source
    form: Form
    weights: Array
    events: InputEvents | KeptEvents

    @classmethod
    def of(cls, layer: Layer, weight: Any, events: Any) -> "_SourceSums | None":
        """None where the layer has none."""
        if layer.source is None or events is None:
            return None
        return cls(layer.source, layer.form, layer.source.prepared(weight), events)

    @property
    def size(self) -> tuple[int, int]:
        """Steps and neurons."""
        return self.form.shape[-1], self.form.shape[1:-1].numel()

    def one_by_one(
        self, incoming: kernels.Incoming, first: int, last: int
    ) -> Iterator[tuple[kernels.Incoming, int, int]]:
        """What arrives in each sample, in the same room, and the sample as a range."""
        real = np.empty((1, *self.size), np.float32)
        for sample in range(first, last):
            self.source.arrive(self.events.of_sample(sample), self.weights, real[0])
            yield incoming._replace(real=real, real_first=sample), sample, sample + 1


class _LayerFunction(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, layer: Layer, out: torch.Tensor, kept: kernels.Kept, events: InputEvents | None, *tensors: Any
    ) -> torch.Tensor:
        _, weight, feedback, _, current_decay, voltage_decay, bias, _ = tensors
        stored = None if events is None else KeptEvents.of(events)
        ctx.layer, ctx.interval, ctx.shape = layer, kept.interval, None if stored is None else stored.shape
        # Saved so, all of it is freed as soon as the gradients are there.
        states = [torch.from_numpy(part) for part in kept if isinstance(part, np.ndarray)]
        parts = () if stored is None else stored.tensors
        ctx.save_for_backward(*states, weight, feedback, current_decay, voltage_decay, bias, *parts)
        return layer.form.shaped(out)

    @staticmethod
    @torch.autograd.function.once_differentiable
    @flushing
    def backward(ctx: Any, out_gradient: torch.Tensor) -> tuple[Any, ...]:
        arrays = [part.numpy() for part in ctx.saved_tensors[:5]]
        kept = kernels.Kept(arrays[0], arrays[1], arrays[2], arrays[3], ctx.interval, arrays[4])
        parameters, parts = ctx.saved_tensors[5:10], ctx.saved_tensors[10:]
        events = None if ctx.shape is None else KeptEvents(ctx.shape, parts)
        gradients = _backward(ctx.layer, kept, out_gradient, events, parameters, ctx.needs_input_grad[4:])
        return None, None, None, None, *gradients


_Results = tuple[kernels.Sums, kernels.Found]


def _backward(
    layer: Layer,
    kept: kernels.Kept,
    out_gradient: torch.Tensor,
    stored: KeptEvents | None,
    parameters: Any,
    needs: tuple[bool, ...],
) -> tuple[torch.Tensor | None, ...]:
    weight, feedback, current_decay, voltage_decay, bias = parameters
    needs_values, needs_weight, needs_feedback, needs_real, *needs_decays, needs_bias, needs_delay = needs
    (n_samples, n_neurons), n_steps = layer.size, layer.form.shape[-1]
    sources = _SourceSums.of(layer, weight, stored)
    events = None if sources is not None or stored is None else stored.events()
    incoming = _incoming(layer, weight, feedback, events)
    cells, slope = _cells(layer, bias), _slope(layer, feedback is not None)
    panels = _packed(feedback)
    at_once = 1 if feedback is None else kernels.TILE_ROWS
    scatters = events is not None and needs_weight

    def work(
        first: int, last: int, group: int, out_gradient: Array, arriving: Array, incoming: kernels.Incoming
    ) -> _Results:
        found = kernels.Found(
            np.zeros((events.n_channels if scatters and events is not None else 0, n_neurons), np.float32),
            np.zeros((n_neurons if needs_feedback else 0, n_neurons), np.float32),
            arriving,
            group,
        )
        sizes = (any(needs_decays), any(needs_decays), needs_bias, needs_delay)
        sums = kernels.Sums(*(np.zeros(n_neurons if size else 0) for size in sizes))
        room = _room(kept, found, events, at_once, (n_steps, n_neurons), panels)
        kernels.backward(first, last, at_once, out_gradient, incoming, cells, slope, kept, room, sums, found)
        return sums, found

    of_values, of_weight, arriving = None, None, _NONE_3D
    if sources is not None:
        results, of_values, of_weight = _through_source(
            sources, (out_gradient, weight), work, incoming, kept.interval > 0, (needs_values, needs_weight)
        )
    else:
        by_step = layer.form.by_step(out_gradient)
        arriving = torch.empty(by_step.shape) if needs_values or needs_real else _NONE_3D
        results = over_samples(
            n_samples,
            lambda part, first, last: work(first, last, 0, by_step.numpy(), arriving.numpy(), incoming),
            at_once,
        )
        of_values = torch.matmul(arriving, weight.detach()).transpose(1, 2) if needs_values else None
        of_weight = _weights_of(found.weights for _, found in results) if scatters else None
    sums = kernels.Sums(*(sum(parts) for parts in zip(*(sums for sums, _ in results))))
    if feedback is not None and not layer.through_state:
        # SLAYER runs the neurons step by step, and finds no step before that a decay could act on.
        sums = sums._replace(current_decay=0 * sums.current_decay, voltage_decay=0 * sums.voltage_decay)
    decays = zip((sums.current_decay, sums.voltage_decay), (current_decay, voltage_decay), needs_decays)
    return (
        of_values,
        of_weight,
        _weights_of(found.feedback for _, found in results) if needs_feedback else None,
        arriving.transpose(1, 2) if needs_real else None,
        *(_decay_gradient(total, decay) if need else None for total, decay, need in decays),
        torch.from_numpy(sums.bias).float() if needs_bias else None,
        torch.from_numpy(sums.delay).float() * layer.delay_scale if needs_delay else None,
    )


def _through_source(
    sums: _SourceSums,
    tensors: tuple[torch.Tensor, torch.Tensor],
    work: Callable[..., _Results],
    incoming: kernels.Incoming,
    again: bool,
    needs: tuple[bool, bool],
) -> tuple[list[_Results], torch.Tensor | None, torch.Tensor | None]:
    """The same a few samples at a time; what arrives is computed `again` where chunks of steps need it."""
    source, events, (out_gradient, weight) = sums.source, sums.events, tensors
    needs_values, needs_weight = needs
    n_samples = len(out_gradient)
    of_values = source.no_value_gradient(n_samples, sums.size[0]) if needs_values else None
    total = np.zeros(sums.weights.shape)
    results: list[_Results] = []
    at_once = min(torch.get_num_threads(), n_samples)
    arriving = np.empty((at_once, *sums.size), np.float32)

    def one(start: int, sample: int, by_step: Array, found: Array) -> _Results:
        parts = sums.one_by_one(incoming, sample, sample + 1) if again else [(incoming, sample, sample + 1)]
        (result,) = (work(first, last, start, by_step, arriving, part) for part, first, last in parts)
        if needs_weight:
            source.add_weight_gradient(events.of_sample(sample), arriving[sample - start], found)
        return result

    for start in range(0, n_samples, at_once):
        number = min(at_once, n_samples - start)
        by_step = sums.form.by_step(out_gradient[start : start + number]).numpy()
        founds = [np.zeros(total.shape) for _ in range(number)]
        for group in over_samples(
            number,
            lambda part, first, last: [one(start, start + at, by_step, founds[at]) for at in range(first, last)],  # noqa: B023
        ):
            results += group
        total += sum(founds)
        if of_values is not None:
            for at in range(number):
                source.add_value_gradient(torch.from_numpy(arriving[at]), weight, of_values[start + at])
    return (
        results,
        None if of_values is None else source.value_gradient(of_values),
        source.weight_gradient(total, weight) if needs_weight else None,
    )


def _room(
    kept: kernels.Kept,
    found: kernels.Found,
    events: InputEvents | None,
    at_once: int,
    size: tuple[int, int],
    panels: Array,
) -> kernels.Room:
    n_steps, n_neurons = size
    most = 0
    if events is not None and len(found.weights) and n_steps:
        most = int(events.starts[::n_steps].diff().max())
    recurrent = len(found.feedback)
    again = (at_once, kept.interval, n_neurons)
    padded = -(-n_neurons // kernels.LANES) * kernels.LANES
    return kernels.Room(
        np.empty((5, n_neurons), np.int32),
        np.empty(n_neurons, np.float32),
        np.empty((2, at_once, n_neurons), np.float32),
        np.empty((0 if found.arriving.size else at_once, n_steps, n_neurons), np.float32),
        np.empty(most, np.int32),
        np.empty(len(found.weights), np.int32),
        np.empty(n_steps * recurrent, np.int32),
        np.empty(recurrent, np.int32),
        np.empty(again, np.int32),
        np.empty(again, np.int32),
        np.empty((kernels.TILE_ROWS if panels.size else 0, padded), np.float32),
        panels,
        np.empty((at_once, n_steps, (recurrent + 63) // 64), np.uint64),
    )


def _incoming(
    layer: Layer, weight: torch.Tensor | None, feedback: torch.Tensor | None, events: InputEvents | None
) -> kernels.Incoming:
    dynamics = layer.dynamics
    events = None if layer.source is not None else events
    starts, sources, graded = _NO_EVENTS if events is None else (events.starts, events.sources, events.graded)
    weights = _NO_WEIGHTS if weight is None or events is None else _integer_rows(weight, dynamics)
    return kernels.Incoming(
        starts.numpy(),
        sources.numpy(),
        graded.numpy(),
        weights,
        _NONE_3D.numpy(),
        0,
        _NO_WEIGHTS if feedback is None else _integer_rows(feedback, dynamics),
    )


def _cells(layer: Layer, bias: torch.Tensor | None) -> kernels.Cells:
    scale = layer.dynamics.scale
    units = np.zeros(layer.size[1], np.int32) if bias is None else (bias.detach() * scale).to(torch.int32).numpy()
    return kernels.Cells(
        np.float32(scale),
        *layer.keep,
        layer.dynamics.threshold_units,
        units,
        layer.noise.numpy(),
        layer.shifts,
        layer.shift,
    )


def _slope(layer: Layer, recurrent: bool) -> kernels.Slope:
    dynamics = layer.dynamics
    steepness = np.float32(np.log2(np.e) / dynamics.tau) if dynamics.spiking else np.float32(0)
    share = 1 / 4096 if layer.through_state or not recurrent else 0.0
    keep = ((kept * share).astype(np.float32) for kept in layer.keep)
    return kernels.Slope(np.float32(1 / dynamics.scale), dynamics.threshold, steepness, dynamics.peak, *keep)


def _packed(feedback: torch.Tensor | None) -> Array:
    """Recurrent weights in the order in which the way back multiplies with them."""
    if feedback is None:
        return np.empty(0, np.float32)
    width = -(-len(feedback) // kernels.LANES) * kernels.LANES
    panels = np.empty(len(feedback) * width, np.float32)
    kernels.pack(feedback.detach().numpy(), panels)
    return panels


def _integer_rows(weight: torch.Tensor, dynamics: Dynamics) -> Array:
    """Quantised weights (neurons, inputs) as integers, (inputs, neurons)."""
    return (weight.detach() * (dynamics.scale / kernels.UNIT)).to(torch.int8).t().contiguous().numpy()


def _by_step(values: torch.Tensor) -> torch.Tensor:
    return values.detach().transpose(1, 2).contiguous()


def _weights_of(parts: Iterable[Array]) -> torch.Tensor:
    return torch.from_numpy(sum(parts)).t()


def _decay_gradient(of_neurons: Array, decay: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(of_neurons.sum(keepdims=True) if decay.numel() == 1 else of_neurons).float()
