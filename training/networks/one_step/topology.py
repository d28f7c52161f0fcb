"""Which maps and windows a network of one time step has: stages, blocks, and how each map is cut."""

from collections.abc import Iterator
from dataclasses import dataclass

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.windows import Windows
from lapilli.training.networks.one_step.config import OneStepConfig


@dataclass(frozen=True)
class Cutting:
    """How a map is cut into windows.

    Arguments:
        windows: how many, and whether they overlap.
        side: of the map.
    """

    windows: Windows
    side: int

    @property
    def groups(self) -> int:
        """Number of windows."""
        return self.windows.groups

    @property
    def dilated(self) -> bool:
        """Whether they overlap."""
        return self.windows.dilated

    @property
    def window(self) -> tuple[int, int]:
        """(rows, columns) of a window."""
        return self.windows.window_shape(self.side, self.side)

    @property
    def origins(self) -> tuple[tuple[int, int], ...]:
        """(row, column) of each window's first corner."""
        return self.windows.origins(self.side, self.side)

    @property
    def slices(self) -> tuple[tuple[slice, slice], ...]:
        """Rows and columns of each window."""
        rows, columns = self.window
        return tuple((slice(y, y + rows), slice(x, x + columns)) for y, x in self.origins)

    @property
    def places(self) -> int:
        """Positions of all windows together; a map without windows has its own."""
        rows, columns = self.window
        return self.groups * rows * columns


@dataclass(frozen=True)
class Block:
    """A block: a window unit and a channel MLP.

    Arguments:
        name: such as "s0b1".
        width: channels.
        cutting: of its map.
    """

    name: str
    width: int
    cutting: Cutting


@dataclass(frozen=True)
class Stage:
    """Blocks of one map's size.

    Arguments:
        name: such as "s0".
        width: channels; side: of the map.
        blocks: in their order.
    """

    name: str
    width: int
    side: int
    blocks: tuple[Block, ...]


def stages(config: OneStepConfig, side: int) -> tuple[Stage, ...]:
    """The stages of a network that reads images of side `side`.

    Raises:
        LapilliError: where a map cannot be halved as often as asked for, or a map cannot be cut.
    """
    halvings = len(config.widths)
    if side % (1 << halvings):
        raise LapilliError(f"network: {halvings} stages need a side divisible by {1 << halvings}, got {side}")
    return tuple(_stages(config, side))


def _stages(config: OneStepConfig, side: int) -> Iterator[Stage]:
    number = 0
    for stage, (width, depth) in enumerate(zip(config.widths, config.depths)):
        side //= 2
        blocks = []
        for block in range(depth):
            name = f"s{stage}b{block}"
            blocks.append(Block(name, width, _cutting(config, name, side, number)))
            number += 1
        yield Stage(f"s{stage}", width, side, tuple(blocks))


def _cutting(config: OneStepConfig, name: str, side: int, number: int) -> Cutting:
    if config.form == "ann" or config.groups == 1:
        return Cutting(Windows(1), side)
    if side % 2:
        raise LapilliError(f"network: block {name} cannot cut a map of side {side} into {config.groups} windows")
    return Cutting(Windows(config.groups, config.dilated and number % 2 == 1 and side % 4 == 0), side)
