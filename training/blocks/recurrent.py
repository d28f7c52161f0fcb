"""Recurrent blocks."""

from typing import Any

import torch

from lapilli.netx_exports.errors import UnsupportedError
from lapilli.training.blocks.block import Checkpoints
from lapilli.training.fused.arrivals import quantised_weight
from lapilli.training.fused.bias import Bias
from lapilli.training.fused.dispatch import kernels_for
from lapilli.training.fused.neurons import forget
from lapilli.training.networks.slayer import slayer

_cuba = slayer.block.cuba


class Recurrent(Checkpoints, _cuba.Recurrent):  # type: ignore[misc, name-defined]
    """SLAYER's recurrent block, fused; every batch starts from rest.

    SLAYER's carries current and voltage over to the next batch if that has the same number of samples.

    Arguments:
        through_state: whether gradients pass from step to step through current and voltage as well as through the
            recurrent spikes. SLAYER's pass through the spikes alone, which is the default.
        checkpoint_steps: as of the other blocks.

    Raises (when called):
        UnsupportedError: for `through_state=True` or neurons with a `Bias` where only SLAYER's own code computes what
            the block does.
    """

    def __init__(self, *args: Any, through_state: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.through_state = through_state

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes (samples, neurons, steps) for those of the inputs (samples, inputs, steps)."""
        forget(self)
        kernels, fused = kernels_for(x), None
        if self.bias is None and not self.count_log:
            feedback = quantised_weight(self.recurrent_synapse, self.neuron, x.device)
            if feedback is not None:
                fused = kernels.neurons(self, kernels.dense(self.input_synapse, self.neuron, x), feedback=feedback)
        if fused is not None:
            return fused
        problems = ["through_state: SLAYER's own code has no such gradient"] if self.through_state else []
        if isinstance(self.neuron.norm, Bias):
            problems.append("bias: SLAYER's own code adds it to the current that it carries over")
        if problems:
            raise UnsupportedError("recurrent block", problems)
        spikes: torch.Tensor = super().forward(x)
        forget(self)
        return spikes
