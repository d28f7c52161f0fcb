"""The network of `spikescr_network` in plain torch, whole sequences at a time, as a user would write it."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch

from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.kinds import GatedLif, SpikeAttention
from lapilli.netx_exports.synapses.kinds import INPUT, Synapse, TapsSynapse
from lapilli.simulators.bench.spikescr_network import HEAD, STEPS, rotary_table

Tensor = torch.Tensor
Sent = dict[str, Tensor]


def forward_of(network: Network, dense: npt.NDArray[Any], whole_numbers: bool) -> Callable[[], Sent]:
    """The forward pass: what each layer sends, (samples, steps, neurons), step t of the sample at t.

    Arguments:
        network: from `spikescr_network`.
        dense: its input, (samples, inputs, steps).
        whole_numbers: whether halved voltages are rounded towards zero, which makes it equal to the integers.
    """
    values = torch.tensor(dense.transpose(0, 2, 1), dtype=torch.float32).contiguous()
    layers = [(layer, _weights(layer)) for layer in network.layers]
    turn = torch.tensor(rotary_table(), dtype=torch.float32)

    def forward() -> Sent:
        sent = {INPUT: values}
        with torch.no_grad():
            for layer, weights in layers:
                sent[layer.name] = _layer(layer, weights, sent, turn, whole_numbers)
        return sent

    return forward


def _weights(layer: Layer) -> list[Tensor]:
    return [torch.tensor(synapse.effective_weights, dtype=torch.float32) for synapse in layer.synapses]


def _layer(layer: Layer, weights: Sequence[Tensor], sent: Sent, turn: Tensor, whole_numbers: bool) -> Tensor:
    neuron = layer.neuron
    if neuron.model == SpikeAttention.model:
        query, key, value = (sent[synapse.source] for synapse in layer.synapses[:3])
        current, at_once = _attend(query, key, value), True
    elif layer.synapses[0].kind == "rotary":
        current, at_once = _turned(sent[layer.synapses[0].source], turn), False
    else:
        current, at_once = _current(layer.synapses, weights, sent), False
    if neuron.model == GatedLif.model:
        gate = next(synapse for synapse in layer.synapses if synapse.port == "gate")
        current = current * sent[gate.source]
        if neuron.never_spikes:
            return current
    threshold = float(np.max(neuron.vth_mant))  # type: ignore[attr-defined]
    return _lif(current, threshold, at_once, whole_numbers)


def _current(synapses: Sequence[Synapse], weights: Sequence[Tensor], sent: Sent) -> Tensor:
    """What arrives by weights; sources that share weights are added before the product."""
    current: Tensor | float = 0.0
    added: dict[int, Tensor] = {}
    for synapse, weight in zip(synapses, weights):
        if synapse.port == "gate":
            continue
        if synapse.kind == "taps":
            current = current + _depthwise(cast(TapsSynapse, synapse), weight, sent[synapse.source])
        elif synapse.source == INPUT:
            tap = synapse.delay_range[0]
            current = current + torch.nn.functional.pad(sent[INPUT], (0, 0, tap, 0))[:, :STEPS] @ weight.T
        elif synapse.source == "valid":
            current = current + weight[:, 0]
        else:
            same = next((place for place in added if torch.equal(weights[place], weight)), len(added))
            added[same] = added[same] + sent[synapse.source] if same in added else sent[synapse.source]
    for place, read in added.items():
        current = current + read @ weights[place].T
    return cast(Tensor, current)


def _depthwise(synapse: TapsSynapse, weight: Tensor, values: Tensor) -> Tensor:
    taps, neurons = weight.shape
    padded = torch.nn.functional.pad(values.transpose(1, 2), (taps - 1, 0))
    kernel = weight.flip(0).T.reshape(neurons, 1, taps)
    return torch.nn.functional.conv1d(padded, kernel, groups=neurons).transpose(1, 2)


def _turned(values: Tensor, turn: Tensor) -> Tensor:
    pairs = values.reshape(*values.shape[:2], -1, HEAD // 2, 2)
    cosine, sine = turn[:, None, :, 0], turn[:, None, :, 1]
    x, y = pairs[..., 0], pairs[..., 1]
    return torch.stack([cosine * x - sine * y, sine * x + cosine * y], -1).flatten(2)


def _attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    query, key, value = (part.reshape(*part.shape[:2], -1, HEAD).transpose(1, 2) for part in (query, key, value))
    met = (query @ key.transpose(2, 3)).tril()
    return (met @ value).transpose(1, 2).flatten(2)


def _lif(current: Tensor, threshold: float, at_once: bool, whole_numbers: bool) -> Tensor:
    """Voltages carry 6 bits behind the point, so that rounding is that of the integers."""
    by_step = (64 * current).transpose(0, 1).contiguous()
    voltage, spikes = torch.zeros_like(by_step[0]), torch.empty_like(by_step)
    limit = 64 * threshold - (0.5 if at_once else 0.0)
    for step, arriving in enumerate(by_step):
        voltage = (torch.trunc(voltage / 2) if whole_numbers else voltage / 2) + arriving
        spikes[step] = voltage > limit
        voltage = voltage * (1 - spikes[step])
    return spikes.transpose(0, 1)
