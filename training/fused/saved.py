"""What autograd holds of a layer between the way forward and the way back."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from lapilli.training.fused.events import KeptEvents
from lapilli.training.fused.forward import Passed
from lapilli.training.fused.kernels.records import Kept, Modes
from lapilli.training.fused.layer import Layer
from lapilli.training.fused.tensors import Tensors


class Parameters(NamedTuple):
    """Of the tensors that a layer reads, those whose values the way back needs; see `PerTensor`."""

    weight: torch.Tensor | None
    feedback: torch.Tensor | None
    current_decay: torch.Tensor
    voltage_decay: torch.Tensor
    bias: torch.Tensor | None


class _States(NamedTuple):
    """The arrays of `Kept` as tensors."""

    currents: torch.Tensor
    low_currents: torch.Tensor
    voltages: torch.Tensor
    low_voltages: torch.Tensor
    borders: torch.Tensor


@dataclass(frozen=True)
class Saved:
    """What the way back starts from.

    Arguments:
        layer, modes, kept: as on the way forward.
        parameters: values of tensors that the layer read.
        events: of the input; None: none.
    """

    layer: Layer
    modes: Modes
    kept: Kept
    parameters: Parameters
    events: KeptEvents | None


def save(ctx: Any, layer: Layer, passed: Passed, tensors: Tensors) -> None:
    """Give autograd all that `saved` needs; the tensors are freed as soon as the gradients are there."""
    events = None if passed.events is None else KeptEvents.of(passed.events)
    ctx.layer, ctx.modes, ctx.interval = layer, passed.modes, passed.kept.interval
    ctx.events_shape = None if events is None else events.shape
    states = _States(*(torch.from_numpy(getattr(passed.kept, name)) for name in _States._fields))
    parameters = Parameters(*(getattr(tensors, name) for name in Parameters._fields))
    ctx.save_for_backward(*states, *parameters, *(() if events is None else events.tensors))


def saved(ctx: Any) -> Saved:
    """What was saved."""
    tensors = iter(ctx.saved_tensors)
    states = _States(*(next(tensors) for _ in _States._fields))
    parameters = Parameters(*(next(tensors) for _ in Parameters._fields))
    kept = {name: state.numpy() for name, state in states._asdict().items()}
    return Saved(
        layer=ctx.layer,
        modes=ctx.modes,
        kept=Kept(**kept, interval=ctx.interval),
        parameters=parameters,
        events=None if ctx.events_shape is None else KeptEvents(ctx.events_shape, tuple(tensors)),
    )
