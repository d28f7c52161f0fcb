"""Windows of a map: where they lie, and how many of them cover each position."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import UnsupportedError

GROUPS = (1, 2, 4)
"""Numbers of windows that a map can be cut into."""

Place = tuple[int, int]
"""Row and column, or height and width."""


@dataclass(frozen=True)
class Windows:
    """How a map is cut into windows, one after the other.

    Four windows lie at the corners, in the order top left, top right, bottom left, bottom right. Two are the top and
    the bottom of a map, as wide as the map. One is the whole map. The side L of a window that is cut is L / 2 where
    windows are plain, and 3 L / 4 where they are dilated: such windows overlap. Source: arXiv 2401.10843, sections of
    windows; the paper does not say where two windows lie.

    Arguments:
        groups: number of windows, 1, 2 or 4.
        dilated: whether windows overlap.
    """

    groups: int
    dilated: bool = False

    def problems(self, height: int, width: int) -> list[str]:
        """Everything that is wrong with cutting a map of this size."""
        if self.groups not in GROUPS:
            return [f"windows: must be one of {', '.join(map(str, GROUPS))}, got {self.groups!r:.80}"]
        parts = 4 if self.dilated else 2
        cut = self._cut(height, width)
        if any(side % parts for side in cut):
            kind = "dilated" if self.dilated else "plain"
            return [f"windows: sides must be multiples of {parts} for {kind} windows, got a map of {height} x {width}"]
        return []

    def window_shape(self, height: int, width: int) -> Place:
        """Height and width of a window.

        Raises:
            UnsupportedError: for a map that cannot be cut so.
        """
        self._check(height, width)
        return self._side(height, self.groups > 1), self._side(width, self.groups > 2)

    def origins(self, height: int, width: int) -> tuple[Place, ...]:
        """Row and column in the map of the first position of each window, in their order.

        Raises:
            UnsupportedError: for a map that cannot be cut so.
        """
        rows, columns = self.window_shape(height, width)
        return tuple((y, x) for y in sorted({0, height - rows}) for x in sorted({0, width - columns}))

    def cover(self, height: int, width: int) -> npt.NDArray[np.int64]:
        """How many windows cover each position, (height, width): 1, 2 or 4.

        Raises:
            UnsupportedError: for a map that cannot be cut so.
        """
        rows, columns = self.window_shape(height, width)
        found = np.zeros((height, width), np.int64)
        for y, x in self.origins(height, width):
            found[y : y + rows, x : x + columns] += 1
        return found

    def _cut(self, height: int, width: int) -> tuple[int, ...]:
        """The sides that are cut."""
        return (height, width)[: {1: 0, 2: 1, 4: 2}[self.groups]]

    def _side(self, side: int, is_cut: bool) -> int:
        if not is_cut:
            return side
        return 3 * side // 4 if self.dilated else side // 2

    def _check(self, height: int, width: int) -> None:
        if problems := self.problems(height, width):
            raise UnsupportedError("windows of a map", problems)
