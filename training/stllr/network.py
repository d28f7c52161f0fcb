"""Networks for rules that go forward in time: all layers answer in the same step."""

from collections.abc import Sequence
from math import prod

import torch

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.networks.config import ConvConfig
from lapilli.training.stllr.config import OnlineNetworkConfig, network_misfits
from lapilli.training.stllr.frames import Stream
from lapilli.training.stllr.layers import Layer, LayerRun, neurons_of
from lapilli.training.stllr.synapses import ConvSynapse, DenseSynapse, Synapse


class OnlineNetwork(torch.nn.Module):
    """Layers of spiking neurons and a readout that never spikes; each batch starts from empty state.

    Arguments:
        config: what to build; initial weights come from torch's random generator.
        input_shape: (N,) or (C, H, W).
        n_classes: readout neurons.
        graded_input: whether input events carry values, such as counts.

    Raises:
        LapilliError: listing every value out of its range, and what does not fit the input.
    """

    def __init__(
        self, config: OnlineNetworkConfig, input_shape: Sequence[int], n_classes: int, graded_input: bool = False
    ) -> None:
        super().__init__()
        problems = list(network_misfits(config, input_shape))
        if n_classes < 2:
            problems.append(f"classes: must be at least 2, got {n_classes}")
        if problems:
            raise LapilliError("network: " + "; ".join(problems))
        self.config = config
        # Without convolutions an image is a row of neurons.
        self.input_shape = tuple(input_shape) if config.conv else (prod(input_shape),)
        self.n_classes, self.graded_input = n_classes, graded_input
        layers = _hidden_layers(config, self.input_shape)
        self.layers = torch.nn.ModuleList(layers)
        below = layers[-1].size if layers else prod(self.input_shape)
        synapse = DenseSynapse(below, n_classes, config.weight_scale, False, config.arithmetic == "integer")
        self.readout = Layer((n_classes,), neurons_of(config)[1], synapse, None, config.bias)

    @property
    def hidden(self) -> list[Layer]:
        """The layers that spike."""
        return list(self.layers)

    @property
    def facts(self) -> dict[str, object]:
        """What a reader needs beside configuration and weights, as JSON values."""
        return {
            "input_shape": list(self.input_shape),
            "n_classes": self.n_classes,
            "graded_input": int(self.graded_input),
        }

    def round_weights(self, generator: torch.Generator) -> None:
        """Keep nothing of the weights that 8 bits cannot hold, each rounded at random."""
        for layer in (*self.hidden, self.readout):
            for part in layer.parts:
                part.round_at_random(generator)

    @torch.no_grad()
    def scores(self, stream: Stream) -> torch.Tensor:
        """Voltages of the readout, summed over all steps, (samples, classes); the largest is the decision.

        Those of integers are exact.
        """
        runs = [LayerRun(layer, stream.n_samples) for layer in (*self.hidden, self.readout)]
        total = torch.zeros_like(runs[-1].voltage, dtype=torch.float64)
        for values in stream:
            for run in runs[:-1]:
                run.integrate(values)
                values = run.fire()
            runs[-1].integrate(values)
            total += runs[-1].voltage
        return total


def _hidden_layers(config: OnlineNetworkConfig, input_shape: Sequence[int]) -> list[Layer]:
    integer, neurons = config.arithmetic == "integer", neurons_of(config)[0]
    shape, layers = tuple(input_shape), []
    for conv in config.conv:
        below = _convolution(config, conv, shape[0])
        shape = (conv.channels, *conv.sides(shape[1:]))
        layers.append(Layer(shape, neurons, below, None, config.bias))
    source = prod(shape)
    for size in config.hidden:

        def synapse(sources: int, size: int = size) -> Synapse:
            return DenseSynapse(sources, size, config.weight_scale, config.weight_standardisation, integer)

        below = synapse(source)
        layers.append(Layer((size,), neurons, below, synapse(size) if config.recurrent else None, config.bias))
        source = size
    return layers


def _convolution(config: OnlineNetworkConfig, conv: ConvConfig, channels: int) -> Synapse:
    geometry = (conv.kernel, conv.stride, conv.margin)
    options = (config.weight_scale, config.weight_standardisation, config.arithmetic == "integer")
    return ConvSynapse((channels, conv.channels), *geometry, *options)
