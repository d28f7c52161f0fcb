"""Join: what the windows of a map send goes to its place in the map, all windows of an image in one step."""

import hashlib
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import IntArray, update_digest
from lapilli.netx_exports.chip.limits import WEIGHT_BITS
from lapilli.netx_exports.clock import MAX_PERIOD
from lapilli.netx_exports.synapses.synapse import (
    WEIGHT_EXP_RANGE,
    WEIGHT_RANGE,
    Int64,
    Shape,
    Synapse,
    check_scalar,
    freeze,
)
from lapilli.netx_exports.windows import GROUPS, Windows


@dataclass(frozen=True, eq=False)
class JoinSynapse(Synapse):
    """Puts the windows of a map, which a layer sends one after the other, back into the map.

    What the source sends in step s is window p = (s - phase) mod windows of a map; nothing passes before `phase`. Its
    event at position (y, x) of window p meets the weight of the map's position there, and arrives at that position and
    channel in step s + 1 + (windows - 1 - p): all windows of an image arrive in one step. Where windows overlap, what
    they send adds up. The sum of one window is multiplied by 2**weight_exp, rounding down. Each neuron of the source
    has one connection.

    Behind it, neurons without memory whose threshold is below one weight are the OR of the windows. Weights of 4 /
    cover give quarters, the "median spikes" of the source. Steps count from the beginning of a run, whose samples each
    start at 0. Source: arXiv 2401.10843, recombination of windows and region threshold.

    Arguments:
        source: "input" or an earlier layer of shape (C, height, width) of one window.
        windows: number of windows, 1, 2 or 4.
        dilated: whether they overlap (`lapilli.netx_exports.windows`).
        phase: step in which the source sends window 0 of the first image, 0…65,536.
        weights: one integer for all positions, or (H, W) of the map; -256…255 but for 0.
        weight_exp: -16…7.
        port: the input of the neurons that it feeds, one of their `ports`; None: the first.
    """

    source: str
    windows: int
    dilated: bool = False
    phase: int = 0
    weights: npt.ArrayLike = 1
    weight_exp: int = 0
    port: str | None = None

    kind: ClassVar[str] = "join"
    spatial = True
    by_position = True

    def __post_init__(self) -> None:
        found: list[str] = []
        freeze(self, "weights", *WEIGHT_RANGE["mixed"], np.int16, found)
        check_scalar(self, "windows", (1, max(GROUPS)), found)
        check_scalar(self, "dilated", (0, 1), found)
        object.__setattr__(self, "dilated", bool(self.dilated))
        check_scalar(self, "phase", (0, MAX_PERIOD), found)
        check_scalar(self, "weight_exp", WEIGHT_EXP_RANGE, found)
        if not found and not np.all(self.weights):
            found.append("weights: must not be 0, since each neuron of the source has one connection")
        object.__setattr__(self, "_found", tuple(found))

    @property
    def cut(self) -> Windows:
        """How the map is cut."""
        return Windows(self.windows, self.dilated)

    def problems(self, source_shape: Shape, shape: Shape) -> list[str]:
        """Everything that is wrong with this synapse between layers of these shapes."""
        found: list[str] = list(self._found)
        if len(source_shape) != 3 or len(shape) != 3:
            return [*found, f"source: windows of a (C, H, W) layer are (C, H, W), got {source_shape} for {shape}"]
        if found or (found := self.cut.problems(*shape[1:])):
            return found
        expected = (shape[0], *self.cut.window_shape(*shape[1:]))
        if source_shape != expected:
            found.append(f"source: must be {expected}, a window of {shape}, got {source_shape}")
        if np.shape(self.weights) not in {(), shape[1:]}:
            found.append(f"weights: shape must be () or {shape[1:]}, got {np.shape(self.weights)}")
        return found

    def targets(self, shape: Shape) -> Int64:
        """Neuron of the map that each neuron of the source feeds, (windows, source neurons), flat in C order.

        Arguments:
            shape: of the map's layer.
        """
        rows, columns = self.cut.window_shape(*shape[1:])
        numbers = np.arange(prod(shape)).reshape(shape)
        return np.stack(
            [numbers[:, y : y + rows, x : x + columns].reshape(-1) for y, x in self.cut.origins(*shape[1:])]
        )

    def weights_of(self, shape: Shape) -> Int64:
        """Weight of each neuron of the map's layer, flat in C order."""
        return np.broadcast_to(np.asarray(self.weights, np.int64), shape).reshape(-1)

    @property
    def delay_range(self) -> tuple[int, int]:
        """(smallest, largest) delay in steps, on top of `steps`: of the last and of the first window."""
        return 0, self.windows - 1

    def latest(self, sent: int) -> int:
        """The latest step in which what is sent up to a step of an image reaches the layer."""
        return sent + 1 + (self.phase - 1 - sent) % self.windows

    @property
    def effective_weights(self) -> IntArray:
        """The weights, int32, () or (H, W)."""
        return np.asarray(self.weights).astype(np.int32)

    def fan_out(self, source_shape: Shape, shape: Shape) -> Int64:
        """Connections of each source neuron, flat in C order: one."""
        return np.ones(prod(source_shape), np.int64)

    def operations_of(self, events: Int64, source_shape: Shape, shape: Shape) -> Int64:
        """Operations at each target neuron, flat in C order.

        Counts of events do not tell in which window a neuron sent them: its windows get equal shares, the first ones
        what is left over.
        """
        share, rest = np.divmod(np.asarray(events, np.int64), self.windows)
        found = np.zeros(prod(shape), np.int64)
        for window, targets in enumerate(self.targets(shape)):
            found[targets] += share + (window < rest)
        return found

    def update_digest(self, digest: "hashlib._Hash") -> None:
        """Feed everything that changes what runs, but for the port, to `digest`."""
        cut = (self.windows, self.dilated, self.phase)
        update_digest(digest, self.kind, self.source, *cut, self.effective_weights, self.weight_exp)

    def chip_bits(self, size: int) -> int:
        """Memory of its weights, of a chip that had such synapses."""
        return int(np.size(self.weights)) * WEIGHT_BITS
