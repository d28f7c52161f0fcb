"""SLAYER's blocks of CUBA neurons on fused kernels; `block_module` selects between them and SLAYER's own."""

from training.fused.selection import BlockModule, block_module, selected_dynamics

__all__ = ["BlockModule", "block_module", "selected_dynamics"]
