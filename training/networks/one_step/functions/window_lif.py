"""Window neurons: spikes and potentials of all windows of a map."""

from typing import Any

import numpy as np
import torch

from lapilli.training.fused.threads import over_samples
from lapilli.training.networks.one_step.carry import KEEP, Carry
from lapilli.training.networks.one_step.kernels.window_lif import scan, scan_back

_PLACES = 16


def window_lif(
    current: torch.Tensor, below: torch.Tensor | None, carry: Carry, unit: int, width: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Spikes and potentials of neurons that see the windows one after the other, each (windows, …).

    Arguments:
        current: what arrives, (windows, …), real; rounded to 2^(6 - unit).
        below: potentials of the layer below, as `current`, where the carry reads them.
        carry: with which potentials a window begins.
        unit: 1.0 is 2^unit, 12…17.
        width: of the surrogate.
    """
    return _WindowLif.apply(current, below, carry, unit, width)  # type: ignore[no-untyped-call]


class _WindowLif(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, current: torch.Tensor, below: torch.Tensor | None, carry: Carry, unit: int, width: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        current = current.contiguous()
        under = current if below is None or not carry.reads_below else below.contiguous()
        spikes, potential = torch.empty_like(current), torch.empty_like(current)
        drive, lower, m, s = (_flat(found) for found in (current, under, potential, spikes))
        numbers = carry.code, unit, KEEP, unit + carry.index_shift, max(unit + carry.table_shift, 0)

        room = np.empty(drive.shape[1], np.int32)

        def work(part: int, first: int, last: int) -> None:
            scan(first, last, drive, lower, *numbers, carry.turn, carry.gain, carry.sine, carry.table, m, s, room)

        over_samples(drive.shape[1], work, _PLACES)
        ctx.save_for_backward(potential, below)
        ctx.carry, ctx.unit, ctx.width = carry, unit, width
        return spikes, potential

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, of_spikes: torch.Tensor, of_potential: torch.Tensor) -> tuple[Any, ...]:
        potential, below = ctx.saved_tensors
        carry: Carry = ctx.carry
        under = below.contiguous() if carry.reads_below else potential
        found = torch.empty_like(potential)
        of_below = torch.empty_like(potential) if carry.reads_below else found
        arrays = of_spikes.contiguous(), of_potential.contiguous(), potential, under
        given = [_flat(array) for array in arrays]
        gone = _flat(found), _flat(of_below)
        numbers = carry.code, ctx.unit, np.float32(ctx.width), ctx.unit + carry.index_shift

        def work(part: int, first: int, last: int) -> None:
            scan_back(first, last, *given, *numbers, carry.turn, carry.gain, carry.slope, *gone)

        over_samples(given[0].shape[1], work, _PLACES)
        return found, of_below if carry.reads_below else None, None, None, None


def _flat(values: torch.Tensor) -> Any:
    """(windows, places) in the same memory."""
    return values.detach().reshape(len(values), -1).numpy()
