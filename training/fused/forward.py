"""A layer's way forward: all samples, on as many threads as there are."""

from dataclasses import dataclass

import torch

from lapilli.training.fused.events import InputEvents
from lapilli.training.fused.kernel_records import cells_of, incoming_of, modes_of, room_to_keep, step_room
from lapilli.training.fused.kernels.forward import forward
from lapilli.training.fused.kernels.limits import MAGNITUDE_BITS, OUTSIDE
from lapilli.training.fused.kernels.records import Kept, Modes
from lapilli.training.fused.layer import Layer
from lapilli.training.fused.source import SourceSums
from lapilli.training.fused.tensors import Tensors
from lapilli.training.fused.threads import over_samples


@dataclass(frozen=True)
class Passed:
    """What the way forward leaves for the way back."""

    modes: Modes
    kept: Kept
    events: InputEvents | None


def pass_forward(layer: Layer, tensors: Tensors, events: InputEvents | None) -> tuple[torch.Tensor, Passed] | None:
    """Output (samples, steps, neurons); None where states leave the limit."""
    n_samples, n_neurons = layer.size
    modes = modes_of(layer, tensors, events)
    new = torch.zeros if modes.own_delays else torch.empty
    out = new(n_samples, layer.n_steps, n_neurons)
    kept, cells = room_to_keep(layer, modes), cells_of(layer, tensors.bias)
    incoming = incoming_of(layer, tensors.weight, tensors.feedback, events)
    if tensors.real is not None:
        incoming = incoming._replace(real=tensors.real.detach().transpose(1, 2).contiguous().numpy())
    sums = SourceSums.of(layer.source, layer.form, tensors.weight, events)

    def work(part: int, first: int, last: int) -> int:
        room = step_room(n_neurons)
        parts = [(incoming, first, last)] if sums is None else sums.one_by_one(incoming, first, last)
        seen = [
            forward(begin, end, modes, arriving, cells, *layer.state, kept, out.numpy(), room)
            for arriving, begin, end in parts
        ]
        return OUTSIDE if min(seen) < 0 else max(seen)

    seen = over_samples(n_samples, work)
    exact = all(0 <= bits < 1 << MAGNITUDE_BITS for bits in seen)
    return (out, Passed(modes, kept, events)) if exact else None
