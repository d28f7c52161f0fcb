"""Two-dimensional convolutions."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import IntArray, frozen_integers, update_digest
from lapilli.netx_exports.chip.limits import DELAY_BITS, WEIGHT_BITS, odd_weights_problem
from lapilli.netx_exports.synapses.synapse import (
    WEIGHT_EXP_RANGE,
    Int64,
    Shape,
    Synapse,
    check_scalar,
    freeze,
    freeze_delays,
    overflow_refusal,
    range_of,
    update_delays_digest,
)

_INT8_MAX = 127


@dataclass(frozen=True, eq=False)
class ConvSynapse(Synapse):
    """Two-dimensional convolution (cross-correlation, as in torch) over (C, H, W) sources.

    Lava computes it with the weights as they are, no dropped bits; the sum wraps at 24 bits. Only then is it multiplied
    by 2**weight_exp, rounding down, which neither lava-dl nor NIR knows.

    Arguments:
        source: "input" or an earlier layer of shape (C, H, W).
        weights: (output channels, source channels / groups, kernel height, kernel width), -256…255.
        stride, padding, dilation: (height, width).
        groups: blocks of channels that see only each other.
        delays: one per output channel, 0…62; None: none. Stock Lava ignores them, so its backend refuses them.
        port: the input of the neurons that it feeds, one of their `ports`; None: the first.
        weight_exp: -16…7.
    """

    source: str
    weights: npt.ArrayLike
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    delays: npt.ArrayLike | None = None
    port: str | None = None
    weight_exp: int = 0

    kind: ClassVar[str] = "conv"
    spatial = True
    netx_type = "conv"
    delay_axes = 1

    def __post_init__(self) -> None:
        found: list[str] = []
        freeze(self, "weights", -256, 255, np.int16, found)
        freeze_delays(self, found)
        for name, low in (("stride", 1), ("padding", 0), ("dilation", 1)):
            # Lava keeps them in int8.
            values = frozen_integers(
                getattr(self, name), low=low, high=_INT8_MAX, dtype=np.int64, where=name, problems=found
            )
            if values.shape != (2,):
                found.append(f"{name}: must be (height, width), got {getattr(self, name)!r}")
                values = np.full(2, max(low, 1))
            object.__setattr__(self, name, (int(values[0]), int(values[1])))
        check_scalar(self, "groups", (1, _INT8_MAX), found)
        check_scalar(self, "weight_exp", WEIGHT_EXP_RANGE, found)
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
    def delay_range(self) -> tuple[int, int]:
        """(smallest, largest) delay in steps, on top of `steps`."""
        return range_of(self.delays)

    @property
    def effective_weights(self) -> IntArray:
        """The weights, int32: a Lava Conv drops no bits."""
        return np.asarray(self.weights).astype(np.int32)

    def fan_out(self, source_shape: Shape, shape: Shape) -> Int64:
        """Non-zero connections of each source neuron, flat in C order."""
        return self._reached(self.effective_weights != 0, source_shape, shape)

    def connections(self, source_shape: Shape, shape: Shape) -> Int64:
        """Connections of each source neuron, those of weight zero too, flat in C order."""
        return self._reached(np.ones(np.shape(self.weights), np.bool_), source_shape, shape)

    def operations_of(self, events: Int64, source_shape: Shape, shape: Shape) -> Int64:
        """Operations at each target neuron, flat in C order: events of each source neuron x non-zero weights."""
        (rows, columns), (down, right) = self.padding, self.stride
        padded = np.pad(events.reshape(source_shape), ((0, 0), (rows, rows), (columns, columns)))
        nonzero = (self.effective_weights != 0).astype(np.int64)
        groups = self.groups
        nonzero = nonzero.reshape(groups, shape[0] // groups, *nonzero.shape[1:])
        met = np.zeros((groups, shape[0] // groups, *shape[1:]), np.int64)
        for y, x in np.ndindex(*nonzero.shape[3:]):
            first_row, first_column = y * self.dilation[0], x * self.dilation[1]
            window = padded[:, first_row::down, first_column::right][:, : shape[1], : shape[2]]
            of_groups = window.reshape(groups, -1, *shape[1:])
            met += np.einsum("goc,gcyx->goyx", nonzero[..., y, x], of_groups)
        return met.reshape(-1)

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs, but for the port, to `digest`."""
        geometry = (self.stride, self.padding, self.dilation, self.groups)
        update_digest(digest, self.kind, self.source, self.effective_weights, *geometry)
        update_delays_digest(digest, self.delays, np.shape(self.weights)[:1])
        if self.weight_exp:
            update_digest(digest, "weight_exp", self.weight_exp)

    def with_delays(self, delays: Int64) -> "ConvSynapse":
        """The same synapse with these delays: (channels, 1), (1, 1) where all are the same."""
        return replace(self, delays=delays[:, 0])

    def split_delays(self) -> tuple[Int64, Int64] | None:
        """Delays of sources and of targets, those of sources (1,) zero."""
        none = np.zeros(1, np.int64)
        return none, none if self.delays is None else np.asarray(self.delays, np.int64)

    def plain_obstacles(self, shape: Shape, before: str | None, has_bias: bool) -> list[str]:
        """Why a plain NetX file that stock lava-dl reads cannot hold it."""
        found = []
        if self.delays is not None:
            found.append("has delays on a convolution, which lava-dl drops without a word")
        if before is not None and before not in ("conv", "input"):
            found.append("is a convolution behind a dense layer, which lava-dl cannot connect")
        if self.weight_exp:
            found.append(f"has weight_exp {self.weight_exp} on a convolution, which NetX does not know")
        return found

    def plain_fields(self, source_shape: Shape, shape: Shape, weight: str) -> dict[str, Any]:
        """Fields of the plain file's group, in the order in which SLAYER writes them."""
        weights = self.effective_weights
        counts = {"inChannels": weights.shape[1] * self.groups, "outChannels": weights.shape[0]}
        geometry = {name: np.array(getattr(self, name), np.int64) for name in ("stride", "padding", "dilation")}
        kernel = {"kernelSize": np.array(weights.shape[2:], np.int64)}
        return {**counts, **kernel, **geometry, "groups": self.groups, weight: weights.astype(np.float32)}

    def nir_refusals(self, source_shape: Shape) -> Iterator[str]:
        """Why no nodes of NIR mean exactly this synapse."""
        if len(source_shape) != 3:
            yield f"NIR has its source flat, as {source_shape}, and cannot fold it"
        if self.groups != 1:
            yield f"groups: must be 1, since nir takes in / groups channels for all of them, got {self.groups}"
        height, width = np.shape(self.weights)[2:]
        if height != width:
            yield f"weights: must be square, since nir takes a kernel's height for its width, got {height} x {width}"
        if self.weight_exp:
            yield f"weight_exp: must be 0 for a convolution, got {self.weight_exp}"

    def lava_refusals(self, largest_value: int) -> Iterator[str]:
        """Why Lava's fixed-point CPU models could not compute it exactly."""
        if self.delays is not None:
            yield "Lava's Conv knows no delays"
        if max(np.shape(self.weights)[2:]) > _INT8_MAX:
            yield f"Lava's Conv keeps the kernel's size in 8 bits, got {np.shape(self.weights)[2:]}"
        # Lava's Conv casts a float to int32.
        yield from overflow_refusal(self.effective_weights, largest_value)

    def chip_problems(self) -> Iterator[str]:
        """Why the chip could not run it exactly."""
        yield from odd_weights_problem(self.effective_weights)
        if self.weight_exp:
            yield f"weight_exp: must be 0 for a convolution, got {self.weight_exp}"

    def chip_bits(self, size: int) -> int:
        """Memory of its kernel and delays on the chip, once."""
        return int(np.size(self.weights)) * (WEIGHT_BITS + DELAY_BITS * bool(self.delay_range[1]))

    def _reached(self, counted: npt.NDArray[np.bool_], source_shape: Shape, shape: Shape) -> Int64:
        """Targets of each source position, of the weights that are `counted`."""
        of_groups = counted.reshape(self.groups, -1, *np.shape(self.weights)[1:]).sum(axis=1)
        taps = of_groups.reshape(source_shape[0], *np.shape(self.weights)[2:])  # of each source channel and tap
        reach_y = (self.tap_targets(0, source_shape[1], shape[1]) >= 0).astype(np.int64)
        reach_x = (self.tap_targets(1, source_shape[2], shape[2]) >= 0).astype(np.int64)
        return np.einsum("ckl,yk,xl->cyx", taps, reach_y, reach_x).reshape(-1).astype(np.int64)

    def tap_targets(self, axis: int, size_in: int, size_out: int) -> Int64:
        """Target position that each source position meets through each kernel tap: (positions, taps); -1: none.

        Arguments:
            axis: 0 for rows, 1 for columns.
            size_in, size_out: positions of source and target along it.
        """
        taps = np.arange(np.shape(self.weights)[2 + axis])
        place = np.arange(size_in)[:, None] + self.padding[axis] - self.dilation[axis] * taps[None, :]
        target, rest = np.divmod(place, self.stride[axis])
        return np.where((rest == 0) & (target >= 0) & (target < size_out), target, -1)
