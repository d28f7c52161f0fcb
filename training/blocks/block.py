"""What fused blocks have in common.

Each is the block of `lava.lib.dl.slayer.block.cuba` of the same name: constructor, parameters, state dict, export and
numbers are SLAYER's. Where the kernels do not compute what a block does (normalisation of a recurrent block, graded
spikes, weights without quantisation, hooks, ...), SLAYER's own code runs.
"""

from typing import Any

import torch

from lapilli.training.fused.dispatch import kernels_for


class Checkpoints(torch.nn.Module):
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


def apply_mask(block: Any) -> None:
    """Set the weights to 0 that the block's mask says, as SLAYER's dense blocks do before each pass."""
    if block.mask is not None:
        block.synapse.weight.data *= block.mask


def answer_to_synapse(block: Any, x: torch.Tensor) -> torch.Tensor | None:
    """Fused neurons behind SLAYER's own synapse; None where SLAYER's code must run."""
    kernels = kernels_for(x)
    return None if block.count_log else kernels.neurons(block, kernels.synapse(block.synapse, x))
