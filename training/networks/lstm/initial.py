"""Weights that an LSTM begins with."""

import torch

FORGET_BIAS = 1.0
"""Of the forget gate, so that cells keep what they have at first."""


def input_weights(units: int, n_sources: int) -> torch.Tensor:
    """Uniform, (4 units, sources), as torch's own LSTMs have them."""
    return torch.empty(4 * units, n_sources).uniform_(-(units**-0.5), units**-0.5)


def recurrent_weights(units: int) -> torch.Tensor:
    """An orthogonal matrix for each gate, (4 units, units)."""
    return torch.cat([torch.nn.init.orthogonal_(torch.empty(units, units)) for _ in range(4)])


def biases(units: int) -> torch.Tensor:
    """Of i, f, g, o, (4 units)."""
    bias = torch.zeros(4, units)
    bias[1] = FORGET_BIAS
    return bias.flatten()


def readout_weights(n_classes: int, units: int) -> torch.Tensor:
    """Uniform, (classes, units)."""
    return torch.empty(n_classes, units).uniform_(-(units**-0.5), units**-0.5)
