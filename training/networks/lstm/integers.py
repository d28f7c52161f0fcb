"""The integers of an exported layer, from real parameters; gradients pass through rounding as if it were not there.

A current of 1 is 256, membranes carry 6 bits more, decays are in 1/4096, weights are even and of 8 bits.
"""

from typing import NamedTuple

import torch

from lapilli.netx_exports.errors import LapilliError

CURRENT_UNIT = 256
MEMBRANE_BITS = 6
DECAY_UNITY = 4096
GATES = ("i", "f", "g", "o")
"""Order in which weights, biases and currents have them."""

MEMBRANES = ("i", "f", "o", "t")
"""Order in which thresholds and leaks have them: three gates and tanh of the cell."""

LARGEST_WEIGHT = 254
LARGEST_CURRENT = (1 << 17) - 1
EXACT = 1 << 24
"""Below this, whole numbers are exact in single precision, in sums of any order too."""

_EXPONENTS = (-16, 5)
_SMALLEST_THRESHOLD = 16
_READOUT_UNITS = tuple(1 << bits for bits in range(10, -1, -1))
_LARGEST_BIAS = (1 << 15) - 1


class Weights(NamedTuple):
    """Weights as a synapse holds them.

    Arguments:
        values: (targets, sources), even, in float32.
        exponent: a sum of weights is multiplied by 2^exponent, rounding down, and is a current then.
    """

    values: torch.Tensor
    exponent: int


class Cell(NamedTuple):
    """What is no weight in a layer, in real numbers that the integers are exact multiples of.

    Arguments:
        bias: (4H), in the order of `GATES`.
        thresholds: (4), in the order of `MEMBRANES`.
        kept: what a membrane keeps from SNN step to SNN step, (4).
        starts: of the three gates' membranes, (3).
        clamp: of the cell gate, (1).
    """

    bias: torch.Tensor
    thresholds: torch.Tensor
    kept: torch.Tensor
    starts: torch.Tensor
    clamp: torch.Tensor


class CellIntegers(NamedTuple):
    """The numbers of a layer as kernels and files have them.

    Arguments:
        thresholds, decays: four, in the order of `MEMBRANES`.
        starts: of the three gates.
        clamp: of the cell gate.
    """

    thresholds: tuple[int, int, int, int]
    decays: tuple[int, int, int, int]
    starts: tuple[int, int, int]
    clamp: int


def whole(values: torch.Tensor, low: float, high: float, step: int = 1) -> torch.Tensor:
    """Multiples of `step` within limits; the gradient is that of `values`."""
    rounded = (torch.round(values.detach() / step) * step).clamp(low, high)
    return values + (rounded - values.detach()) if values.requires_grad else rounded


def weights(real: torch.Tensor, unit: int) -> Weights:
    """Integer weights with the smallest exponent with which none leaves 8 bits.

    Arguments:
        real: (targets, sources), for inputs of which `unit` stands for 1.
        unit: at least 1.
    """
    scale = CURRENT_UNIT / unit
    reach = float(real.detach().abs().max()) * scale
    low, high = _EXPONENTS
    exponent = next((e for e in range(low, high) if reach <= LARGEST_WEIGHT * 2.0**e), high)
    values = whole(real * (scale / 2.0**exponent), -LARGEST_WEIGHT, LARGEST_WEIGHT, 2)
    return Weights(values, exponent)


def readout(weight: torch.Tensor, bias: torch.Tensor, copies: int) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Integer weights and bias of a readout that adds up the spikes of all copies, and what is 1 of a mean in it.

    Arguments:
        weight: (classes, units); bias: (classes); both for the mean over the copies.
        copies: of the layer that is read.
    """
    reach, loud = float(weight.detach().abs().max()), float(bias.detach().abs().max())
    units = (u for u in _READOUT_UNITS if reach * u <= LARGEST_WEIGHT and loud * u * copies <= _LARGEST_BIAS)
    unit = next(units, _READOUT_UNITS[-1])
    values = whole(weight * unit, -LARGEST_WEIGHT, LARGEST_WEIGHT, 2)
    return values, whole(bias * (unit * copies), -_LARGEST_BIAS, _LARGEST_BIAS), unit * copies


def cell(
    bias: torch.Tensor, thresholds: torch.Tensor, kept: torch.Tensor, starts: torch.Tensor, clamp: torch.Tensor
) -> Cell:
    """What is no weight in a layer, rounded to what its integers stand for; arguments as of `Cell`."""
    top = LARGEST_CURRENT
    return Cell(
        whole(bias * CURRENT_UNIT, -top, top) / CURRENT_UNIT,
        whole(thresholds * CURRENT_UNIT, _SMALLEST_THRESHOLD, top) / CURRENT_UNIT,
        whole(kept * DECAY_UNITY, 0, DECAY_UNITY) / DECAY_UNITY,
        whole(starts * CURRENT_UNIT, -top, top) / CURRENT_UNIT,
        whole(clamp * CURRENT_UNIT, 1, top) / CURRENT_UNIT,
    )


def cell_integers(found: Cell) -> CellIntegers:
    """The integers of what `cell` gave, but for the bias."""
    i, f, o, t = _integers(found.thresholds, CURRENT_UNIT)
    keeps = tuple(DECAY_UNITY - kept for kept in _integers(found.kept, DECAY_UNITY))
    start_i, start_f, start_o = _integers(found.starts, CURRENT_UNIT)
    (clamp,) = _integers(found.clamp, CURRENT_UNIT)
    return CellIntegers((i, f, o, t), keeps, (start_i, start_f, start_o), clamp)  # type: ignore[arg-type]


def bias_integers(found: Cell) -> torch.Tensor:
    """Biases as integers, int32, (4H)."""
    return torch.round(found.bias.detach() * CURRENT_UNIT).to(torch.int32)


def check_exact(n_sources: int, largest: int) -> None:
    """Refuse inputs whose sums could leave what single precision holds exactly.

    Arguments:
        n_sources: that a neuron adds up.
        largest: magnitude of what one sends.

    Raises:
        LapilliError: naming both.
    """
    if n_sources * largest * LARGEST_WEIGHT >= EXACT:
        most = (EXACT - 1) // (largest * LARGEST_WEIGHT)
        raise LapilliError(
            f"network: sums over {n_sources} inputs of up to {largest} would not be exact in single precision; "
            f"at most {most} inputs of that size, or fewer levels (data.framing.levels)"
        )


def _integers(values: torch.Tensor, unit: int) -> tuple[int, ...]:
    return tuple(round(value * unit) for value in values.detach().double().tolist())
