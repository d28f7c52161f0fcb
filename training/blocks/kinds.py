"""The kinds of blocks that are trained, and which of their two forms: on fused kernels, or SLAYER's own code.

A new kind is a file beside this one, and a line of `KINDS`.
"""

import os
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal, get_args

import torch

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.blocks.conv import Conv, ConvT
from lapilli.training.blocks.dense import Affine, Dense
from lapilli.training.blocks.flatten import Flatten
from lapilli.training.blocks.multi import MultiConv, MultiDense, SlayerMultiConv, SlayerMultiDense
from lapilli.training.blocks.pool import Pool, Unpool
from lapilli.training.blocks.recurrent import Recurrent
from lapilli.training.networks.slayer import slayer

DynamicsName = Literal["slayer", "fused"]
VARIABLE = "LAPILLI_DYNAMICS"

BlockModule = SimpleNamespace
"""Holds block classes under the names that they have in `lava.lib.dl.slayer.block.cuba`, `MultiDense`, `MultiConv`."""

_cuba = slayer.block.cuba


@dataclass(frozen=True)
class BlockKind:
    """A kind of block in its two forms, of the same constructor, parameters and numbers.

    Arguments:
        fused: on fused kernels; its name is that of the kind.
        slayer: by SLAYER's own code.
    """

    fused: type[torch.nn.Module]
    slayer: type[torch.nn.Module]


KINDS = (
    BlockKind(Dense, _cuba.Dense),
    BlockKind(Affine, _cuba.Affine),
    BlockKind(Recurrent, _cuba.Recurrent),
    BlockKind(Conv, _cuba.Conv),
    BlockKind(ConvT, _cuba.ConvT),
    BlockKind(Pool, _cuba.Pool),
    BlockKind(Unpool, _cuba.Unpool),
    BlockKind(Flatten, _cuba.Flatten),
    BlockKind(MultiDense, SlayerMultiDense),
    BlockKind(MultiConv, SlayerMultiConv),
)


def selected_dynamics(dynamics: DynamicsName | None = None) -> DynamicsName:
    """`dynamics`, or what the environment variable LAPILLI_DYNAMICS says, or "fused".

    Raises:
        LapilliError: for any other word.
    """
    word: Any = dynamics or os.environ.get(VARIABLE) or "fused"
    if word not in get_args(DynamicsName):
        raise LapilliError(f"{VARIABLE}: must be one of {', '.join(get_args(DynamicsName))}, got {word!r}")
    return word


def block_module(dynamics: DynamicsName | None = None) -> Any:
    """The blocks to build networks from, in place of `slayer.block.cuba`.

    Arguments:
        dynamics: "fused", "slayer", or None for what LAPILLI_DYNAMICS says (default: "fused").

    Raises:
        LapilliError: for any other word.
    """
    selected = selected_dynamics(dynamics)
    others = {name: value for name, value in vars(_cuba).items() if isinstance(value, type)}
    return BlockModule(**others | {kind.fused.__name__: getattr(kind, selected) for kind in KINDS})
