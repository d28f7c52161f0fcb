"""SLAYER networks from a typed description."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from netx_exports import Network, from_slayer
from netx_exports.errors import LapilliError
from training.alignment import clear_state
from training.axonal_delays import delayed
from training.network_blocks import build_blocks
from training.network_config import DEFAULT_NETWORK, NetworkConfig, config_problems, depth

__all__ = ["DEFAULT_NETWORK", "NetworkConfig", "SlayerNetwork", "depth"]


class SlayerNetwork(torch.nn.Module):
    """SLAYER blocks run one after the other, each batch from empty state.

    Arguments:
        config: what to build; initial weights come from torch's random generator.
        n_inputs: input neurons.
        n_classes: output neurons.

    Raises:
        LapilliError: listing every value out of its range.
    """

    def __init__(self, config: NetworkConfig, n_inputs: int, n_classes: int) -> None:
        super().__init__()
        if problems := list(config_problems(config)):
            raise LapilliError("network: " + "; ".join(problems))
        self.config = config
        self.n_inputs = n_inputs
        self.blocks = torch.nn.ModuleList(build_blocks(config, n_inputs, n_classes))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """What the last block gives, (samples, classes, steps): voltages of a readout that never spikes, or spikes.

        Arguments:
            values: (samples, inputs, steps), from `training.alignment.slayer_input`.
        """
        return self.answers(values)[-1]

    def answers(self, values: torch.Tensor) -> list[torch.Tensor]:
        """What each block gives in the step in which its neurons send it, (samples, neurons, steps).

        The next block gets it one step later, and the learned delay of a recurrent block later: as in the exported
        network, where such delays are on the synapses that read the layer, others on the layer's own.

        Arguments:
            values: as of `forward`.
        """
        clear_state(self)
        found: list[torch.Tensor] = []
        for block in self.blocks:
            late = block.delay if self.config.recurrent else None
            with _unshifted(block, late):
                found.append(block(values))
            sent = found[-1] if late is None else delayed(found[-1], late)
            # By steps first, as the fused blocks write and read.
            values = torch.nn.functional.pad(sent.transpose(1, 2), (0, 0, 1, 0))[:, :-1].transpose(1, 2)
        # SLAYER keeps a recurrent block's last spikes in the state dict, in the shape of the batch.
        clear_state(self)
        return found

    def export(self) -> Network:
        """The integer network that this module computes, with its readout in the metadata."""
        return from_slayer(self, (self.n_inputs,), metadata={"readout": {"kind": self.config.readout}})


@contextmanager
def _unshifted(block: Any, delay: torch.nn.Module | None) -> Iterator[None]:
    """Without the block's own shift by a step, which loses what is sent in the last step, and without `delay`."""
    shifts = getattr(block, "delay_shift", False)
    block.delay_shift = False
    if delay is not None:
        block.delay = None
    try:
        yield
    finally:
        block.delay_shift = shifts
        if delay is not None:
            block.delay = delay
