"""From a layer and its tensors to what the kernels take."""

from math import e, log2
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from lapilli.training.fused.dynamics import Dynamics
from lapilli.training.fused.events import InputEvents
from lapilli.training.fused.kernels.limits import UNIT
from lapilli.training.fused.kernels.product import LANES, TILE_ROWS, pack
from lapilli.training.fused.kernels.records import (
    BackRoom,
    Cells,
    Events,
    Incoming,
    Kept,
    Modes,
    OrderRoom,
    Slope,
    StepRoom,
    Wanted,
    absent,
)
from lapilli.training.fused.layer import Layer
from lapilli.training.fused.tensors import Needs, Tensors, learns

Array = npt.NDArray[Any]

_NO_EVENTS = Events(absent(np.int64, 1), absent(np.int32, 1), absent(np.float32, 1), False)


def modes_of(layer: Layer, tensors: Tensors, events: InputEvents | None) -> Modes:
    """What happens in a layer that reads these tensors."""
    learn, by_source = tensors.need_gradient, events is not None and layer.source is not None
    decays_learn = learn and (learns(tensors.current_decay) or learns(tensors.voltage_decay))
    keeps = decays_learn or (learn and layer.dynamics.spiking)
    # What arrives as numbers would have to be kept instead.
    chunks = keeps and tensors.real is None and 0 < layer.checkpoint_steps < layer.n_steps
    return Modes(
        events=events is not None and not by_source,
        numbers=tensors.real is not None or by_source,
        recurrent=tensors.feedback is not None,
        dropout=layer.noise is not None,
        spiking=layer.dynamics.spiking,
        own_delays=layer.delays is not None,
        chunks=chunks,
        keeps_currents=decays_learn and not chunks,
        keeps_voltages=keeps and not chunks,
    )


def wanted_of(modes: Modes, needs: Needs, through_source: bool) -> Wanted:
    """Which gradients the kernel of the way back is asked for."""
    return Wanted(
        decays=needs.current_decay or needs.voltage_decay,
        bias=needs.bias,
        delays=needs.delay,
        weights=modes.events and needs.weight,
        feedback=needs.feedback,
        # A `Source` finds its gradients in it.
        arriving=needs.values or needs.real or through_source,
    )


def room_to_keep(layer: Layer, modes: Modes) -> Kept:
    """Room for what the way back needs."""
    (n_samples, n_neurons), interval = layer.size, layer.checkpoint_steps if modes.chunks else 0
    states = (n_samples, layer.n_steps, n_neurons)
    of_currents = states if modes.keeps_currents else (0, 0, 0)
    of_voltages = states if modes.keeps_voltages else (0, 0, 0)
    chunks = -(-layer.n_steps // interval) if modes.chunks else 0
    return Kept(
        currents=np.empty(of_currents, np.int16),
        low_currents=np.empty(of_currents, np.uint8),
        voltages=np.empty(of_voltages, np.int16),
        low_voltages=np.empty(of_voltages, np.uint8),
        borders=np.empty((n_samples, chunks, 2, n_neurons), np.int32),
        interval=interval,
    )


def incoming_of(
    layer: Layer, weight: torch.Tensor | None, feedback: torch.Tensor | None, events: InputEvents | None
) -> Incoming:
    """What arrives, but for real numbers; `events` and `weight` of a `Source` are not for the kernels."""
    by_rows = events is not None and layer.source is None
    return Incoming(
        events=events.record if events is not None and by_rows else _NO_EVENTS,
        weights=_integer_rows(weight, layer.dynamics) if weight is not None and by_rows else absent(np.int8, 2),
        real=absent(np.float32, 3),
        real_first=0,
        feedback=absent(np.int8, 2) if feedback is None else _integer_rows(feedback, layer.dynamics),
    )


def _integer_rows(weight: torch.Tensor, dynamics: Dynamics) -> Array:
    """Quantised weights (neurons, inputs) as integers, (inputs, neurons)."""
    return (weight.detach() * (dynamics.scale / UNIT)).to(torch.int8).t().contiguous().numpy()


def cells_of(layer: Layer, bias: torch.Tensor | None) -> Cells:
    """Constants of the neurons."""
    scale = layer.dynamics.scale
    units = np.zeros(layer.size[1], np.int32) if bias is None else (bias.detach() * scale).to(torch.int32).numpy()
    return Cells(
        scale=np.float32(scale),
        keep_current=layer.keep[0],
        keep_voltage=layer.keep[1],
        threshold=layer.dynamics.threshold_units,
        bias=units,
        noise=absent(np.float32, 3) if layer.noise is None else layer.noise.numpy(),
        shifts=layer.shifts,
        uniform_shift=layer.shift,
    )


def slope_of(layer: Layer, recurrent: bool) -> Slope:
    """How gradients pass the neurons."""
    dynamics = layer.dynamics
    share = 1 / 4096 if layer.through_state or not recurrent else 0.0
    keep_current, keep_voltage = ((kept * share).astype(np.float32) for kept in layer.keep)
    return Slope(
        unit=np.float32(1 / dynamics.scale),
        threshold=dynamics.threshold,
        steepness=np.float32(log2(e) / float(dynamics.tau)) if dynamics.spiking else np.float32(0),
        peak=dynamics.peak,
        keep_current=keep_current,
        keep_voltage=keep_voltage,
    )


def packed(feedback: torch.Tensor | None) -> Array:
    """Recurrent weights in the order in which the way back multiplies with them."""
    if feedback is None:
        return absent(np.float32, 1)
    panels = np.empty(len(feedback) * _padded(len(feedback)), np.float32)
    pack(feedback.detach().numpy(), panels)
    return panels


def _padded(n_neurons: int) -> int:
    """Neurons in whole vectors."""
    return -(-n_neurons // LANES) * LANES


def step_room(n_neurons: int) -> StepRoom:
    """Room for one step of a sample."""
    return StepRoom(*np.empty((len(StepRoom._fields), n_neurons), np.int32))


def back_room(layer: Layer, modes: Modes, wanted: Wanted, kept: Kept, panels: Array, inputs: OrderRoom) -> BackRoom:
    """Room for the way back of as many samples at once as `samples_at_once` says."""
    n_steps, (_, n_neurons), at_once = layer.n_steps, layer.size, samples_at_once(modes)
    of_feedback = n_neurons if wanted.feedback else 0
    return BackRoom(
        step=step_room(n_neurons),
        row=np.empty(n_neurons, np.float32),
        through_current=np.empty((at_once, n_neurons), np.float32),
        through_voltage=np.empty((at_once, n_neurons), np.float32),
        arriving=np.empty((0 if wanted.arriving else at_once, n_steps, n_neurons), np.float32),
        currents=np.empty((at_once, kept.interval if wanted.decays else 0, n_neurons), np.int32),
        voltages=np.empty((at_once, kept.interval, n_neurons), np.int32),
        panels=panels,
        caused=np.empty((TILE_ROWS if modes.recurrent else 0, _padded(n_neurons)), np.float32),
        spiked=np.empty((at_once, n_steps, (of_feedback + 63) // 64), np.uint64),
        inputs=inputs,
        feedback=OrderRoom(np.empty(n_steps * of_feedback, np.int32), np.empty(of_feedback, np.int32)),
    )


def order_room(events: InputEvents | None) -> OrderRoom:
    """Room to order the events of any sample; None: of none."""
    if events is None:
        return OrderRoom(absent(np.int32, 1), absent(np.int32, 1))
    most = int(events.starts[:: events.n_steps].diff().max()) if events.n_steps else 0
    return OrderRoom(np.empty(most, np.int32), np.empty(events.n_channels, np.int32))


def samples_at_once(modes: Modes) -> int:
    """Samples that go back side by side."""
    return TILE_ROWS if modes.recurrent else 1
