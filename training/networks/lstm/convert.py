"""From an LSTM with clipped activations to a spiking one with the same weights.

A gate `clip(z / 2a + 1/2)` becomes a neuron of threshold 2a whose bias is higher by a; the cell gate's clip becomes the
clamp; `clip(c / a)` becomes a signed neuron of threshold a that spikes at a / 2 and -a / 2. What the gates lack on
average, because a neuron rounds down, is made up for by a shift: of IF neurons it is their start value, of leaky ones a
part of the bias, because a start value would leak too.
"""

from typing import Any, NamedTuple

import torch

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.networks.lstm.config import ConversionConfig, LstmConfig, PartlySpikingConfig, SpikingLstmConfig
from lapilli.training.networks.lstm.elements import Sizes, elements
from lapilli.training.networks.lstm.network import SpikingLayer, SpikingLstmNetwork
from lapilli.training.networks.lstm.source import LstmLayer, LstmNetwork
from lapilli.training.networks.lstm.subsets import PartlySpikingNetwork
from lapilli.training.networks.lstm.transfer import Match, calibrated, matched

_GATES = (0, 1, 3)
"""Of i, f, g, o, those that become spiking neurons with a start value."""

_MOST_VALUES = 100_000


class _Ramp(NamedTuple):
    """A gate's currents on a batch, such that the source's gate is 0 at 0 and 1 at 1; None where none are needed."""

    values: torch.Tensor | None
    clip: float


def converted_config(config: LstmConfig, conversion: ConversionConfig) -> SpikingLstmConfig | PartlySpikingConfig:
    """What a converted network is built from."""
    common: dict[str, Any] = {name: getattr(config, name) for name in ("hidden", "read", "dropout", "unit")}
    if conversion.exported:
        return SpikingLstmConfig(copies=conversion.copies, **common)
    return PartlySpikingConfig(
        copies=conversion.copies, spiking=conversion.spiking, encoding=conversion.encoding, **common
    )


@torch.no_grad()
def converted(
    source: LstmNetwork,
    conversion: ConversionConfig,
    config: SpikingLstmConfig | PartlySpikingConfig,
    values: torch.Tensor | None = None,
) -> SpikingLstmNetwork:
    """The spiking network of a source.

    Arguments:
        source: with activations that are clipped.
        conversion: how.
        config: of the result, as `converted_config` gives it or with other options of training.
        values: a batch, as of `answers`, for a calibrated shift.

    Raises:
        LapilliError: for a source with sigmoid and tanh, or a calibration without a batch.
    """
    if source.config.activations == "standard":
        raise LapilliError(
            "network.activations: IF neurons follow clipped ramps, not sigmoid and tanh; "
            "choose hard or trainable clip for a source"
        )
    if conversion.shift == "calibrated" and values is None:
        raise LapilliError("conversion.shift: calibrated needs a batch")
    network = _network(config, source.sizes)
    currents = [None] * len(source.layers) if conversion.shift != "calibrated" else _currents(source, values)
    for spiking, layer, z in zip(network.layers, source.layers, currents):
        assert isinstance(spiking, SpikingLayer)
        assert isinstance(layer, LstmLayer)
        _convert(spiking, layer, conversion, z)
    network.head.copy_(source.head)
    network.head_bias.copy_(source.head_bias)
    return network


def _network(config: SpikingLstmConfig | PartlySpikingConfig, sizes: Sizes) -> SpikingLstmNetwork:
    if isinstance(config, PartlySpikingConfig):
        return PartlySpikingNetwork(config, sizes)
    return SpikingLstmNetwork(config, sizes)


def _convert(spiking: SpikingLayer, layer: LstmLayer, conversion: ConversionConfig, z: torch.Tensor | None) -> None:
    spiking.weight.copy_(layer.weight)
    spiking.recurrent.copy_(layer.recurrent)
    clips = layer.clips.tolist()
    spiking.clamp.fill_(clips[2])
    spiking.thresholds[3] = clips[4]
    spiking.kept.fill_(conversion.kept)
    bias = layer.bias.clone().reshape(4, -1)
    leaks = conversion.kept < 1
    for place, gate in enumerate(_GATES):
        clip = clips[gate]
        ramp = _Ramp(None if z is None else z[gate] / (2 * clip) + 0.5, clip)
        match = _match(ramp, conversion)
        spiking.thresholds[place] = 2 * clip * match.threshold
        spiking.starts[place] = 0.0 if leaks else 2 * clip * match.shift * conversion.copies
        bias[gate] += clip + (2 * clip * match.shift if leaks else 0.0)
    spiking.bias.copy_(bias.flatten())


def _match(ramp: _Ramp, conversion: ConversionConfig) -> Match:
    """Threshold and shift in each SNN step, both for a ramp of 0…1."""
    kept, copies = conversion.kept, conversion.copies
    found = matched(kept if conversion.thresholds == "matched" else 1.0, copies)
    if conversion.shift == "none":
        return found._replace(shift=0.0)
    if ramp.values is None:
        return found
    values = ramp.values.flatten()
    spread = values[:: max(1, len(values) // _MOST_VALUES)].double().numpy()
    return found._replace(shift=calibrated(spread, found, kept, copies))


def _currents(source: LstmNetwork, values: torch.Tensor | None) -> list[torch.Tensor]:
    """Of each layer and gate on a batch, (4, values)."""
    assert values is not None
    source.eval()
    read, found = elements(values, source.sizes) / source.config.unit, []
    for layer in source.layers:
        h = layer(read)
        before = torch.cat([torch.zeros_like(h[:1]), h[:-1]])
        z = torch.matmul(read, layer.weight.t()) + torch.matmul(before, layer.recurrent.t()) + layer.bias
        found.append(z.unflatten(-1, (4, -1)).movedim(-2, 0).flatten(1))
        read = h
    return found
