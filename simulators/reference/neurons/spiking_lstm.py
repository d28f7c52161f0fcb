"""Spiking LSTM: one SNN step of a layer of cells whose gates spike."""

import numpy as np

from lapilli.netx_exports.neurons.spiking_lstm import CURRENT_LIMIT, GATES, SpikingLstm
from lapilli.simulators.reference.neurons.arithmetic import decayed, saturated
from lapilli.simulators.reference.neurons.population import Int32, Int64, Population, Sent


class SpikingLstms(Population):
    """Gates as (samples, gates, units), in the order i, f, g, o."""

    def __init__(self, neuron: SpikingLstm, shape: tuple[int, ...], n_samples: int) -> None:
        super().__init__(neuron, shape, n_samples)
        self.thresholds = np.asarray(neuron.thresholds, np.int64) << 6
        self.decays = np.asarray(neuron.decays)
        self.starts = np.asarray(neuron.starts, np.int64)
        self.clamp = neuron.clamp
        self.biases = neuron.biases(self.shape[1]).astype(np.int64)

    def step(self, *arriving: Int32) -> Sent:
        """Take what arrives at input, recurrent and membranes; h of each unit."""
        current, recurrent, membranes = (sums.reshape(len(sums), GATES, -1).astype(np.int64) for sums in arriving)
        z_i, z_f, z_g, z_o = np.moveaxis(_held(current + recurrent + self.biases), 1, 0)
        for number, (gate, z) in enumerate({"i": z_i, "f": z_f, "o": z_o}.items()):
            self._fire(number, gate, membranes[:, number], z)
        self.states["gate_g"] = np.clip(z_g, -self.clamp, self.clamp).astype(np.int32)
        for number, gate in enumerate("ifgo"):
            self.states[f"current_{gate}"] = current[:, number].astype(np.int32)
        kept = np.where(self.states["gate_f"], self.states["cell"].astype(np.int64), 0)
        self.states["cell"] = saturated(kept + np.where(self.states["gate_i"], self.states["gate_g"], 0))
        return np.where(self.states["gate_o"], self._output(membranes[:, 3]), np.int32(0))

    def _fire(self, number: int, gate: str, membrane: Int64, z: Int64) -> None:
        """A gate i, f or o: its membrane takes up the current, and is reset by its threshold."""
        left = decayed(membrane.astype(np.int32), self.decays[number]).astype(np.int64)
        total = saturated(left + ((self.starts[number] + z) << 6))
        spiking = total >= self.thresholds[number]
        self.states[f"gate_{gate}"] = spiking.astype(np.int32)
        self.states[f"membrane_{gate}"] = (total - spiking * self.thresholds[number]).astype(np.int32)

    def _output(self, membrane: Int64) -> Int32:
        """The signed spike t of the membrane that takes up the cell's memory."""
        left = decayed(membrane.astype(np.int32), self.decays[3]).astype(np.int64)
        total = saturated(left + (_held(self.states["cell"].astype(np.int64)) << 6)).astype(np.int64)
        threshold = self.thresholds[3]
        t = (2 * total >= threshold).astype(np.int64) - (2 * total <= -threshold)
        self.states["membrane_t"] = (total - t * threshold).astype(np.int32)
        return t.astype(np.int32)


def _held(current: Int64) -> Int64:
    """A current held within its limits."""
    return np.clip(current, -CURRENT_LIMIT + 1, CURRENT_LIMIT - 1)
