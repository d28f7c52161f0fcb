"""A spiking LSTM layer over all elements and copies: integers forward, surrogate gradients back."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from lapilli.training.loop.denormals import flushing
from lapilli.training.networks.lstm.integers import (
    CURRENT_UNIT,
    DECAY_UNITY,
    MEMBRANE_BITS,
    Cell,
    CellIntegers,
    Weights,
    bias_integers,
    cell_integers,
)
from lapilli.training.networks.lstm.kernels.spiking import forward
from lapilli.training.networks.lstm.kernels.spiking_back import backward

_CELL_UNIT = np.float32(1 / CURRENT_UNIT)
_VOLT_UNIT = np.float32(1 / (CURRENT_UNIT << MEMBRANE_BITS))


class Trace(NamedTuple):
    """What a layer did, integers in float32, (elements, copies, samples, …).

    Arguments:
        h: what was sent, (…, units).
        cell: states, (…, units).
        volts: membranes of i, f, o before their resets and the current of g, in the order of the gates, (…, 4 units).
        tanh: the membrane of tanh before its reset, (…, units).
    """

    h: torch.Tensor
    cell: torch.Tensor
    volts: torch.Tensor
    tanh: torch.Tensor


class Given(NamedTuple):
    """What a layer reads, and its numbers.

    Arguments:
        x: input sums before the shift, (elements, 1 or copies, samples, 4 units).
        exponent: of the shift.
        recurrent: weights (4 units, units) with their exponent.
        cell: the rest.
        copies: SNN steps.
    """

    x: torch.Tensor
    exponent: int
    recurrent: Weights
    cell: Cell
    copies: int


def spiking_layer(given: Given, peak: float) -> torch.Tensor:
    """What a layer sends, -1, 0 or 1, (elements, copies, samples, units), with surrogate gradients.

    Arguments:
        given: what it reads, and its numbers.
        peak: of the surrogate.
    """
    number = given.exponent, given.recurrent.exponent, given.copies, peak
    found: torch.Tensor = _Layer.apply(given.x, given.recurrent.values, *given.cell, number)  # type: ignore[no-untyped-call]
    return found


@torch.no_grad()
def traced(given: Given) -> Trace:
    """All that the layer does, without gradients."""
    n_elements, _, n_samples, width = given.x.shape
    units, copies = width // 4, given.copies
    shape = (n_elements, copies, n_samples)
    trace = Trace(*(torch.empty(*shape, size) for size in (units, units, width, units)))
    h = torch.zeros(copies * n_samples, units)
    before = torch.zeros(copies, n_samples, units)
    around = torch.empty(copies * n_samples, width)
    weight = given.recurrent.values.t().contiguous()
    factors = np.float32(2.0**given.exponent), np.float32(2.0**given.recurrent.exponent)
    numbers = _for_forward(cell_integers(given.cell))
    bias = bias_integers(given.cell).numpy()
    room = tuple(np.empty(size, np.int32) for size in ((4, units), (3, units), (units,)))
    x = given.x.contiguous().numpy()
    arrays = [part.numpy() for part in trace]
    by_sample = around.reshape(copies, n_samples, width).numpy()
    for element in range(n_elements):
        torch.mm(h, weight, out=around)
        out_h, cell, volts, tanh = (array[element] for array in arrays)
        sums = x[element], factors[0], by_sample, factors[1]
        forward(*sums, bias, numbers, before.numpy(), volts, cell, tanh, out_h, *room)
        h, before = trace.h[element].flatten(0, 1), trace.cell[element]
    return trace


def _for_forward(numbers: CellIntegers) -> tuple[npt.NDArray[np.int32], ...]:
    keeps = [DECAY_UNITY - decay for decay in numbers.decays]
    return tuple(np.array(row, np.int32) for row in (numbers.thresholds, keeps, numbers.starts, [numbers.clamp]))


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        recurrent: torch.Tensor,
        bias: torch.Tensor,
        thresholds: torch.Tensor,
        kept: torch.Tensor,
        starts: torch.Tensor,
        clamp: torch.Tensor,
        number: tuple[int, int, int, float],
    ) -> torch.Tensor:
        exponent, recurrent_exponent, copies, _ = number
        cell = Cell(bias, thresholds, kept, starts, clamp)
        trace = traced(Given(x.detach(), exponent, Weights(recurrent.detach(), recurrent_exponent), cell, copies))
        ctx.save_for_backward(recurrent, thresholds, kept, clamp, *trace)
        ctx.number = number
        ctx.shared = x.shape[1] != copies
        return trace.h

    @staticmethod
    @torch.autograd.function.once_differentiable
    @flushing
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        recurrent, thresholds, kept, clamp, *trace = ctx.saved_tensors
        exponent, recurrent_exponent, _, peak = ctx.number
        factor = 2.0**recurrent_exponent / CURRENT_UNIT
        cells = tuple(part.numpy() for part in (thresholds, kept, clamp))
        dz, found = _elements_back(gradient.contiguous(), recurrent * factor, cells, np.float32(peak), Trace(*trace))
        of_x = dz.sum(1, keepdim=True) if ctx.shared else dz.clone()
        of_x *= 2.0**exponent / CURRENT_UNIT
        of_bias = dz.sum((0, 1, 2))
        sent = trace[0][:-1].flatten(0, 2)
        of_recurrent = torch.mm(dz[1:].flatten(0, 2).t(), sent) * factor
        rows = torch.from_numpy(found.sum(1).astype(np.float32))
        return of_x, of_recurrent, of_bias, rows[0:4], rows[4:8], rows[8:11], rows[11:12], None


def _elements_back(
    gradient: torch.Tensor, weight: torch.Tensor, cells: tuple[Any, ...], peak: np.float32, trace: Trace
) -> tuple[torch.Tensor, npt.NDArray[np.float64]]:
    """From the last element to the first: gradients of currents in real numbers, and of the parameters, (12, units).

    Arguments:
        gradient: of what was sent.
        weight: recurrent, from spikes to real currents, (4 units, units).
        cells: as of the kernel.
        peak: of the surrogate.
        trace: of the way forward.
    """
    n_elements, copies, n_samples, units = gradient.shape
    dz = torch.empty_like(trace.volts)
    of_cells = np.zeros((copies, n_samples, units), np.float32)
    nothing = np.zeros((copies, n_samples, units), np.float32)
    part, found = np.zeros((12, units), np.float32), np.zeros((12, units))
    room = np.empty((17, units), np.float32)
    dh = torch.empty(copies * n_samples, units)
    cell, volts, tanh = (array.numpy() for array in (trace.cell, trace.volts, trace.tanh))
    for element in range(n_elements - 1, -1, -1):
        of_h = gradient[element].flatten(0, 1)
        if element < n_elements - 1:
            of_h = torch.addmm(of_h, dz[element + 1].flatten(0, 1), weight, out=dh)
        before = cell[element - 1] if element else nothing
        part[:] = 0
        shaped = of_h.reshape(copies, n_samples, units).numpy()
        states = before, volts[element], _CELL_UNIT, _VOLT_UNIT, tanh[element]
        backward(shaped, of_cells, cells, peak, *states, dz[element].numpy(), part, room)
        found += part
    return dz, found
