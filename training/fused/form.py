"""How the neurons of a layer lie in what torch sees and in what the kernels see."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Form:
    """How neurons lie.

    Arguments:
        shape: of what arrives and of what is sent, (samples, *neurons, steps).
        channels_last: whether the neurons of an image lie as (rows, columns, channels) in what a layer computes.
    """

    shape: torch.Size
    channels_last: bool = False

    def shaped(self, by_step: torch.Tensor) -> torch.Tensor:
        """(samples, *neurons, steps) of (samples, steps, neurons)."""
        if not self.channels_last:
            return by_step.transpose(1, 2).reshape(self.shape)
        _, channels, rows, columns, steps = self.shape
        return by_step.reshape(len(by_step), steps, rows, columns, channels).permute(0, 4, 2, 3, 1)

    def by_step(self, shaped: torch.Tensor) -> torch.Tensor:
        """The inverse, of all samples or some of them."""
        if not self.channels_last:
            return shaped.detach().flatten(1, -2).transpose(1, 2).contiguous()
        return shaped.detach().permute(0, 4, 2, 3, 1).flatten(2).contiguous()
