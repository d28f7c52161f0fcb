"""SLAYER's blocks of CUBA neurons; `block_module` selects between those on fused kernels and SLAYER's own."""

from lapilli.training.blocks.kinds import BlockModule, block_module, selected_dynamics

__all__ = ["BlockModule", "block_module", "selected_dynamics"]


def __dir__() -> list[str]:
    return sorted(__all__)
