"""Dense blocks: one that spikes, and a readout of voltages."""

import torch

from lapilli.training.blocks.block import Checkpoints, apply_mask
from lapilli.training.fused.dispatch import kernels_for
from lapilli.training.networks.slayer import slayer

_cuba = slayer.block.cuba


class Dense(Checkpoints, _cuba.Dense):  # type: ignore[misc, name-defined]
    """SLAYER's dense block, fused; also takes `checkpoint_steps`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes (samples, neurons, steps) for those of the inputs (samples, inputs, steps)."""
        kernels, fused = kernels_for(x), None
        if not self.count_log:
            apply_mask(self)
            fused = kernels.neurons(self, kernels.dense(self.synapse, self.neuron, x))
        return super().forward(x) if fused is None else fused


class Affine(Checkpoints, _cuba.Affine):  # type: ignore[misc, name-defined]
    """SLAYER's readout block, fused: voltages of neurons that never spike; also takes `checkpoint_steps`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Voltages (samples, neurons, steps) for spikes of the inputs (samples, inputs, steps)."""
        kernels, fused = kernels_for(x), None
        if self.dynamics and not self.count_log:
            apply_mask(self)
            fused = kernels.neurons(self, kernels.dense(self.synapse, self.neuron, x), spiking=False)
        return super().forward(x) if fused is None else fused
