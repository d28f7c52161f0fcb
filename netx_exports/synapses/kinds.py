"""Synapse kinds. Each names its source and holds integer weights; all but `DirectSynapse` take one step plus delay."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import Checked, IntArray, frozen_integers, update_digest

INPUT = "input"
"""Name of the network's input as a source."""

MAX_DELAY = 62
"""Largest delay in steps that Loihi 2 and NetX know, on top of the one step that every synapse takes."""

SignMode = Literal["mixed", "excitatory", "inhibitory"]

Part = Literal["real", "imag"]
"""Which input of complex neurons a synapse feeds; neurons of other models have a real one only."""

WEIGHT_RANGE: dict[str, tuple[int, int]] = {"mixed": (-256, 255), "excitatory": (0, 255), "inhibitory": (-255, 0)}
"""What `lava.utils.weightutils.clip_weights` leaves, by sign mode."""

WEIGHT_EXP_RANGE = (-16, 7)
WEIGHT_BITS_RANGE = (1, 9)

Shape = tuple[int, ...]


def truncate_weights(weights: IntArray, sign_mode: SignMode, weight_bits: int) -> IntArray:
    """The weights that a Lava Dense really uses: low bits dropped from what `weight_bits` cannot hold.

    Same as `lava.utils.weightutils.truncate_weights`: mixed and excitatory weights are rounded down to a multiple
    of the step, inhibitory ones by magnitude. In mixed mode one bit is the sign, so 8 bits drop the lowest bit and
    9 bits (which Lava's NetX reader asks for when odd weights exceed 127) drop nothing.
    """
    drop = max(0, 8 - weight_bits + (sign_mode == "mixed"))
    magnitude = -weights.astype(np.int32) if sign_mode == "inhibitory" else weights.astype(np.int32)
    kept = (magnitude >> drop) << drop
    return -kept if sign_mode == "inhibitory" else kept


def shift_sum(total: IntArray, weight_exp: int) -> IntArray:
    """`total * 2**weight_exp`, rounded down: how Lava scales the sum of a synapse's weights in one step."""
    return total << weight_exp if weight_exp > 0 else total >> -weight_exp


@dataclass(frozen=True, eq=False)
class DenseSynapse(Checked):
    """All-to-all connections with one weight, and one delay, for each pair of neurons.

    Arguments:
        source: "input", an earlier layer, or the layer itself (recurrence).
        weights: (neurons, source neurons), both flat in C order; range by sign mode.
        weight_exp: the sum over sources is multiplied by 2**weight_exp, rounding down; -16…7.
        delays: steps on top of the one that every synapse takes, 0…62, broadcastable to `weights`' shape; None: none.
        weight_bits: bits in which the chip stores a weight, 1…9; lower bits are dropped (`effective_weights`).
        sign_mode: "mixed", "excitatory" or "inhibitory".
        part: "real", or "imag" for the imaginary input of resonate-and-fire neurons. All other synapses feed the real.
    """

    source: str
    weights: npt.ArrayLike
    weight_exp: int = 0
    delays: npt.ArrayLike | None = None
    weight_bits: int = 8
    sign_mode: SignMode = "mixed"
    part: Part = "real"

    kind: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        found: list[str] = []
        low, high = WEIGHT_RANGE.get(self.sign_mode, (-256, 255))
        _freeze(self, "weights", low, high, np.int16, found)
        _freeze_delays(self, found)
        _check_scalar(self, "weight_exp", WEIGHT_EXP_RANGE, found)
        _check_scalar(self, "weight_bits", WEIGHT_BITS_RANGE, found)
        if self.sign_mode not in get_args(SignMode):
            found.append(f"sign_mode: must be one of {', '.join(get_args(SignMode))}, got {self.sign_mode!r}")
        if self.part not in get_args(Part):
            found.append(f"part: must be one of {', '.join(get_args(Part))}, got {self.part!r}")
        object.__setattr__(self, "_found", tuple(found))

    def problems(self, source_shape: Shape, shape: Shape) -> list[str]:
        """Everything that is wrong with this synapse between layers of these shapes."""
        found: list[str] = list(self._found)
        expected = (prod(shape), prod(source_shape))
        if np.shape(self.weights) != expected:
            found.append(f"weights: shape must be {expected}, got {np.shape(self.weights)}")
        if self.delays is not None and np.shape(self.delays) not in {
            expected,
            (expected[0], 1),
            (1, expected[1]),
            (1, 1),
        }:
            found.append(f"delays: shape must broadcast to {expected}, got {np.shape(self.delays)}")
        return found

    @property
    def effective_weights(self) -> IntArray:
        """Weights after dropping the bits that do not fit, int32, same shape."""
        return truncate_weights(np.asarray(self.weights), self.sign_mode, self.weight_bits)

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs to `digest`."""
        update_digest(digest, self.kind, self.source, self.effective_weights, self.weight_exp, _all_delays(self))
        if self.part != "real":
            update_digest(digest, self.part)


@dataclass(frozen=True, eq=False)
class ConvSynapse(Checked):
    """Two-dimensional convolution (cross-correlation, as in torch) over (C, H, W) sources.

    Lava computes it with the weights as they are: no exponent, no dropped bits; the sum wraps at 24 bits.

    Arguments:
        source: "input" or an earlier layer of shape (C, H, W).
        weights: (output channels, source channels / groups, kernel height, kernel width), -256…255.
        stride, padding, dilation: (height, width).
        groups: blocks of channels that see only each other.
        delays: one per output channel, 0…62; None: none. Stock Lava ignores them, so its backend refuses them.
    """

    source: str
    weights: npt.ArrayLike
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    delays: npt.ArrayLike | None = None

    kind: ClassVar[str] = "conv"

    def __post_init__(self) -> None:
        found: list[str] = []
        _freeze(self, "weights", -256, 255, np.int16, found)
        _freeze_delays(self, found)
        for name, low in (("stride", 1), ("padding", 0), ("dilation", 1)):
            # 127: Lava keeps them in int8.
            values = frozen_integers(getattr(self, name), low=low, high=127, dtype=np.int64, where=name, problems=found)
            if values.shape != (2,):
                found.append(f"{name}: must be (height, width), got {getattr(self, name)!r}")
                values = np.full(2, max(low, 1))
            object.__setattr__(self, name, (int(values[0]), int(values[1])))
        _check_scalar(self, "groups", (1, 127), found)
        object.__setattr__(self, "_found", tuple(found))

    def problems(self, source_shape: Shape, shape: Shape) -> list[str]:
        """Everything that is wrong with this synapse between layers of these shapes."""
        found: list[str] = list(self._found)
        if len(source_shape) != 3:
            return [*found, f"source: a convolution needs a (C, H, W) source, got {source_shape}"]
        if np.ndim(self.weights) != 4 or 0 in np.shape(self.weights):
            return [*found, f"weights: shape must be (out, in / groups, height, width), got {np.shape(self.weights)}"]
        if found:
            return found
        channels_out, channels_in = np.shape(self.weights)[:2]
        if channels_in * self.groups != source_shape[0] or channels_out % self.groups:
            found.append(
                f"weights: {channels_out} x {channels_in} channels in {self.groups} groups do not fit "
                f"a source of {source_shape[0]} channels"
            )
        if self.output_shape(source_shape) != shape:
            found.append(f"shape: must be {self.output_shape(source_shape)} for this convolution, got {shape}")
        if self.delays is not None and np.shape(self.delays) not in {(1,), (channels_out,)}:
            found.append(
                f"delays: must be one per output channel, shape ({channels_out},), got {np.shape(self.delays)}"
            )
        return found

    def output_shape(self, source_shape: Shape) -> Shape:
        """(C, H, W) of the layer that this convolution feeds."""
        channels, _, *kernel = np.shape(self.weights)
        sides = (
            (size + 2 * pad - dilation * (taps - 1) - 1) // stride + 1
            for size, pad, dilation, taps, stride in zip(
                source_shape[1:], self.padding, self.dilation, kernel, self.stride
            )
        )
        return (channels, *sides)

    @property
    def effective_weights(self) -> IntArray:
        """The weights, int32: a Lava Conv drops no bits."""
        return np.asarray(self.weights).astype(np.int32)

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs to `digest`."""
        geometry = (self.stride, self.padding, self.dilation, self.groups)
        update_digest(digest, self.kind, self.source, self.effective_weights, *geometry, _all_delays(self))


@dataclass(frozen=True, eq=False)
class IdentitySynapse(Checked):
    """One connection for each neuron, from the source neuron with the same flat index: a skip path.

    Arguments:
        source: "input", or an earlier layer of as many neurons.
        weight: one integer for all connections, -256…255.
        weight_exp: the weight is multiplied by 2**weight_exp, rounding down; -16…7.
        delay: steps on top of the one that every synapse takes, 0…62.
    """

    source: str
    weight: int
    weight_exp: int = 0
    delay: int = 0

    kind: ClassVar[str] = "identity"

    def __post_init__(self) -> None:
        found: list[str] = []
        _check_scalar(self, "weight", (-256, 255), found)
        _check_scalar(self, "weight_exp", WEIGHT_EXP_RANGE, found)
        _check_scalar(self, "delay", (0, MAX_DELAY), found)
        object.__setattr__(self, "_found", tuple(found))

    def problems(self, source_shape: Shape, shape: Shape) -> list[str]:
        """Everything that is wrong with this synapse between layers of these shapes."""
        found: list[str] = list(self._found)
        if prod(source_shape) != prod(shape):
            found.append(f"source: must have {prod(shape)} neurons, got {prod(source_shape)}")
        return found

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs to `digest`."""
        update_digest(digest, self.kind, self.source, self.weight, self.weight_exp, self.delay)


@dataclass(frozen=True, eq=False)
class DirectSynapse(Checked):
    """The input's values are the neurons' input current in the same step: NetX's input block with a neuron.

    The one exception to the rule that a synapse takes a step; only from the input. `scale` and `offset` are NetX's
    transform: the host is to feed `round(x * scale + offset)` for an analogue value x (`input_current`); they do not
    act on the integers that are fed.

    Arguments:
        source: "input".
        scale, offset: the host's transform, whole numbers in 1/64 of SLAYER's unit.
    """

    source: str = INPUT
    scale: int = 64
    offset: int = 0

    kind: ClassVar[str] = "direct"

    def __post_init__(self) -> None:
        found: list[str] = []
        _check_scalar(self, "scale", (-256, 255), found)
        _check_scalar(self, "offset", (-256, 255), found)
        if self.source != INPUT:
            found.append(f"source: a direct synapse reads the input only, got {self.source!r}")
        object.__setattr__(self, "_found", tuple(found))

    def problems(self, source_shape: Shape, shape: Shape) -> list[str]:
        """Everything that is wrong with this synapse between layers of these shapes."""
        found: list[str] = list(self._found)
        if source_shape != shape:
            found.append(f"shape: must be the input's {source_shape}, got {shape}")
        return found

    def input_current(self, values: npt.ArrayLike) -> IntArray:
        """Integer current that the host feeds for analogue `values`: `round(values * scale + offset)`, int32."""
        return np.rint(np.asarray(values, np.float64) * self.scale + self.offset).astype(np.int32)

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs to `digest`."""
        update_digest(digest, self.kind, self.source, self.scale, self.offset)


Synapse = DenseSynapse | ConvSynapse | IdentitySynapse | DirectSynapse
"""Any synapse; a new kind joins here."""


def part_of(synapse: Synapse) -> Part:
    """Which input of its layer's neurons a synapse feeds."""
    return synapse.part if isinstance(synapse, DenseSynapse) else "real"


def delay_range(synapse: Synapse) -> tuple[int, int]:
    """(smallest, largest) delay of a synapse in steps."""
    if isinstance(synapse, DirectSynapse):
        return 0, 0
    if isinstance(synapse, IdentitySynapse):
        return synapse.delay, synapse.delay
    if synapse.delays is None or not np.size(synapse.delays):
        return 0, 0
    return int(np.min(synapse.delays)), int(np.max(synapse.delays))


def _freeze(part: Synapse, name: str, low: int, high: int, dtype: npt.DTypeLike, found: list[str]) -> None:
    values = frozen_integers(getattr(part, name), low=low, high=high, dtype=dtype, where=name, problems=found)
    object.__setattr__(part, name, values)


def _freeze_delays(part: DenseSynapse | ConvSynapse, found: list[str]) -> None:
    if part.delays is None:
        return
    _freeze(part, "delays", 0, MAX_DELAY, np.int16, found)
    if not np.any(part.delays):
        object.__setattr__(part, "delays", None)


def _check_scalar(part: Synapse, name: str, limits: Sequence[int], found: list[str]) -> None:
    value = frozen_integers(
        getattr(part, name), low=limits[0], high=limits[1], dtype=np.int64, where=name, problems=found
    )
    if value.ndim:
        found.append(f"{name}: must be one integer, got shape {value.shape}")
    object.__setattr__(part, name, int(value) if not value.ndim else int(limits[0]))


def _all_delays(part: DenseSynapse | ConvSynapse) -> IntArray | None:
    if part.delays is None:
        return None
    return (
        np.asarray(np.broadcast_to(np.asarray(part.delays), np.shape(part.weights)))
        if part.kind == "dense"
        else (np.asarray(np.broadcast_to(np.asarray(part.delays), np.shape(part.weights)[:1])))
    )
