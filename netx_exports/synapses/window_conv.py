"""Convolutions of one window of a map."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import IntArray, frozen_integers, update_digest
from lapilli.netx_exports.synapses.conv import ConvSynapse
from lapilli.netx_exports.synapses.synapse import (
    MAX_DELAY,
    WEIGHT_EXP_RANGE,
    Int64,
    Shape,
    Synapse,
    check_scalar,
)

MAX_SIDE = 1 << 15
"""Largest origin, height and width of a window."""


@dataclass(frozen=True, eq=False)
class WindowConvSynapse(Synapse):
    """Two-dimensional convolution of one window of a (C, H, W) source, by steps of one position.

    It is the `ConvSynapse` of a source that has the positions of the window alone: what lies outside of the window
    counts as 0, as padding does. The sum of the map that is sent in step t wraps at 24 bits, is multiplied by
    2**weight_exp, rounding down, and reaches the neurons in step t + 1 + delay. Several of them with the delays 0, 1, …
    and one array of weights show a layer the windows of a map one after the other. Source: arXiv 2401.10843, windows.

    Arguments:
        source: "input" or an earlier layer of shape (C, H, W).
        weights: (output channels, source channels / groups, kernel height, kernel width), -256…255.
        origin: row and column in the map of the window's first position.
        window: height and width of the window.
        padding: (height, width), zeros around the window.
        groups: blocks of channels that see only each other.
        delay: steps on top of the one that every synapse takes, 0…62.
        weight_exp: -16…7.
        port: the input of the neurons that it feeds, one of their `ports`; None: the first.
    """

    source: str
    weights: npt.ArrayLike
    origin: tuple[int, int]
    window: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    groups: int = 1
    delay: int = 0
    weight_exp: int = 0
    port: str | None = None

    kind: ClassVar[str] = "window_conv"
    spatial = True

    def __post_init__(self) -> None:
        found: list[str] = []
        for name, low in (("origin", 0), ("window", 1)):
            object.__setattr__(self, name, _pair(self, name, low, found))
        check_scalar(self, "delay", (0, MAX_DELAY), found)
        check_scalar(self, "weight_exp", WEIGHT_EXP_RANGE, found)
        conv = ConvSynapse(self.source, self.weights, padding=self.padding, groups=self.groups)
        for name in ("weights", "padding", "groups"):
            object.__setattr__(self, name, getattr(conv, name))
        object.__setattr__(self, "_found", (*conv._found, *found))

    @cached_property
    def within(self) -> ConvSynapse:
        """The convolution of a source that has the positions of the window alone, without `weight_exp` and delay."""
        return ConvSynapse(self.source, self.weights, padding=self.padding, groups=self.groups)

    def window_of(self, source_shape: Shape) -> Shape:
        """(C, height, width) of the window."""
        return (source_shape[0], *self.window)

    def problems(self, source_shape: Shape, shape: Shape) -> list[str]:
        """Everything that is wrong with this synapse between layers of these shapes."""
        found: list[str] = list(self._found)
        if len(source_shape) != 3:
            return [*found, f"source: a convolution needs a (C, H, W) source, got {source_shape}"]
        if any(first + side > whole for first, side, whole in zip(self.origin, self.window, source_shape[1:])):
            found.append(
                f"window: {self.window} at {self.origin} must lie within the source's map of {source_shape[1:]}"
            )
        return found or self.within.problems(self.window_of(source_shape), shape)

    def output_shape(self, source_shape: Shape) -> Shape:
        """(C, H, W) of the layer that this convolution feeds."""
        return self.within.output_shape(self.window_of(source_shape))

    @property
    def delay_range(self) -> tuple[int, int]:
        """(smallest, largest) delay in steps, on top of `steps`."""
        return self.delay, self.delay

    @property
    def effective_weights(self) -> IntArray:
        """The weights, int32: a Lava Conv drops no bits."""
        return self.within.effective_weights

    def fan_out(self, source_shape: Shape, shape: Shape) -> Int64:
        """Non-zero connections of each source neuron, flat in C order; 0 outside of the window."""
        return self._placed(self.within.fan_out(self.window_of(source_shape), shape), source_shape)

    def connections(self, source_shape: Shape, shape: Shape) -> Int64:
        """Connections of each source neuron, those of weight zero too, flat in C order; 0 outside of the window."""
        return self._placed(self.within.connections(self.window_of(source_shape), shape), source_shape)

    def operations_of(self, events: Int64, source_shape: Shape, shape: Shape) -> Int64:
        """Operations at each target neuron, flat in C order: events of each source neuron x non-zero weights."""
        seen = np.asarray(events).reshape(source_shape)[self._slices]
        return self.within.operations_of(seen.reshape(-1), self.window_of(source_shape), shape)

    @property
    def _slices(self) -> tuple[slice, slice, slice]:
        """The window in the map: channels, rows and columns."""
        (y, x), (rows, columns) = self.origin, self.window
        return slice(None), slice(y, y + rows), slice(x, x + columns)

    def _placed(self, of_window: Int64, source_shape: Shape) -> Int64:
        """Numbers of the window's neurons as numbers of the map's."""
        found = np.zeros(source_shape, np.int64)
        found[self._slices] = of_window.reshape(self.window_of(source_shape))
        return found.reshape(-1)

    def tap_targets(self, axis: int, size_in: int, size_out: int) -> Int64:
        """As `ConvSynapse.tap_targets`, of positions of the map; -1 outside of the window too."""
        first, side = self.origin[axis], self.window[axis]
        found = np.full((size_in, np.shape(self.weights)[2 + axis]), -1, np.int64)
        found[first : first + side] = self.within.tap_targets(axis, side, size_out)
        return found

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs, but for the port, to `digest`."""
        geometry = (self.origin, self.window, self.padding, self.groups)
        update_digest(digest, self.kind, self.source, self.effective_weights, *geometry, self.delay, self.weight_exp)

    def with_delays(self, delays: Int64) -> "WindowConvSynapse":
        """The same synapse with this delay, (1, 1)."""
        return replace(self, delay=int(delays[0, 0]))

    def split_delays(self) -> tuple[Int64, Int64] | None:
        """Delays of sources and of targets, those of sources (1,) zero."""
        return np.zeros(1, np.int64), np.full(1, self.delay, np.int64)

    def lava_refusals(self, largest_value: int) -> Any:
        """Why Lava's fixed-point CPU models could not compute it exactly."""
        return self.within.lava_refusals(largest_value)

    def chip_bits(self, size: int) -> int:
        """Memory of its kernel, once, of a chip that had such synapses."""
        return self.within.chip_bits(size)


def _pair(synapse: WindowConvSynapse, name: str, low: int, found: list[str]) -> tuple[int, int]:
    """A field that is (rows, columns)."""
    values = frozen_integers(getattr(synapse, name), low=low, high=MAX_SIDE, dtype=np.int64, where=name, problems=found)
    if values.shape != (2,):
        found.append(f"{name}: must be (rows, columns), got {getattr(synapse, name)!r:.80}")
        return low, low
    return int(values[0]), int(values[1])
