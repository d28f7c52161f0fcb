"""Blocks of pooling neurons, and of neurons that undo it."""

import torch

from lapilli.training.blocks.block import answer_to_synapse
from lapilli.training.networks.slayer import slayer

_cuba = slayer.block.cuba


class Pool(_cuba.Pool):  # type: ignore[misc, name-defined]
    """SLAYER's pooling block, its neurons fused."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes (samples, channels, rows, columns, steps) for those of the inputs, likewise."""
        fused = answer_to_synapse(self, x)
        return super().forward(x) if fused is None else fused


class Unpool(_cuba.Unpool):  # type: ignore[misc, name-defined]
    """SLAYER's unpooling block, its neurons fused."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes (samples, channels, rows, columns, steps) for those of the inputs, likewise."""
        fused = answer_to_synapse(self, x)
        return super().forward(x) if fused is None else fused
