"""The kernels of numba on tensors of the CPU, each thread with samples of its own; `gpu/launch.py` has their twins.

Values are (samples, steps, channels), float32; numbers of channels come as numpy arrays.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from lapilli.training.fused.threads import over_samples
from lapilli.training.networks.spikescr.kernels import attention, dropout, lif, rotary, taps

if TYPE_CHECKING:
    from lapilli.training.networks.spikescr.functions.attention import Memory
    from lapilli.training.networks.spikescr.functions.dropout import Dropout
    from lapilli.training.networks.spikescr.functions.firing import Firing

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_NO_GATE = np.zeros((0, 0, 0), np.float32)


def statistics(values: torch.Tensor) -> tuple[Doubles, Doubles]:
    """Sums of the values of each channel, and of their squares."""
    array, width = values.detach().contiguous().numpy(), values.shape[2]

    def work(part: int, first: int, last: int) -> tuple[Doubles, Doubles]:
        totals, squares = np.zeros(width), np.zeros(width)
        lif.statistics(first, last, array, totals, squares)
        return totals, squares

    return _summed(over_samples(len(array), work))


def float_lif(
    values: torch.Tensor, scale: Floats, shift: Floats, gate: torch.Tensor | None, dropped: "Dropout"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Voltages before the reset and what is sent: `kernels.lif.float_lif`."""
    volts, out, opened = torch.empty_like(values), torch.empty_like(values), _opened(gate)
    array = values.detach().numpy()

    def work(part: int, first: int, last: int) -> None:
        room = np.empty(values.shape[2], np.float32)
        arrays = array, scale, shift, opened, gate is not None, *dropped, volts.numpy(), out.numpy(), room
        lif.float_lif(first, last, *arrays)

    over_samples(len(values), work)
    return volts, out


def integer_lif(
    values: torch.Tensor, bias: torch.Tensor, threshold: torch.Tensor, gate: torch.Tensor | None, firing: "Firing"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Voltages in thresholds before the reset and what is sent: `kernels.lif.integer_lif`."""
    volts, out, opened = torch.empty_like(values), torch.empty_like(values), _opened(gate)
    array, unit = values.detach().numpy(), 1 / (64 * threshold)
    cells = bias.numpy(), threshold.numpy(), unit.numpy(), np.int32(firing.exponent), np.int32(firing.at_once)

    def work(part: int, first: int, last: int) -> None:
        room = np.empty(values.shape[2], np.int32)
        dropped = opened, gate is not None, *firing.dropout
        lif.integer_lif(first, last, array, *cells, *dropped, volts.numpy(), out.numpy(), room)

    over_samples(len(values), work)
    return volts, out


def lif_back(gradient: torch.Tensor, volts: torch.Tensor, firing: "Firing") -> torch.Tensor:
    """From the gradient of what is sent to that of what drives the neurons, in thresholds."""
    found = torch.empty_like(volts)
    arrays = gradient.contiguous().numpy(), volts.numpy()

    def work(part: int, first: int, last: int) -> None:
        room = np.empty(volts.shape[2], np.float32)
        numbers = firing.edge, *firing.surrogate.numbers, *firing.dropout
        lif.lif_back(first, last, *arrays, *numbers, found.numpy(), room)

    over_samples(len(volts), work)
    return found


def gate_back(
    values: torch.Tensor, scale: Floats, shift: Floats, gate: torch.Tensor, found: torch.Tensor
) -> torch.Tensor:
    """The gate's gradient; `found` becomes that of the drive `values * scale + shift`."""
    of_gate = torch.empty_like(found)
    arrays = values.numpy(), scale, shift, _opened(gate), found.numpy(), of_gate.numpy()
    over_samples(len(values), lambda part, first, last: lif.gate_back(first, last, *arrays))
    return of_gate


def norm_sums(values: torch.Tensor, mean: Doubles, found: torch.Tensor) -> tuple[Doubles, Doubles]:
    """Sums of the gradient of each channel, and of its products with `values - mean`."""
    array, given, width = values.numpy(), found.numpy(), values.shape[2]

    def work(part: int, first: int, last: int) -> tuple[Doubles, Doubles]:
        totals, products = np.zeros(width), np.zeros(width)
        lif.norm_sums(first, last, array, mean, given, totals, products)
        return totals, products

    return _summed(over_samples(len(array), work))


def norm_back(
    values: torch.Tensor, mean: Floats, scale: Floats, level: Floats, tilt: Floats, found: torch.Tensor
) -> None:
    """Make the gradient of normalised values, `found`, one of the values: `kernels.lif.norm_back`."""
    arrays = values.numpy(), mean, scale, level, tilt, found.numpy()
    over_samples(len(values), lambda part, first, last: lif.norm_back(first, last, *arrays))


def attend(spikes: tuple[torch.Tensor, ...], memory: "Memory", keep: int) -> torch.Tensor:
    """What queries read, in 64ths; `spikes` are of query, key and value, and where to write."""
    arrays, out = [tensor.detach().numpy() for tensor in spikes], torch.empty(spikes[0].shape)

    def work(part: int, first: int, last: int) -> None:
        room = np.empty((memory.head, memory.head), np.int32)
        attention.attend(first, last, *arrays, memory.look_ahead, np.int64(keep), room, out.numpy())

    over_samples(len(out), work)
    return out


def attend_back(
    spikes: tuple[torch.Tensor, ...], memory: "Memory", keep: int, gradient: torch.Tensor
) -> list[torch.Tensor]:
    """Gradients of query, key and value."""
    arrays, given = [tensor.numpy() for tensor in spikes], gradient.numpy()
    found = [torch.empty(gradient.shape) for _ in range(3)]

    def work(part: int, first: int, last: int) -> None:
        square = memory.head, memory.head
        room = np.empty(square, np.int32), np.empty(square, np.float32), np.empty(square, np.float32)
        outs = [tensor.numpy() for tensor in found]
        attention.attend_back(first, last, *arrays, memory.look_ahead, np.int64(keep), given, *room, *outs)

    over_samples(len(given), work)
    return found


def attend_decay(spikes: tuple[torch.Tensor, ...], memory: "Memory", keep: int, gradient: torch.Tensor) -> float:
    """The gradient of the decay; the rounding of the memory has none."""
    arrays, given = [tensor.numpy() for tensor in spikes], gradient.numpy()

    def work(part: int, first: int, last: int) -> float:
        square = memory.head, memory.head
        room = np.empty(square, np.int32), np.empty(square, np.float32)
        return float(attention.attend_decay(first, last, *arrays, memory.look_ahead, np.int64(keep), given, *room))

    return float(sum(over_samples(len(given), work)))


def turn(values: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """Pairs of channels, turned by their step: `kernels.rotary.turn`."""
    array, out = values.contiguous().numpy(), torch.empty(values.shape)
    over_samples(len(values), lambda part, first, last: rotary.turn(first, last, array, table.numpy(), out.numpy()))
    return out


def tap(values: torch.Tensor, weights: torch.Tensor, back: int) -> torch.Tensor:
    """Each channel's taps in time: `kernels.taps.tap`."""
    arrays, out = (values.numpy(), weights.numpy()), torch.empty(values.shape)
    over_samples(len(values), lambda part, first, last: taps.tap(first, last, *arrays, back, out.numpy()))
    return out


def tap_back(gradient: torch.Tensor, weights: torch.Tensor, back: int) -> torch.Tensor:
    """The gradient of the values of `tap`."""
    arrays, out = (gradient.numpy(), weights.numpy()), torch.empty(gradient.shape)
    over_samples(len(gradient), lambda part, first, last: taps.tap_back(first, last, *arrays, back, out.numpy()))
    return out


def tap_weights(gradient: torch.Tensor, values: torch.Tensor, back: int, n_taps: int) -> torch.Tensor:
    """The gradient of the weights of `tap`."""

    def work(part: int, first: int, last: int) -> Floats:
        found = np.zeros((n_taps, values.shape[2]), np.float32)
        taps.tap_weights(first, last, gradient.numpy(), values.numpy(), back, found)
        return found

    return torch.from_numpy(sum(over_samples(len(gradient), work)))


def dropped(values: torch.Tensor, of: "Dropout") -> torch.Tensor:
    """Dropout of numbers: `kernels.dropout.dropped`."""
    rows = values.detach().contiguous().flatten(0, -2)
    out = torch.empty_like(rows)
    dropout.dropped(rows.numpy(), *of, out.numpy())
    return out.reshape(values.shape)


def _opened(gate: torch.Tensor | None) -> Floats:
    return _NO_GATE if gate is None else gate.detach().contiguous().numpy()


def _summed(parts: list[Any]) -> tuple[Doubles, Doubles]:
    first, second = (sum(of_parts) for of_parts in zip(*parts))
    return first, second
