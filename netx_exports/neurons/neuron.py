"""What every neuron model is made of: integer parameters of a layer, its states, and what it takes and sends."""

import hashlib
from collections.abc import Mapping
from math import prod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import Checked, frozen_integers, update_digest

DECAY_UNITY = 1 << 12
"""A decay of 4096 forgets everything in one step; 0 forgets nothing."""

STATE_LIMIT = 1 << 23
"""Current wraps around ±2^23, voltage saturates at ±(2^23 - 1)."""


LARGEST_THRESHOLD = (STATE_LIMIT - 2) >> 6
"""Largest threshold mantissa, `vth_mant` of `vth_mant << 6`, that a voltage can reach and exceed."""


def out_of_reach(vth_mant: npt.ArrayLike) -> bool:
    """Whether neurons with these threshold mantissas never spike (a readout), because their voltage saturates below."""
    return bool(np.all(np.asarray(vth_mant, np.int64) > LARGEST_THRESHOLD))


class NeuronModel(Checked):
    """Base of the neuron models, each a frozen dataclass of integers.

    A parameter is one integer for the whole layer, for each channel (first axis of the layer's shape) or each neuron;
    those named in `single` are one integer for the layer.
    """

    model: ClassVar[str]
    """Name of the model, as NetX files spell it where they know it."""

    states: ClassVar[tuple[str, ...]]
    """Names of the states that a recording can hold."""

    ranges: ClassVar[Mapping[str, tuple[int, int]]] = {}
    """Smallest and largest value of each integer parameter."""

    single: ClassVar[frozenset[str]] = frozenset()
    """Parameters that all neurons of a layer share."""

    parts: ClassVar[tuple[str, ...]] = ("real",)
    """Inputs of a neuron: synapses add up for each of them apart."""

    graded: ClassVar[bool] = False
    """Whether what the neurons send carries a value."""

    bias_mant: npt.ArrayLike = 0

    def __post_init__(self) -> None:
        found: list[str] = []
        for name, (low, high) in self.ranges.items():
            values = frozen_integers(
                getattr(self, name), low=low, high=high, dtype=np.int32, where=name, problems=found
            )
            object.__setattr__(self, name, int(values) if name in self.single and not values.ndim else values)
        object.__setattr__(self, "_found", tuple(found))

    def problems(self, shape: tuple[int, ...]) -> list[str]:
        """Everything that is wrong with these parameters for a layer of this shape."""
        found: list[str] = list(self._found)
        for name in self.ranges:
            parameter_shape = np.shape(getattr(self, name))
            if name in self.single:
                found += [f"{name}: must be one integer"] if parameter_shape else []
            elif parameter_shape not in {(), (1,), shape[:1], shape}:
                found.append(f"{name}: shape must be (), {shape[:1]} or {shape}, got {parameter_shape}")
        return found

    def per_neuron(self, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.int32]:
        """Parameter `name` for each neuron of a layer of shape `shape`, flat in C order, int32."""
        return spread(np.asarray(getattr(self, name), np.int32), shape)

    @property
    def has_bias(self) -> bool:
        """Whether any neuron has a bias."""
        return bool(np.any(self.bias_mant))

    @property
    def never_spikes(self) -> bool:
        """Whether the threshold of every neuron is out of reach (a readout)."""
        return False

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs to `digest`."""
        update_digest(digest, self.model, *(uniform(getattr(self, name)) for name in self.ranges))


def uniform(parameter: npt.ArrayLike) -> npt.NDArray[Any]:
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
