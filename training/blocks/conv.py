"""Blocks of convolutions, and of transposed ones."""

import torch

from lapilli.training.blocks.block import Checkpoints, answer_to_synapse
from lapilli.training.fused.dispatch import kernels_for
from lapilli.training.networks.slayer import slayer

_cuba = slayer.block.cuba


class Conv(Checkpoints, _cuba.Conv):  # type: ignore[misc, name-defined]
    """SLAYER's convolution block, fused; also takes `checkpoint_steps`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes (samples, channels, rows, columns, steps) for those of the inputs, likewise."""
        kernels, fused = kernels_for(x), None
        if not self.count_log:
            fused = kernels.neurons(self, kernels.conv(self.synapse, self.neuron, x))
        return super().forward(x) if fused is None else fused


class ConvT(_cuba.ConvT):  # type: ignore[misc, name-defined]
    """SLAYER's transposed convolution block, its neurons fused."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes (samples, channels, rows, columns, steps) for those of the inputs, likewise."""
        fused = answer_to_synapse(self, x)
        return super().forward(x) if fused is None else fused
