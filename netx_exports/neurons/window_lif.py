"""Neurons that see the windows of a map one after the other, and carry their potential on from window to window."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import frozen_integers, update_digest
from lapilli.netx_exports.neurons.cuba_lif import BIAS_RANGES
from lapilli.netx_exports.neurons.neuron import DECAY_UNITY, Neuron, out_of_reach, uniform

CARRIES = ("none", "group", "layer", "sum", "table", "omega")
"""What the potential of a window may start from."""

ENTRIES = 256
"""Entries of a table."""

QUARTER = ENTRIES // 4
"""Entries from a sine to the cosine of the same angle."""

PRODUCT_BITS = 14
"""Bits behind the point of a product of two entries of `sine`."""

MAX_WINDOWS = 64


def omega_table(decay: float = 0.4) -> npt.NDArray[np.int64]:
    """A period of the sine whose product with its cosine is `decay` times 2 sin cos, in units of 2^-14: (256,).

    Entry k is that of the angle 2 pi (k + 1/2) / 256; the amplitude is sqrt(2 decay 2^14), 114.49 for 0.4.

    Arguments:
        decay: what the potential is multiplied by, 0…0.49, so that entries fit 8 bits.
    """
    angles = 2 * np.pi * (np.arange(ENTRIES) + 0.5) / ENTRIES
    return np.round(np.sqrt(2 * decay * (1 << PRODUCT_BITS)) * np.sin(angles)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class WindowLif(Neuron):
    """Leaky integrate-and-fire neurons of one window of a map, which sees all windows of the map, one in each step.

    One time step of the network is one image; a neuron takes a step for each window. Potentials are integers with 1.0
    = 2^unit. In a step that acts, with x = what arrives at "input", a = the potential of the step before, b = what
    arrives at "potentials" and C = what arrives at "cosines":

        start = 0                                      where window is 0, and always with carry "none"
              = (a keep) >> 12                         with carry "group"
              = (b keep) >> 12                         with carry "layer"
              = ((a + b) keep) >> 12                   with carry "sum"
              = table[i + 128] << table_shift          with carry "table", i = (a + b) >> index_shift, held to -128…127
              = (S(a) C) << (unit - 14)                with carry "omega"; where unit is below 14, >> (14 - unit)
        potential = start + ((x + bias_mant) << 6), held within ±(2^23 - 1)
        the neuron spikes where potential > vth_mant << 6; nothing is taken off it
        cosine = C(potential)
        window = (window + 1) mod windows

    S(m) = sine[(m >> index_shift) mod 256] and C(m) = sine[((m >> index_shift) + 64) mod 256]. All shifts round down.
    With the default table and index_shift = unit - 5, "omega" is 0.4 Omega = 0.8 sin(pi/4 a) cos(pi/4 b), theta = 0.5;
    one bit more or less of index_shift is theta = 1/4 or 1. Potential and cosine go to other neurons by
    `HandOverSynapse`: "potentials" and "cosines". Source: arXiv 2401.10843, equations 4, 5 and 9; that a spike takes
    nothing off the potential is so in the authors' code and text.

    A parameter is one integer for the whole layer, for each channel or each neuron, where it is not said otherwise.

    Arguments:
        vth_mant: threshold mantissa; 0.5 is 2^(unit - 7).
        unit: bits behind the point of a potential, 12…17, one for the layer.
        carry: one of `CARRIES`.
        windows: of a map, 1…64, one for the layer.
        keep: share of the potential that is carried on, in 1/4096, 0…4096, one for the layer; 1638 is 0.4.
        bias_mant: added to the sum of each window, as in `CubaLif` with a bias_exp of 6.
        sine: (256,), -128…127; None: `omega_table()`.
        table: (256,), -128…127; carry "table" needs it, the others none.
        index_shift: 0…22, one for the layer; None: unit - 5.
        table_shift: 0…15, one for the layer; None: unit - 6.
    """

    vth_mant: npt.ArrayLike
    unit: int
    carry: str = "none"
    windows: int = 4
    keep: int = 1638
    bias_mant: npt.ArrayLike = 0
    sine: npt.ArrayLike | None = None
    table: npt.ArrayLike | None = None
    index_shift: int | None = None
    table_shift: int | None = None

    model: ClassVar[str] = "WINDOW"
    states = ("potential", "cosine", "window")
    ports = ("input", "potentials", "cosines")
    handed: ClassVar[Mapping[str, tuple[str, ...]]] = {"potentials": ("potential",), "cosines": ("cosine",)}
    taking = frozenset({"potentials", "cosines"})
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = {
        "vth_mant": (0, (1 << 24) - 1),
        "unit": (12, 17),
        "windows": (1, MAX_WINDOWS),
        "keep": (0, DECAY_UNITY),
        "bias_mant": BIAS_RANGES["bias_mant"],
        "sine": (-128, 127),
        "index_shift": (0, 22),
        "table_shift": (0, 15),
    }
    single = frozenset({"unit", "windows", "keep", "index_shift", "table_shift"})
    words = frozenset({"carry"})
    counters: ClassVar[Mapping[str, str]] = {
        "table_products": "a product of two entries of a table, 8 by 8 bits, from which a window's potential starts",
    }
    fires_by = "potential"
    lava_clock = True
    # The cosine is a message, counted where it is handed over; the number of the window is one for the layer.
    updated_states = 1
    kept_states = 2

    def __post_init__(self) -> None:
        # What is no integer is reported below, whatever these are then.
        unit = int(self.unit) if np.ndim(self.unit) == 0 and np.asarray(self.unit).dtype.kind in "iu" else 12
        for name, default in {"sine": omega_table(), "index_shift": unit - 5, "table_shift": unit - 6}.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, default)
        super().__post_init__()
        found = list(self._found)
        if self.table is not None:
            values = frozen_integers(self.table, low=-128, high=127, dtype=np.int32, where="table", problems=found)
            object.__setattr__(self, "table", values)
        object.__setattr__(self, "_found", tuple(found))

    @property
    def arithmetic(self) -> tuple[int, int]:  # type: ignore[override]
        """Multiplications and additions of one neuron in one step, without bias and table products."""
        carried = {"none": (0, 0), "group": (1, 1), "layer": (1, 1), "sum": (1, 2), "table": (0, 2), "omega": (0, 1)}
        multiplications, additions = carried[self.carry]
        return multiplications, additions + 1  # the comparison with the threshold

    @property
    def never_spikes(self) -> bool:
        """Whether the threshold of every neuron is out of the potential's reach."""
        return out_of_reach(self.vth_mant)

    def problems(self, shape: tuple[int, ...]) -> list[str]:
        """Everything that is wrong with these parameters for a layer of this shape."""
        found: list[str] = list(self._found)
        for name in ("sine", "table"):
            if getattr(self, name) is not None and np.shape(getattr(self, name)) != (ENTRIES,):
                found.append(f"{name}: must have {ENTRIES} entries, got shape {np.shape(getattr(self, name))}")
        for name in sorted(self.single):
            if np.shape(getattr(self, name)):
                found.append(f"{name}: must be one integer")
        for name in ("vth_mant", "bias_mant"):
            if np.shape(getattr(self, name)) not in {(), (1,), shape[:1], shape}:
                parameter_shape = np.shape(getattr(self, name))
                found.append(f"{name}: shape must be (), {shape[:1]} or {shape}, got {parameter_shape}")
        if self.carry not in CARRIES:
            found.append(f"carry: must be one of {', '.join(CARRIES)}, got {self.carry!r:.80}")
        elif (self.carry == "table") != (self.table is not None):
            found.append(f"table: is needed for the carry 'table' and for no other, got carry {self.carry!r}")
        return found

    def bias(self, shape: tuple[int, ...]) -> npt.NDArray[np.int32]:
        """What is added to the potential in each step, for each neuron, flat in C order, int32."""
        return np.left_shift(self.per_neuron("bias_mant", shape), np.int32(6))

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs to `digest`."""
        super().update_digest(digest)
        update_digest(digest, self.carry, None if self.table is None else uniform(self.table))
