"""What every synapse kind is made of: a source, a port of the neurons that it feeds, and what it answers for itself."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import Checked, IntArray, frozen_integers, update_digest
from lapilli.netx_exports.neurons.neuron import Neuron

INPUT = "input"
"""Name of the network's input as a source."""

MAX_DELAY = 62
"""Largest delay in steps that Loihi 2 and NetX know, on top of the one step that every synapse takes."""

SignMode = Literal["mixed", "excitatory", "inhibitory"]

WEIGHT_RANGE: dict[str, tuple[int, int]] = {"mixed": (-256, 255), "excitatory": (0, 255), "inhibitory": (-255, 0)}
"""What `lava.utils.weightutils.clip_weights` leaves, by sign mode."""

WEIGHT_EXP_RANGE = (-16, 7)
WEIGHT_BITS_RANGE = (1, 9)

Shape = tuple[int, ...]
Int64 = npt.NDArray[np.int64]

_INT32_LIMIT = 1 << 31


class Synapse(Checked):
    """Base of the synapse kinds, each a frozen dataclass that holds integer weights and names its source.

    What a subclass does not say holds for a kind with one weight for each neuron of a source of the same size, that
    Lava, NetX, NIR and the chip do not know.
    """

    kind: ClassVar[str]
    """Name of the kind."""

    steps: ClassVar[int] = 1
    """Steps that it takes from a spike to the neurons, delays apart: 1, or 0."""

    weighted: ClassVar[bool] = True
    """Whether it multiplies by weights; otherwise what is sent is the neurons' input current as it is."""

    reads_events: ClassVar[bool] = True
    """Whether it reads the events that its source sends; otherwise what the source's neurons hand over."""

    counter_accesses: ClassVar[Mapping[str, int]] = MappingProxyType({})
    """How often one of each counter reads or writes a state of the neurons; one that is not here touches none."""

    spatial: ClassVar[bool] = False
    """Whether it reads and feeds (C, H, W), so that neurons have a place."""

    words: ClassVar[frozenset[str]] = frozenset({"source", "port"})
    """Fields that are text."""

    by_position: ClassVar[bool] = False
    """Whether what it does depends on the step of the sample, so that no two samples may share a run of steps."""

    windows: int = 0
    """Windows of a map that it puts together; 0: it knows none."""

    netx_type: ClassVar[str] = ""
    """NetX's name for a layer whose first synapse is of this kind; "": NetX has none."""

    delay_axes: ClassVar[int] = 0
    """Delays: 2: of each pair of a target and a source; 1: of each target channel; 0: one for all."""

    plain_defaults: ClassVar[Mapping[str, int]] = MappingProxyType({})
    """What NetX reads where a plain file lacks a field of `plain_fields`."""

    source: str
    port: str | None = None
    weight_exp: int = 0
    weight_bits: int = 9
    sign_mode: str = "mixed"

    def problems(self, source_shape: Shape, shape: Shape) -> list[str]:
        """Everything that is wrong with this synapse between these shapes.

        Arguments:
            source_shape: of what it reads.
            shape: of the sums that it feeds: that of the layer, or (sums,) where each neuron takes several.
        """
        return list(self._found)

    def neuron_problems(self, source: Neuron | None, target: Neuron, port: str) -> list[str]:
        """Everything that is wrong with this synapse between neurons of these kinds.

        Arguments:
            source: neurons that it reads; None: the network's input.
            target, port: neurons that it feeds, and at which of their ports.
        """
        if port in target.taking:
            return [f"port: {port!r} takes what neurons hand over, got a synapse of the kind {self.kind}"]
        return []

    def output_shape(self, source_shape: Shape) -> Shape:
        """Shape of what its weights give, from that of what they read."""
        return source_shape

    @property
    def delay_range(self) -> tuple[int, int]:
        """(smallest, largest) delay in steps, on top of `steps`."""
        return 0, 0

    def latest(self, sent: int) -> int:
        """The latest step in which what is sent up to a step reaches the layer."""
        return sent + self.steps + self.delay_range[1]

    @property
    def effective_weights(self) -> IntArray:
        """The weights that run, without `weight_exp`, int32, each once; empty where there are none."""
        raise NotImplementedError

    def n_stored_weights(self, size: int) -> int:
        """Weights that memory holds for a layer of `size` neurons, a kernel once."""
        return int(self.effective_weights.size)

    def fan_out(self, source_shape: Shape, shape: Shape) -> Int64:
        """Non-zero connections of each source neuron, flat in C order.

        Weights that the chip stores as zero (`effective_weights`) do not count; neither do kernel taps that fall
        outside of the target at borders and between strides.
        """
        raise NotImplementedError

    def connections(self, source_shape: Shape, shape: Shape) -> Int64:
        """Connections of each source neuron, those of weight zero too, flat in C order.

        What a dense network computes. Kernel taps that fall outside of the target are none.
        """
        return np.ones(prod(source_shape), np.int64)

    def operations_of(self, events: Int64, source_shape: Shape, shape: Shape) -> Int64:
        """Operations at each target neuron, flat in C order: events of each source neuron x non-zero weights."""
        return events * self.fan_out(source_shape, shape)

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs, but for the port, to `digest`."""
        raise NotImplementedError

    def with_delays(self, delays: Int64) -> "Synapse":
        """The same synapse with these delays: (targets or channels, sources), an axis 1 where all are the same."""
        raise NotImplementedError

    def split_delays(self) -> tuple[Int64, Int64] | None:
        """Delays of sources and of targets, one of them (1,) zero; None where they differ by pair.

        The targets' delays are one for all, one for each neuron, or one for each channel of a spatial synapse.
        """
        none = np.zeros(1, np.int64)
        return none, none

    def plain_obstacles(self, shape: Shape, before: str | None, has_bias: bool) -> list[str]:
        """Why a plain NetX file that stock lava-dl reads cannot hold it.

        Arguments:
            shape: of the layer that it feeds.
            before: NetX's type of the layer before; None for the first.
            has_bias: whether the neurons that it feeds have a bias.
        """
        article = "an" if self.kind[0] in "aeiou" else "a"
        return [f"has {article} {self.kind} synapse, which NetX does not know"]

    def plain_fields(self, source_shape: Shape, shape: Shape, weight: str) -> dict[str, Any]:
        """Fields of the plain file's group, in the order in which SLAYER writes them.

        Arguments:
            source_shape, shape: of what it reads and of the layer that it feeds.
            weight: name of the field of the weights.
        """
        raise NotImplementedError(f"kind {self.kind} has no plain form")

    def nir_refusals(self, source_shape: Shape) -> Iterator[str]:
        """Why no nodes of NIR mean exactly this synapse.

        Arguments:
            source_shape: of what it reads, in the graph.
        """
        yield f"NIR has no connection of the kind {self.kind!r}"

    def lava_refusals(self, largest_value: int) -> Iterator[str]:
        """Why Lava's fixed-point CPU models could not compute it exactly.

        Arguments:
            largest_value: largest magnitude among the values of the source's events; 1 for spikes.
        """
        yield from ()

    def chip_problems(self) -> Iterator[str]:
        """Why the chip could not run it exactly."""
        yield f"synapses of the kind {self.kind} are not driven on the chip by this version"

    def chip_bits(self, size: int) -> int:
        """Memory of its weights and delays on the chip, for a layer of `size` neurons; a kernel once."""
        raise NotImplementedError


def shift_sum(total: IntArray, weight_exp: int) -> IntArray:
    """`total * 2**weight_exp`, rounded down: how Lava scales the sum of a synapse's weights in one step."""
    return total << weight_exp if weight_exp > 0 else total >> -weight_exp


def overflow_refusal(weights: IntArray, largest_value: int) -> Iterator[str]:
    """Whether sums of these weights (targets, ...) times values could leave Lava's 32 bits."""
    magnitudes = np.abs(weights).astype(np.int64)
    if int(magnitudes.reshape(len(magnitudes), -1).sum(axis=1).max()) * largest_value >= _INT32_LIMIT:
        yield f"values up to {largest_value} could overflow Lava's 32-bit sums"


def rounding_refusal(weights: IntArray, weight_exp: int) -> Iterator[str]:
    """Whether sums of these weights times 2**weight_exp are rounded, which NIR does not know."""
    if weight_exp < 0 and np.any(weights % (1 << -weight_exp)):
        yield f"weight_exp: {weight_exp} rounds sums of weights that are no multiples of {1 << -weight_exp}"


def freeze(part: Any, name: str, low: int, high: int, dtype: npt.DTypeLike, found: list[str]) -> None:
    """Replace a field of a synapse under construction by a read-only integer array."""
    values = frozen_integers(getattr(part, name), low=low, high=high, dtype=dtype, where=name, problems=found)
    object.__setattr__(part, name, values)


def check_weights(part: Any, found: list[str]) -> None:
    """Freeze weights whose sign a mode limits, and check how they are stored and what they are multiplied by."""
    low, high = WEIGHT_RANGE.get(part.sign_mode, WEIGHT_RANGE["mixed"])
    freeze(part, "weights", low, high, np.int16, found)
    check_scalar(part, "weight_exp", WEIGHT_EXP_RANGE, found)
    check_scalar(part, "weight_bits", WEIGHT_BITS_RANGE, found)
    if part.sign_mode not in get_args(SignMode):
        found.append(f"sign_mode: must be one of {', '.join(get_args(SignMode))}, got {part.sign_mode!r}")


def freeze_delays(part: Any, found: list[str]) -> None:
    """Likewise its field `delays`, None where all are 0."""
    if part.delays is None:
        return
    freeze(part, "delays", 0, MAX_DELAY, np.int16, found)
    if not np.any(part.delays):
        object.__setattr__(part, "delays", None)


def check_scalar(part: Any, name: str, limits: Sequence[int], found: list[str]) -> None:
    """Replace a field of a synapse under construction by an integer within limits."""
    value = frozen_integers(
        getattr(part, name), low=limits[0], high=limits[1], dtype=np.int64, where=name, problems=found
    )
    if value.ndim:
        found.append(f"{name}: must be one integer, got shape {value.shape}")
    object.__setattr__(part, name, int(value) if not value.ndim else int(limits[0]))


def update_delays_digest(digest: "hashlib._Hash", delays: npt.ArrayLike | None, shape: Shape) -> None:
    """Feed delays that broadcast to `shape`, or None."""
    update_digest(digest, None if delays is None else np.asarray(np.broadcast_to(np.asarray(delays), shape)))


def range_of(delays: npt.ArrayLike | None) -> tuple[int, int]:
    """(smallest, largest) of an array of delays; None: no delay."""
    return (0, 0) if delays is None or not np.size(delays) else (int(np.min(delays)), int(np.max(delays)))
