"""Neuron models: integer parameters of Lava's fixed-point CPU models. One dataclass per model."""

import hashlib
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from netx_exports.arrays import Checked, IntArray, frozen_integers, update_digest

DECAY_UNITY = 1 << 12
"""A decay of 4096 forgets everything in one step; 0 forgets nothing."""

STATE_LIMIT = 1 << 23
"""Current wraps around ±2^23, voltage saturates at ±(2^23 - 1)."""

NEVER_SPIKES = (1 << 18) - 1
"""`vth_mant` of SLAYER's Affine readout: the threshold, 2^24 - 64, is above every voltage."""


@dataclass(frozen=True, eq=False)
class CubaLif(Checked):
    """Current-based leaky integrate-and-fire neurons, as `lava.proc.lif` computes them in fixed point.

    A parameter is one integer for the whole layer, for each channel (first axis of the layer's shape) or each neuron.

    Arguments:
        vth_mant: threshold mantissa; a neuron spikes when its voltage exceeds `vth_mant << 6`.
        current_decay: `iDecay` of NetX in 1/4096 per step, 0…4096 (Lava's `du` is one less).
        voltage_decay: `vDecay` of NetX in 1/4096 per step, 0…4096.
        bias_mant: bias mantissa; `bias_mant << bias_exp` is added to the voltage in every step.
        bias_exp: bias exponent, 0…7; NetX means 6.

    Raises:
        ProblemsError: never directly; `Network` collects `problems(shape)` of all parts.
    """

    vth_mant: npt.ArrayLike
    current_decay: npt.ArrayLike
    voltage_decay: npt.ArrayLike
    bias_mant: npt.ArrayLike = 0
    bias_exp: int = 6

    model: ClassVar[str] = "CUBA"

    def __post_init__(self) -> None:
        found: list[str] = []
        ranges = {
            "vth_mant": (0, (1 << 24) - 1),
            "current_decay": (0, DECAY_UNITY),
            "voltage_decay": (0, DECAY_UNITY),
            # Lava keeps the mantissa in an int16 and would wrap anything larger.
            "bias_mant": (-(1 << 15), (1 << 15) - 1),
            "bias_exp": (0, 7),
        }
        for name, (low, high) in ranges.items():
            values = frozen_integers(
                getattr(self, name), low=low, high=high, dtype=np.int32, where=name, problems=found
            )
            object.__setattr__(self, name, int(values) if name == "bias_exp" and not values.ndim else values)
        object.__setattr__(self, "_found", tuple(found))

    def problems(self, shape: tuple[int, ...]) -> list[str]:
        """Everything that is wrong with these parameters for a layer of this shape."""
        found: list[str] = list(self._found)
        if not isinstance(self.bias_exp, int):
            found.append("bias_exp: must be one integer")
        for name in ("vth_mant", "current_decay", "voltage_decay", "bias_mant"):
            parameter_shape = np.shape(getattr(self, name))
            if parameter_shape not in {(), (1,), shape[:1], shape}:
                found.append(f"{name}: shape must be (), {shape[:1]} or {shape}, got {parameter_shape}")
        return found

    def per_neuron(self, name: str, shape: tuple[int, ...]) -> IntArray:
        """Parameter `name` for each neuron of a layer of shape `shape`, flat in C order, int32."""
        return spread(getattr(self, name), shape)

    def bias(self, shape: tuple[int, ...]) -> IntArray:
        """What is added to the voltage in each step, for each neuron, flat in C order, int32."""
        return np.left_shift(self.per_neuron("bias_mant", shape), np.int32(self.bias_exp))

    @property
    def has_bias(self) -> bool:
        """Whether any neuron has a bias."""
        return bool(np.any(self.bias_mant))

    @property
    def never_spikes(self) -> bool:
        """Whether the threshold of every neuron is out of the voltage's reach (a readout)."""
        return bool(np.all((np.asarray(self.vth_mant, np.int64) << 6) >= STATE_LIMIT - 1))

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs to `digest`."""
        bias_exp = self.bias_exp if self.has_bias else None
        parameters = (self.vth_mant, self.current_decay, self.voltage_decay, self.bias_mant)
        update_digest(digest, self.model, *map(_uniform, parameters), bias_exp)


Neuron = CubaLif
"""Any neuron model; a new one joins here as `CubaLif | Other`."""


def _uniform(parameter: npt.ArrayLike) -> npt.NDArray[Any]:
    """One number where all are the same: a parameter runs the same in whatever shape it came."""
    values = np.asarray(parameter)
    return values.reshape(-1)[:1].reshape(()) if values.size and np.all(values == values.flat[0]) else values


def spread(parameter: npt.ArrayLike, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """One value per neuron, flat in C order, from a value per layer, per channel or per neuron."""
    values = np.asarray(parameter)
    if values.shape in {(), (1,)}:
        return np.full(prod(shape), values.reshape(()), values.dtype)
    if values.shape == shape:
        return np.array(values.reshape(-1))
    return np.repeat(values, prod(shape[1:]))
