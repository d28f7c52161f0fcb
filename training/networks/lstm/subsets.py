"""A spiking LSTM in floating point of which any activations spike, by autograd: for comparisons of these subsets.

Copies, membranes and surrogate are those of the integer network; what does not spike is clipped instead, and nothing
is rounded.
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import torch

from lapilli.netx_exports import Network
from lapilli.netx_exports.errors import UnsupportedError
from lapilli.training.networks.lstm.config import EXPORTED, PartlySpikingConfig, SpikingLstmConfig
from lapilli.training.networks.lstm.elements import Sizes, elements
from lapilli.training.networks.lstm.network import SpikingLayer, SpikingLstmNetwork
from lapilli.training.networks.operations import Costs

_SEED = 0
"""Of what rate encoding draws in evaluation."""


class PartlySpikingNetwork(SpikingLstmNetwork):
    """Layers of which some activations spike.

    Arguments:
        config: what to build; initial weights come from torch's random generator.
        sizes: beside those of the layers.
    """

    config: PartlySpikingConfig

    def __init__(self, config: PartlySpikingConfig, sizes: Sizes) -> None:
        common = {part.name: getattr(config, part.name) for part in fields(SpikingLstmConfig) if part.name != "name"}
        super().__init__(SpikingLstmConfig(**common), sizes)
        self.config = config

    def answers(self, values: torch.Tensor) -> list[torch.Tensor]:
        """What each layer sends, (elements, copies, samples, units), and scores, (samples, classes, elements)."""
        read = self._encoded(elements(values, self.sizes) / self.config.unit)
        sent = []
        for layer in self._layers():
            sums = torch.matmul(read, layer.weight.t())
            sent.append(partly_spiking_layer(sums, layer, self.config))
            read = torch.nn.functional.dropout(sent[-1], self.config.dropout, self.training)
        counted = read[-1:] if self.config.read == "last" else read
        scores = torch.matmul(counted.mean(1), self.head.t()) + self.head_bias
        return [*sent, scores.permute(1, 2, 0)]

    def costs(self, values: torch.Tensor, answers: list[torch.Tensor]) -> Costs:
        """What layers send that is not 0, and no operations: the integer network counts those."""
        spikes = sum((sent.abs().double().sum() for sent in answers[:-1]), torch.zeros((), dtype=torch.float64))
        return Costs(spikes / len(values), torch.zeros((), dtype=torch.float64))

    def export(self) -> Network:
        """Refused: it is no network of integers.

        Raises:
            UnsupportedError: naming what spikes, and the encoding.
        """
        spiking = ", ".join(self.config.spiking)
        raise UnsupportedError(
            "export",
            [
                f"network.spiking: activations {spiking} with {self.config.encoding} encoding have no integer network; "
                f"those of {', '.join(EXPORTED)} with direct encoding have"
            ],
        )

    def _encoded(self, read: torch.Tensor) -> torch.Tensor:
        """(elements, 1 or copies, samples, inputs)."""
        if self.config.encoding == "direct":
            return read[:, None]
        generator = None if self.training else torch.Generator().manual_seed(_SEED)
        shape = (len(read), self.config.copies, *read.shape[1:])
        return torch.sign(read)[:, None] * (torch.rand(shape, generator=generator) < read.abs()[:, None])


def partly_spiking_layer(sums: torch.Tensor, layer: SpikingLayer, config: PartlySpikingConfig) -> torch.Tensor:
    """What a layer sends, (elements, copies, samples, units).

    Arguments:
        sums: of the input, (elements, 1 or copies, samples, 4 units).
        layer: its parameters.
        config: which activations spike, copies, and the surrogate.
    """
    n_samples, units = sums.shape[2], layer.recurrent.shape[1]
    h = [sums.new_zeros(n_samples, units)] * config.copies
    c = [sums.new_zeros(n_samples, units)] * config.copies
    sent = []
    for above in sums:
        neurons = _Neurons(layer, config, sums.new_zeros(n_samples, units))
        for copy in range(config.copies):
            z = above[min(copy, len(above) - 1)] + h[copy] @ layer.recurrent.t() + layer.bias
            i, f, g, o = (neurons.gate(name, part, copy) for name, part in zip("ifgo", z.chunk(4, 1)))
            c[copy] = f * c[copy] + i * g
            h[copy] = o * neurons.signed("t", c[copy], layer.thresholds[3], layer.kept[3])
        sent.append(torch.stack(h))
    return torch.stack(sent)


class _Neurons:
    """Membranes of a layer within one element.

    Arguments:
        layer: its parameters.
        config: which activations spike, and the surrogate.
        rest: zeros, (samples, units).
    """

    def __init__(self, layer: SpikingLayer, config: PartlySpikingConfig, rest: torch.Tensor) -> None:
        self._layer, self._spiking, self._peak = layer, config.spiking, config.surrogate_peak
        self._membranes = dict.fromkeys(("i", "f", "g", "o", "t"), rest)

    def gate(self, name: str, z: torch.Tensor, copy: int) -> torch.Tensor:
        """A gate's answer to its current: 0…1, of the cell gate -clamp…clamp."""
        if name == "g":
            # A leak of its own it does not have: that of tanh is as near as can be.
            return self.signed(name, z, self._layer.clamp, self._layer.kept[3]) * self._layer.clamp
        place = EXPORTED.index(name)
        threshold = self._layer.thresholds[place]
        if name not in self._spiking:
            return torch.clamp(z / threshold, 0, 1)
        start = self._layer.starts[place] if copy == 0 else 0
        u = self._layer.kept[place] * self._membranes[name] + z + start
        spikes: torch.Tensor = _Spike.apply(u / threshold - 1, self._peak)  # type: ignore[no-untyped-call]
        self._membranes[name] = u - threshold * spikes.detach()
        return spikes

    def signed(self, name: str, value: torch.Tensor, threshold: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        """-1, 0 or 1 from a signed membrane, or the value in thresholds, clipped to -1…1."""
        if name not in self._spiking:
            return torch.clamp(value / threshold, -1, 1)
        m = kept * self._membranes[name] + value
        up, down = (_Spike.apply(side * m / threshold - 0.5, self._peak) for side in (1, -1))  # type: ignore[no-untyped-call]
        spikes: torch.Tensor = up - down
        self._membranes[name] = m - threshold * spikes.detach()
        return spikes


class _Spike(torch.autograd.Function):
    """1 where x >= 0, with a triangle as its derivative."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, peak: float) -> torch.Tensor:
        ctx.save_for_backward(x)
        ctx.peak = peak
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        (x,) = ctx.saved_tensors
        return gradients[0] * ctx.peak * (1 - x.abs()).clamp(min=0), None


def spiking_letters(spiking: Sequence[str]) -> str:
    """Of a subset, for names: "ifot"."""
    return "".join(name for name in ("i", "f", "g", "o", "t") if name in spiking)
