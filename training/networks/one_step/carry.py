"""Potentials that are handed on: the tables of their projections, and what these change by."""

from dataclasses import dataclass
from functools import lru_cache
from math import erf, exp, log2, pi, sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.neurons.window_lif import omega_table as exported_table
from lapilli.training.networks.one_step.config import CARRIED_SHARE, Fusion, OmegaForm
from lapilli.training.networks.one_step.kernels.window_lif import CODE, GROUP, LAYER, NONE, OMEGA, SUM, TABLE

Int32s = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]

KEEP = round(CARRIED_SHARE * 4096)
"""Share of a potential that is carried, in 1/4096."""

_ENTRIES = 256
_CODES: dict[Fusion, int] = {"none": NONE, "group": GROUP, "layer": LAYER, "sum": SUM, "omega": OMEGA}
_TABLE_BITS = {"relu": 6, "tanh": 8, "sigmoid": 8}
"""Of a function, 1.0 is 2^bits in its table."""


class Carry(NamedTuple):
    """With which potentials a window begins, as the kernels take it.

    Arguments:
        code: of the kernels.
        index_shift, table_shift: to a table's index, and from its values; added to the unit.
        sine, table: int32, (256).
        turn, gain: of "omega" in both forms: 1.0 as a share of the period, and the largest slope at 0.
        slope: float32, (256): what `table` changes by, else the kept share; see `scan_back`.
    """

    code: int
    index_shift: int
    table_shift: int
    sine: Int32s
    table: Int32s
    turn: np.float32
    gain: np.float32
    slope: Floats

    @property
    def reads_below(self) -> bool:
        """Whether it needs the potentials of the layer below."""
        return self.code not in (NONE, GROUP)


@lru_cache
def carry_of(fusion: Fusion, theta: float = 0.5, form: OmegaForm = "paper") -> Carry:
    """The carry of a fusion.

    Arguments:
        fusion: its name.
        theta: of "omega", a power of two.
        form: of "omega", a product of two table entries or the authors' code in floating point.
    """
    sine = omega_table()
    table, slope = np.zeros(_ENTRIES, np.int32), np.full(_ENTRIES, KEEP / 4096, np.float32)
    if fusion in _TABLE_BITS:
        table, slope = _function_table(fusion)
    # The period of the sine is 4 / theta, and 8 is 256 steps of 2^(unit - 5).
    shift = -5 - (int(log2(theta / 0.5)) if fusion == "omega" else 0)
    turn, gain = np.float32(theta / 4), np.float32(2 * CARRIED_SHARE * theta * pi / 2)
    code = CODE if fusion == "omega" and form == "code" else _CODES.get(fusion, TABLE)
    return Carry(code, shift, -_TABLE_BITS.get(fusion, 0), sine, table, turn, gain, slope)


def omega_table() -> Int32s:
    """One period of the sine, 256 integers of 8 bits; the cosine is the same table a quarter on."""
    return exported_table(CARRIED_SHARE).astype(np.int32)


def _function_table(fusion: Fusion) -> tuple[Int32s, Floats]:
    """0.4 times a function of -4…4 in steps of 1/32, as integers, and its derivative."""
    sums = (np.arange(_ENTRIES) - 128 + 0.5) / 32
    if fusion == "relu":
        values, slopes = np.maximum(sums, 0), (sums > 0).astype(np.float64)
    elif fusion == "tanh":
        values, slopes = np.tanh(sums), 1 - np.tanh(sums) ** 2
    else:
        values = 1 / (1 + np.exp(-sums))
        slopes = values * (1 - values)
    table = np.rint(CARRIED_SHARE * values * (1 << _TABLE_BITS[fusion])).astype(np.int32)
    # At its ends the sum is held.
    slopes[[0, -1]] = 0
    return table, (CARRIED_SHARE * slopes).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Activation:
    """A function of 8-bit numbers.

    Arguments:
        table: whole numbers, float32, (256), the index counted from -128.
        slope: its derivative, likewise.
    """

    table: Floats
    slope: Floats

    @property
    def integers(self) -> npt.NDArray[np.int64]:
        """The table."""
        return self.table.astype(np.int64)


@lru_cache
def activation(name: str, unit: int) -> Activation:
    """A table of "identity", "relu" or "gelu" from and to numbers of which 2^unit is 1.0."""
    levels = np.arange(-128, 128)
    points = levels / 2.0**unit
    if name == "identity":
        values, slopes = points, np.ones(_ENTRIES)
    elif name == "relu":
        values, slopes = np.maximum(points, 0), (points > 0).astype(np.float64)
    else:
        below = np.array([(1 + erf(point / sqrt(2))) / 2 for point in points])
        density = np.array([exp(-point * point / 2) / sqrt(2 * pi) for point in points])
        values, slopes = points * below, below + points * density
    # What is held to the ends does not change.
    slopes[[0, -1]] = 0
    table = np.clip(np.floor(values * 2.0**unit + 0.5), -128, 127).astype(np.float32)
    return Activation(table, slopes.astype(np.float32))
