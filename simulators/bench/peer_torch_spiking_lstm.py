"""The network of `spiking_lstm_network` in plain torch, element by element, as a user would write it."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch

from lapilli.netx_exports.network import Network
from lapilli.netx_exports.neurons.spiking_lstm import CURRENT_LIMIT, GATES, SpikingLstm
from lapilli.simulators.bench.spiking_lstm_network import COPIES, ELEMENTS, UNITS

Tensor = torch.Tensor

_STATE_LIMIT = float((1 << 23) - 1)


class _Cell:
    """What the copies share, in floats that hold the integers exactly."""

    def __init__(self, network: Network) -> None:
        copies = network.layers[:COPIES]
        neuron = cast(SpikingLstm, copies[0].neuron)
        feed, recurrence = copies[0].synapses
        self.input_weights, self.recurrent_weights = (
            torch.tensor(synapse.effective_weights.T, dtype=torch.float32).contiguous()
            for synapse in (feed, recurrence)
        )
        self.scale = 2.0**feed.weight_exp
        self.bias = torch.tensor(neuron.biases(UNITS).reshape(-1), dtype=torch.float32)
        thresholds = 64 * np.asarray(neuron.thresholds, np.float32)
        self.thresholds = torch.tensor(thresholds[:3, None])
        self.output_threshold = float(thresholds[3])
        self.kept = 1 - float(np.asarray(neuron.decays)[3]) / 4096
        self.starts = torch.tensor(np.asarray(neuron.starts, np.float32)[:, None])
        self.clamp = float(neuron.clamp)

    def step(self, current: Tensor, h: Tensor, cell: Tensor, membranes: Tensor, output: Tensor, first: bool) -> Any:
        """One SNN step: (h, cell, membranes of i, f, o, membrane of the output)."""
        z = (current + h @ self.recurrent_weights + self.bias).clamp(1 - CURRENT_LIMIT, CURRENT_LIMIT - 1)
        z = z.view(len(z), GATES, UNITS)
        gates = z[:, [0, 1, 3]] + (self.starts if first else 0)
        membranes = (membranes + 64 * gates).clamp(-_STATE_LIMIT, _STATE_LIMIT)
        opened = (membranes >= self.thresholds).float()
        membranes = membranes - opened * self.thresholds
        added = z[:, 2].clamp(-self.clamp, self.clamp)
        cell = (opened[:, 1] * cell + opened[:, 0] * added).clamp(-_STATE_LIMIT, _STATE_LIMIT)
        output = torch.trunc(self.kept * output) + 64 * cell.clamp(1 - CURRENT_LIMIT, CURRENT_LIMIT - 1)
        output = output.clamp(-_STATE_LIMIT, _STATE_LIMIT)
        t = (2 * output >= self.output_threshold).float() - (2 * output <= -self.output_threshold).float()
        return opened[:, 2] * t, cell, membranes, output - t * self.output_threshold


def forward_of(network: Network, dense: npt.NDArray[Any]) -> Callable[[], Tensor]:
    """The forward pass: h of every copy, (copies, elements, samples, units).

    Arguments:
        network: from `spiking_lstm_network`.
        dense: its input, (samples, channels, elements).
    """
    cell = _Cell(network)
    values = torch.tensor(dense.transpose(2, 0, 1), dtype=torch.float32).contiguous()

    def forward() -> Tensor:
        n_samples = values.shape[1]
        sent = torch.zeros(COPIES, ELEMENTS + 1, n_samples, UNITS)
        remembered = [torch.zeros(n_samples, UNITS) for _ in range(COPIES)]
        with torch.no_grad():
            for element, shown in enumerate(values):
                current = torch.floor((shown @ cell.input_weights) * cell.scale)
                membranes, output = torch.zeros(n_samples, 3, UNITS), torch.zeros(n_samples, UNITS)
                for copy in range(COPIES):
                    h = sent[copy, element]
                    found = cell.step(current, h, remembered[copy], membranes, output, copy == 0)
                    sent[copy, element + 1], remembered[copy], membranes, output = found
        return sent[:, 1:]

    return forward
