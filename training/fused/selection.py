"""Which dynamics train: the fused kernels, or SLAYER's own code for comparison."""

import os
from types import SimpleNamespace
from typing import Any, Literal, get_args

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.fused import blocks, multi
from lapilli.training.networks.slayer import slayer

DynamicsName = Literal["slayer", "fused"]
VARIABLE = "LAPILLI_DYNAMICS"

BlockModule = SimpleNamespace
"""Holds block classes under the names that they have in `lava.lib.dl.slayer.block.cuba`, `MultiDense`, `MultiConv`."""

_FUSED = ("Dense", "Affine", "Recurrent", "Conv", "Pool", "ConvT", "Unpool", "Flatten")


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
    names = {name: value for name, value in vars(slayer.block.cuba).items() if isinstance(value, type)}
    if selected_dynamics(dynamics) == "slayer":
        return SimpleNamespace(**names, MultiDense=multi.SlayerMultiDense, MultiConv=multi.SlayerMultiConv)
    fused = {name: getattr(blocks, name) for name in _FUSED}
    return SimpleNamespace(**names | fused, MultiDense=multi.MultiDense, MultiConv=multi.MultiConv)
