"""Which maps and windows a network of one time step has: stages, blocks, and how each map is cut."""

from collections.abc import Iterator
from dataclasses import dataclass

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.networks.one_step.config import OneStepConfig


@dataclass(frozen=True)
class Cutting:
    """How a map is cut into windows.

    Arguments:
        groups: windows: 1, 2 (top and bottom) or 4.
        dilated: whether they are 3/4 of the side, and not half of it.
        side: of the map.
    """

    groups: int
    dilated: bool
    side: int

    @property
    def window(self) -> tuple[int, int]:
        """(rows, columns) of a window."""
        part = self.side * 3 // 4 if self.dilated else self.side // 2
        return {1: (self.side, self.side), 2: (part, self.side), 4: (part, part)}[self.groups]

    @property
    def origins(self) -> tuple[tuple[int, int], ...]:
        """(row, column) of each window's first corner: top left, top right, bottom left, bottom right."""
        far = self.side // 4 if self.dilated else self.side // 2
        return {1: ((0, 0),), 2: ((0, 0), (far, 0)), 4: ((0, 0), (0, far), (far, 0), (far, far))}[self.groups]

    @property
    def slices(self) -> tuple[tuple[slice, slice], ...]:
        """Rows and columns of each window."""
        rows, columns = self.window
        return tuple((slice(y, y + rows), slice(x, x + columns)) for y, x in self.origins)


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
        return Cutting(1, False, side)
    if side % 2:
        raise LapilliError(f"network: block {name} cannot cut a map of side {side} into {config.groups} windows")
    return Cutting(config.groups, config.dilated and number % 2 == 1 and side % 4 == 0, side)
