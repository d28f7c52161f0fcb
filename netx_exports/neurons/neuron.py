"""What every neuron kind is made of: integer parameters of a layer, its states, and what it takes and sends."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import Checked, IntArray, frozen_integers, update_digest

if TYPE_CHECKING:
    # Reading files needs h5py; running a network does not.
    from lapilli.netx_exports.hdf5.fields import Fields

DECAY_UNITY = 1 << 12
"""A decay of 4096 forgets everything in one step; 0 forgets nothing."""

STATE_LIMIT = 1 << 23
"""Current wraps around ±2^23, voltage saturates at ±(2^23 - 1)."""


LARGEST_THRESHOLD = (STATE_LIMIT - 2) >> 6
"""Largest threshold mantissa, `vth_mant` of `vth_mant << 6`, that a voltage can reach and exceed."""


def out_of_reach(vth_mant: npt.ArrayLike) -> bool:
    """Whether neurons with these threshold mantissas never spike (a readout), because their voltage saturates below."""
    return bool(np.all(np.asarray(vth_mant, np.int64) > LARGEST_THRESHOLD))


@dataclass(frozen=True)
class PlainPlace:
    """Where neurons would stand in a plain NetX file.

    Arguments:
        shape: of their layer.
        behind_input: whether the input's values are their current (a direct synapse).
        fed: those of their ports that synapses feed.
    """

    shape: tuple[int, ...]
    behind_input: bool
    fed: frozenset[str]


class Neuron(Checked):
    """Base of the neuron kinds, each a frozen dataclass of integers.

    A parameter is one integer for the whole layer, for each channel (first axis of the layer's shape) or each neuron;
    those named in `single` are one integer for the layer. What a subclass does not say holds for a kind that Lava,
    NetX, NIR and the chip do not know.
    """

    model: ClassVar[str]
    """Name of the kind, as NetX files spell it where they know it."""

    states: ClassVar[tuple[str, ...]]
    """Names of the states that a recording can hold."""

    ranges: ClassVar[Mapping[str, tuple[int, int]]] = {}
    """Smallest and largest value of each integer parameter."""

    single: ClassVar[frozenset[str]] = frozenset()
    """Parameters that all neurons of a layer share."""

    words: ClassVar[frozenset[str]] = frozenset()
    """Parameters that are text."""

    ports: ClassVar[tuple[str, ...]] = ("input",)
    """Names of a neuron's inputs: synapses add up for each of them apart. The first is where a synapse leads that names
    none."""

    port_sums: ClassVar[Mapping[str, int]] = {}
    """How many sums each neuron takes at a port, where it is not one: sum `k neurons + n` is number k of neuron n."""

    handed: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """What the neurons hand over to a `HandOverSynapse`: names of parts, and the states that each is made of."""

    taking: ClassVar[frozenset[str]] = frozenset()
    """Ports that take what other neurons hand over under the port's name, of one synapse, and nothing else."""

    graded: ClassVar[bool] = False
    """Whether what the neurons send carries a value."""

    signed: ClassVar[bool] = False
    """Of graded ones: whether that value is 1 or -1, so that a synapse adds its weight or takes it off."""

    arithmetic: ClassVar[tuple[int, int] | None] = None
    """Multiplications and additions of one neuron in one step, without bias and rectification; None: not known. A decay
    is one multiplication; a sum, difference or comparison is one addition. Shifts, saturation and the reset of the few
    that spike are not counted."""

    counter_accesses: ClassVar[Mapping[str, int]] = {}
    """How often one of each counter reads or writes a state; a counter that is not here touches none."""

    fires_by: ClassVar[str | None] = None
    """The state that `vth_mant << 6` is compared with for a spike, where that number alone decides."""

    lava_resets: ClassVar[bool] = False
    """Whether Lava has a Process that brings these neurons to rest periodically."""

    lava_clock: ClassVar[bool] = False
    """Whether the Process in Lava takes a clock other than that of every step."""

    plain_types: ClassVar[tuple[str, ...]] = ()
    """Names in a plain NetX file that `read_plain` reads."""

    plain_behind_input: ClassVar[bool] = False
    """Whether NetX knows these neurons behind an input whose values are their current."""

    plain_recurrent: ClassVar[bool] = False
    """Whether NetX knows layers of these neurons that feed themselves."""

    bias_mant: npt.ArrayLike = 0

    windows: int = 0
    """Windows of a map that the neurons see one after the other, one in each step that acts; 0: they know none."""

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

    def bias(self, shape: tuple[int, ...]) -> npt.NDArray[np.int32]:
        """What is added in each step without any input, for each neuron, flat in C order, int32."""
        return np.zeros(prod(shape), np.int32)

    @property
    def rest(self) -> Mapping[str, int]:
        """Value at rest of each state that does not rest at 0."""
        return {}

    @property
    def updated_states(self) -> int:
        """States that a neuron reads and writes in every step, whatever arrives."""
        return len(self.states)

    @property
    def kept_states(self) -> int:
        """States that memory holds from one step to the next."""
        return len(self.states)

    def sums_of(self, port: str) -> int:
        """How many sums each neuron takes at a port."""
        return self.port_sums.get(port, 1)

    @property
    def has_bias(self) -> bool:
        """Whether any neuron has a bias."""
        return bool(np.any(self.bias_mant))

    @property
    def never_spikes(self) -> bool:
        """Whether the threshold of every neuron is out of reach (a readout)."""
        return False

    @property
    def rectifies(self) -> bool:
        """Whether a step compares a state with 0 and keeps the larger."""
        return False

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs to `digest`."""
        update_digest(digest, self.model, *(uniform(getattr(self, name)) for name in self.ranges))

    def plain_obstacles(self, place: PlainPlace) -> list[str]:
        """Why these neurons cannot stand there in a plain file that stock lava-dl reads."""
        return [f"has neurons of model {self.model}, which NetX does not know"]

    def stock_problems(self) -> list[str]:
        """What stock lava-dl makes of the plain file's neurons where it is not what they mean."""
        return []

    def plain_fields(self) -> dict[str, Any]:
        """Fields of the plain file's group `neuron`, in the order in which SLAYER writes them."""
        raise NotImplementedError(f"model {self.model} has no plain form")

    @classmethod
    def read_plain(cls, fields: "Fields", shape: tuple[int, ...] | None, bias: IntArray | None) -> "Neuron | None":
        """The neurons of a plain file's group `neuron`, or None after reporting why not.

        Arguments:
            fields: the group.
            shape: of the layer; None where a problem hides it.
            bias: of the layer; None likewise.
        """
        raise NotImplementedError(f"model {cls.model} has no plain form")

    def nir_refusals(self, is_read: bool) -> Iterator[str]:
        """Why no node of NIR means exactly these neurons.

        Arguments:
            is_read: whether a synapse reads them.
        """
        yield f"neuron: NIR has no model that is exactly {self.model}"

    def chip_problems(self) -> Iterator[str]:
        """Why the chip could not run these neurons exactly."""
        yield f"neurons of model {self.model} are not driven on the chip by this version"


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
