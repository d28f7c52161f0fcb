"""SLAYER's blocks of CUBA neurons on fused kernels; `block_module` selects between them and SLAYER's own."""

from lapilli.training.fused.bias import Bias
from lapilli.training.fused.selection import BlockModule, block_module, selected_dynamics

__all__ = ["Bias", "BlockModule", "block_module", "selected_dynamics"]
