"""A learnt bias of CUBA neurons, in the place where SLAYER's neurons have their normalisation."""

from typing import Any

import torch

from lapilli.training.fused.dynamics import has_hooks
from lapilli.training.networks.slayer import slayer

_MeanOnlyBatchNorm = slayer.neuron.norm.MeanOnlyBatchNorm


class Bias(torch.nn.Module):
    """Adds a learnt number to the voltage of each neuron in each step: v[t] = decayed v[t - 1] + u[t] + bias.

    Give it to a block as the neuron's normalisation: `neuron_params | {"norm": partial(Bias, n_channels)}`; SLAYER's
    neuron builds it, quantises it as its weights, and adds it between current and voltage. A recurrent block with it
    runs on the fused kernels only, because SLAYER's own code would add it to the current that it carries over.

    Arguments:
        n_channels: biases; of a dense layer one for each neuron, of an image one for each channel.

    Attributes:
        shift: the biases before quantisation, (channels), in SLAYER's unit.
    """

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.shift = torch.nn.Parameter(torch.zeros(n_channels))
        self.pre_hook_fx: Any = lambda values, descale=False: values

    @property
    def quantised(self) -> torch.Tensor:
        """The biases as they are added, (channels)."""
        values: torch.Tensor = self.pre_hook_fx(self.shift)
        return values

    @property
    def bias(self) -> torch.Tensor:
        """Mantissas of the exported neuron's bias, as SLAYER's normalisation calls it."""
        mantissas: torch.Tensor = self.pre_hook_fx(self.shift, descale=True)
        return mantissas

    def forward(self, current: torch.Tensor) -> torch.Tensor:
        """Currents (samples, channels, ..., steps) with the bias added."""
        return current + self.quantised.view(-1, *(1,) * (current.dim() - 2))


def fixed_bias(neuron: Any) -> torch.Tensor | None:
    """What the neuron's normalisation adds, (channels), where that does not depend on the batch and is quantised."""
    norm = neuron.norm
    if getattr(norm, "pre_hook_fx", None) != neuron.quantize_8bit or has_hooks(norm):
        return None
    if isinstance(norm, Bias):
        bias = norm.quantised
    elif type(norm) is _MeanOnlyBatchNorm and not (norm.training and norm.update):
        bias = -norm.pre_hook_fx(norm.running_mean)
    else:
        return None
    return bias if bool(bias.detach().isfinite().all()) else None
