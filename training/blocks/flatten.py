"""The block between images and dense blocks."""

from typing import Any

import torch

from lapilli.training.networks.slayer import slayer

_cuba = slayer.block.cuba


class Flatten(_cuba.Flatten):  # type: ignore[misc, name-defined]
    """SLAYER's block that makes one dimension of an image, in the layout that the fused blocks read."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(samples, neurons, steps) of (samples, channels, rows, columns, steps)."""
        if x.dim() != 5 or self.count_log:
            return super().forward(x)
        if self.shape is None:
            self.shape: Any = [x.shape[1] * x.shape[2] * x.shape[3], 1, 1]
        return x.permute(0, 4, 1, 2, 3).flatten(2).transpose(1, 2)
