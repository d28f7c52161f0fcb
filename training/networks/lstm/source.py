"""The LSTM from which a spiking one is made, with activations that IF neurons can follow, or with the usual ones."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from lapilli.netx_exports import Network
from lapilli.netx_exports.errors import UnsupportedError
from lapilli.training.networks.lstm.config import LstmConfig
from lapilli.training.networks.lstm.elements import Sizes, elements
from lapilli.training.networks.lstm.functions.hard import hard_layer
from lapilli.training.networks.lstm.initial import biases, input_weights, readout_weights, recurrent_weights
from lapilli.training.networks.operations import Costs
from lapilli.training.networks.trainable import TrainableNetwork

CLIPS = (2.0, 2.0, 1.0, 2.0, 1.0)
"""Of i, f, g, o and tanh: with them the slopes at 0 are those of sigmoid and tanh."""

_SMALLEST_CLIP = 0.05


class LstmLayer(torch.nn.Module):
    """Weights of a layer that does not spike.

    Arguments:
        n_sources: what it reads.
        units: of the layer.
        activations: as in `LstmConfig`.
    """

    def __init__(self, n_sources: int, units: int, activations: str) -> None:
        super().__init__()
        self.units, self.standard = units, activations == "standard"
        self.weight = torch.nn.Parameter(input_weights(units, n_sources))
        self.recurrent = torch.nn.Parameter(recurrent_weights(units))
        self.bias = torch.nn.Parameter(biases(units))
        self.clips = torch.nn.Parameter(torch.tensor(CLIPS), requires_grad=activations == "trainable clip")

    def forward(self, read: torch.Tensor) -> torch.Tensor:
        """What the layer gives, (elements, samples, units), for (elements, samples, sources)."""
        if not self.standard:
            clips = self.clips.clamp(min=_SMALLEST_CLIP)
            return hard_layer(torch.matmul(read, self.weight.t()), self.recurrent, self.bias, clips)
        state = read.new_zeros(1, read.shape[1], self.units)
        parameters = [self.weight, self.recurrent, self.bias, torch.zeros_like(self.bias)]
        found: torch.Tensor = torch.lstm(read, (state, state), parameters, True, 1, 0.0, False, False, False)[0]
        return found


class LstmNetwork(TrainableNetwork):
    """LSTM layers and a readout, in floating point.

    Arguments:
        config: what to build; initial weights come from torch's random generator.
        sizes: beside those of the layers.
    """

    on_gpu = False

    def __init__(self, config: LstmConfig, sizes: Sizes) -> None:
        super().__init__()
        self.config, self.sizes = config, sizes
        self.n_inputs, self.n_classes = sizes.n_inputs, sizes.n_classes
        below = (sizes.n_inputs, *config.hidden)
        self.layers = torch.nn.ModuleList(
            LstmLayer(n_sources, units, config.activations) for n_sources, units in zip(below, config.hidden)
        )
        self.head = torch.nn.Parameter(readout_weights(sizes.n_classes, config.hidden[-1]))
        self.head_bias = torch.nn.Parameter(torch.zeros(sizes.n_classes))

    @classmethod
    def from_facts(cls, config: LstmConfig, facts: Mapping[str, Any]) -> "LstmNetwork":
        """A network of that configuration and `facts`, with weights of its own.

        Raises:
            KeyError, ValueError: for facts that are none.
        """
        return cls(config, Sizes.of(facts))

    @property
    def facts(self) -> dict[str, Any]:
        """What `from_facts` needs beside configuration and weights, as JSON values."""
        return self.sizes._asdict()

    @property
    def depth(self) -> int:
        """Steps of `values` in front of the elements."""
        return 1

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Scores, (samples, classes, elements that count)."""
        return self.answers(values)[-1]

    def answers(self, values: torch.Tensor) -> list[torch.Tensor]:
        """What each layer gives, (elements, samples, units), and scores, (samples, classes, elements that count)."""
        read = elements(values, self.sizes) / self.config.unit
        given = []
        for layer in self.layers:
            given.append(layer(read))
            read = torch.nn.functional.dropout(given[-1], self.config.dropout, self.training)
        counted = read[-1:] if self.config.read == "last" else read
        scores = torch.matmul(counted, self.head.t()) + self.head_bias
        return [*given, scores.permute(1, 2, 0)]

    def costs(self, values: torch.Tensor, answers: list[torch.Tensor]) -> Costs:
        """No spikes; the multiplications of all weights in a sample."""
        sizes = [layer.weight.numel() + layer.recurrent.numel() for layer in self.layers]
        reads = 1 if self.config.read == "last" else self.sizes.n_steps
        total = self.sizes.n_steps * sum(sizes) + reads * self.head.numel()
        return Costs(torch.zeros((), dtype=torch.float64), torch.tensor(float(total), dtype=torch.float64))

    @contextmanager
    def unrounded(self) -> Iterator[None]:
        """Nothing is rounded here."""
        yield

    def export(self) -> Network:
        """Refused: it does not spike.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError("export", ["an LSTM that does not spike has no integer network; convert it first"])
