"""SLAYER's dense, recurrent and readout blocks of CUBA neurons, on fused kernels.

Each block is the block of `lava.lib.dl.slayer.block.cuba` of the same name: constructor, parameters, state dict, export
and numbers are SLAYER's. Where the kernels do not compute what a block does (normalisation of a recurrent block, graded
spikes, weights without quantisation, hooks, ...), SLAYER's own code runs.
"""

from typing import Any

import torch

from lapilli.netx_exports.errors import UnsupportedError
from lapilli.training.fused.arrivals import quantised_weight
from lapilli.training.fused.bias import Bias
from lapilli.training.fused.dispatch import arrivals, conv_arrivals, run_neurons, synapse_arrivals
from lapilli.training.fused.neurons import forget
from lapilli.training.networks.slayer import slayer

_cuba = slayer.block.cuba


class _Checkpoints(torch.nn.Module):
    """Takes the steps between the states that are kept for the way back, beside SLAYER's arguments.

    Arguments:
        checkpoint_steps: 0: states of all steps are kept; else those of every so many steps, and each chunk of steps
            runs again on the way back, which gives the same numbers bit for bit; None: what the environment variable
            LAPILLI_CHECKPOINT_STEPS says, else 0. No effect on a GPU, nor where inputs are so dense that a dense
            product is taken.
    """

    def __init__(self, *args: Any, checkpoint_steps: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.checkpoint_steps = checkpoint_steps


class Dense(_Checkpoints, _cuba.Dense):  # type: ignore[misc, name-defined]
    """SLAYER's dense block, fused; also takes `checkpoint_steps`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes (samples, neurons, steps) for those of the inputs (samples, inputs, steps)."""
        fused = None
        if not self.count_log:
            _apply_mask(self)
            fused = run_neurons(self, arrivals(self.synapse, self.neuron, x))
        return super().forward(x) if fused is None else fused


class Affine(_Checkpoints, _cuba.Affine):  # type: ignore[misc, name-defined]
    """SLAYER's readout block, fused: voltages of neurons that never spike; also takes `checkpoint_steps`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Voltages (samples, neurons, steps) for spikes of the inputs (samples, inputs, steps)."""
        fused = None
        if self.dynamics and not self.count_log:
            _apply_mask(self)
            fused = run_neurons(self, arrivals(self.synapse, self.neuron, x), spiking=False)
        return super().forward(x) if fused is None else fused


class Conv(_Checkpoints, _cuba.Conv):  # type: ignore[misc, name-defined]
    """SLAYER's convolution block, fused; also takes `checkpoint_steps`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes (samples, channels, rows, columns, steps) for those of the inputs, likewise."""
        fused = None if self.count_log else run_neurons(self, conv_arrivals(self.synapse, self.neuron, x))
        return super().forward(x) if fused is None else fused


class Pool(_cuba.Pool):  # type: ignore[misc, name-defined]
    """SLAYER's pooling block, its neurons fused."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes (samples, channels, rows, columns, steps) for those of the inputs, likewise."""
        fused = _neurons_fused(self, x)
        return super().forward(x) if fused is None else fused


class ConvT(_cuba.ConvT):  # type: ignore[misc, name-defined]
    """SLAYER's transposed convolution block, its neurons fused."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes (samples, channels, rows, columns, steps) for those of the inputs, likewise."""
        fused = _neurons_fused(self, x)
        return super().forward(x) if fused is None else fused


class Unpool(_cuba.Unpool):  # type: ignore[misc, name-defined]
    """SLAYER's unpooling block, its neurons fused."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Spikes (samples, channels, rows, columns, steps) for those of the inputs, likewise."""
        fused = _neurons_fused(self, x)
        return super().forward(x) if fused is None else fused


class Flatten(_cuba.Flatten):  # type: ignore[misc, name-defined]
    """SLAYER's block that makes one dimension of an image, in the layout that the fused blocks read."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(samples, neurons, steps) of (samples, channels, rows, columns, steps)."""
        if x.dim() != 5 or self.count_log:
            return super().forward(x)
        if self.shape is None:
            self.shape: Any = [x.shape[1] * x.shape[2] * x.shape[3], 1, 1]
        return x.permute(0, 4, 1, 2, 3).flatten(2).transpose(1, 2)


class Recurrent(_Checkpoints, _cuba.Recurrent):  # type: ignore[misc, name-defined]
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
        fused = None
        if self.bias is None and not self.count_log:
            feedback = quantised_weight(self.recurrent_synapse, self.neuron, x.device)
            if feedback is not None:
                fused = run_neurons(self, arrivals(self.input_synapse, self.neuron, x), feedback=feedback)
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


def _neurons_fused(block: Any, x: torch.Tensor) -> torch.Tensor | None:
    """Fused neurons behind SLAYER's own synapse."""
    return None if block.count_log else run_neurons(block, synapse_arrivals(block.synapse, x))


def _apply_mask(block: Any) -> None:
    if block.mask is not None:
        block.synapse.weight.data *= block.mask
