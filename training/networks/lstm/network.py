"""A spiking LSTM as a torch module: in training and evaluation it computes with the integers that are exported.

Of each sequence element every layer has T copies, the SNN steps. Membranes go from copy to copy within an element;
cells and what is sent go from element to element within a copy. Inputs are the same for all copies (direct encoding).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from lapilli.netx_exports import Network
from lapilli.training.networks.lstm import integers
from lapilli.training.networks.lstm.config import SpikingLstmConfig
from lapilli.training.networks.lstm.elements import Sizes, elements
from lapilli.training.networks.lstm.functions.spiking import Given, Trace, spiking_layer, traced
from lapilli.training.networks.lstm.initial import biases, input_weights, readout_weights, recurrent_weights
from lapilli.training.networks.lstm.integers import Cell, Weights
from lapilli.training.networks.operations import Costs
from lapilli.training.networks.trainable import TrainableNetwork

THRESHOLDS = (4.0, 4.0, 4.0, 1.0)
"""Of i, f, o and tanh: IF neurons with them follow clips at 2, 2, 2 and 1."""

GATE_OFFSET = 2.0
"""Added to the bias of a spiking gate: half of its threshold, at which a clipped sigmoid is 1/2 for 0."""

_SMALLEST_THRESHOLD = 1 / 16


class SpikingLayer(torch.nn.Module):
    """A layer's parameters in real numbers; all copies have the same.

    Arguments:
        n_sources: what it reads.
        units: of the layer.
        jointly: whether thresholds, leaks, start values and clamp are trained.
    """

    def __init__(self, n_sources: int, units: int, jointly: bool) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(input_weights(units, n_sources))
        self.recurrent = torch.nn.Parameter(recurrent_weights(units))
        bias = biases(units).reshape(4, units)
        bias[[0, 1, 3]] += GATE_OFFSET
        self.bias = torch.nn.Parameter(bias.flatten())
        numbers = {"thresholds": THRESHOLDS, "kept": (1.0,) * 4, "starts": (GATE_OFFSET,) * 3, "clamp": (1.0,)}
        for name, values in numbers.items():
            self.register_parameter(name, torch.nn.Parameter(torch.tensor(values), requires_grad=jointly))

    @property
    def cell(self) -> Cell:
        """What is no weight, as the integers have it."""
        return integers.cell(self.bias, self.thresholds, self.kept, self.starts, self.clamp)

    @torch.no_grad()
    def keep_within(self) -> None:
        """Bring parameters back to where they have a meaning, in case a step of the optimiser led out of it."""
        self.kept.clamp_(0, 1)
        self.thresholds.clamp_(min=_SMALLEST_THRESHOLD)
        self.clamp.clamp_(min=1 / integers.CURRENT_UNIT)


class SpikingLstmNetwork(TrainableNetwork):
    """Spiking LSTM layers and a readout that adds up the spikes of all copies.

    Arguments:
        config: what to build; initial weights come from torch's random generator.
        sizes: beside those of the layers.

    Raises:
        LapilliError: where sums would not be exact.
    """

    config: Any

    # Its kernels are numba's.
    on_gpu = False

    def __init__(self, config: SpikingLstmConfig, sizes: Sizes) -> None:
        super().__init__()
        self.config, self.sizes = config, sizes
        self.n_inputs, self.n_classes = sizes.n_inputs, sizes.n_classes
        integers.check_exact(sizes.n_inputs, config.unit)
        below = (sizes.n_inputs, *config.hidden)
        self.layers = torch.nn.ModuleList(
            SpikingLayer(n_sources, units, config.train == "jointly") for n_sources, units in zip(below, config.hidden)
        )
        self.head = torch.nn.Parameter(readout_weights(sizes.n_classes, config.hidden[-1]))
        self.head_bias = torch.nn.Parameter(torch.zeros(sizes.n_classes))
        self.rounded = True

    @classmethod
    def from_facts(cls, config: SpikingLstmConfig, facts: Mapping[str, Any]) -> "SpikingLstmNetwork":
        """A network of that configuration and `facts`, with weights of its own.

        Raises:
            LapilliError: as the constructor.
            KeyError, ValueError: for facts that are none.
        """
        return cls(config, Sizes.of(facts))

    @property
    def facts(self) -> dict[str, Any]:
        """What `from_facts` needs beside configuration and weights, as JSON values."""
        return self.sizes._asdict()

    @property
    def depth(self) -> int:
        """Steps by which the exported readout answers later than the input came: one for each layer and each copy."""
        return len(self.layers) + self.config.copies

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Scores, (samples, classes, elements that count)."""
        return self.answers(values)[-1]

    def answers(self, values: torch.Tensor) -> list[torch.Tensor]:
        """What each layer sends, (elements, copies, samples, units), and scores, (samples, classes, elements).

        Raises:
            LapilliError: where sums would not be exact; as of `lapilli.training.networks.lstm.elements.elements`.
        """
        read, unit, sent = self._input(values), self.config.unit, []
        for layer in self._layers():
            given = self._given(layer, read, unit)
            sent.append(spiking_layer(given, self.config.surrogate_peak))
            read, unit = torch.nn.functional.dropout(sent[-1], self.config.dropout, self.training), 1
        return [*sent, self._scores(read)]

    @torch.no_grad()
    def traces(self, values: torch.Tensor) -> tuple[list[Trace], torch.Tensor]:
        """All that the layers do, and the readout's integers in each element, (elements, samples, classes).

        Arguments:
            values: as of `answers`.
        """
        read, unit, found = self._input(values), self.config.unit, []
        for layer in self._layers():
            found.append(traced(self._given(layer, read, unit)))
            read, unit = found[-1].h, 1
        weight, bias, _ = self.readout_integers()
        return found, torch.matmul(read.sum(1), weight.t()) + bias

    def readout_integers(self) -> tuple[torch.Tensor, torch.Tensor, int]:
        """Weights (classes, units), biases (classes), and what stands for a score of 1."""
        return integers.readout(self.head, self.head_bias, self.config.copies)

    def weights_of(self, real: torch.Tensor, unit: int) -> Weights:
        """Weights of a synapse as integers, or, while `unrounded` is open, what the optimiser left in their unit."""
        found = integers.weights(real, unit)
        if self.rounded:
            return found
        return Weights(real * (integers.CURRENT_UNIT / unit / 2.0**found.exponent), found.exponent)

    def costs(self, values: torch.Tensor, answers: list[torch.Tensor]) -> Costs:
        """Spikes that are sent, and the weights other than 0 that they and the input meet; no hand-over.

        Arguments:
            values, answers: of `answers`.
        """
        n_samples = len(values)
        first, *_ = self.layers
        events = (elements(values, self.sizes) != 0).double().sum((0, 1))
        total = (events * _fan_out(self.weights_of(first.weight, self.config.unit))).sum()
        spikes = total * 0
        for number, (layer, sent) in enumerate(zip(self.layers, answers)):
            # A spike of -1 is a spike too.
            of_units = sent.abs().double().sum((0, 1, 2))
            above = self.layers[number + 1].weight if number + 1 < len(self.layers) else None
            fan_out = _fan_out(self.weights_of(layer.recurrent, 1))
            fan_out += _fan_out(self.weights_of(above, 1)) if above is not None else self._head_fan_out()
            spikes = spikes + of_units.sum()
            total = total + (of_units * fan_out).sum()
        return Costs(spikes / n_samples, total / n_samples)

    @contextmanager
    def unrounded(self) -> Iterator[None]:
        """While it is open, weights of the layers are what the optimiser left; all else stays on integers."""
        self.rounded = False
        try:
            yield
        finally:
            self.rounded = True

    def export(self) -> Network:
        """The integer network that this module computes, with its readout."""
        from lapilli.training.networks.lstm.export import exported

        return exported(self)

    def _input(self, values: torch.Tensor) -> torch.Tensor:
        read = elements(values, self.sizes)
        integers.check_exact(self.n_inputs, int(read.abs().max()))
        return read[:, None]

    def _layers(self) -> Iterator[SpikingLayer]:
        for layer in self.layers:
            assert isinstance(layer, SpikingLayer)
            if self.training:
                layer.keep_within()
            yield layer

    def _given(self, layer: SpikingLayer, read: torch.Tensor, unit: int) -> Given:
        weight = self.weights_of(layer.weight, unit)
        sums = torch.matmul(read, weight.values.t())
        return Given(sums, weight.exponent, self.weights_of(layer.recurrent, 1), layer.cell, self.config.copies)

    def _scores(self, read: torch.Tensor) -> torch.Tensor:
        counted = read[-1:] if self.config.read == "last" else read
        weight, bias, unit = self.readout_integers()
        scores = torch.matmul(counted.sum(1), weight.t()) + bias
        return scores.permute(1, 2, 0) / unit

    def _head_fan_out(self) -> torch.Tensor:
        return (self.readout_integers()[0].detach() != 0).double().sum(0)


def _fan_out(found: Weights) -> torch.Tensor:
    """Weights other than 0 of each source, float64."""
    return (found.values.detach() != 0).double().sum(0)
