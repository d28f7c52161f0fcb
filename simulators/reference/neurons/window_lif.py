"""Neurons that see the windows of a map one after the other."""

import numpy as np

from lapilli.netx_exports.neurons.window_lif import ENTRIES, PRODUCT_BITS, QUARTER, WindowLif
from lapilli.simulators.reference.neurons.arithmetic import saturated
from lapilli.simulators.reference.neurons.population import Int32, Int64, Population, Sent


class WindowLifs(Population):
    """Each neuron has the number of the next window; all of a layer have the same."""

    def __init__(self, neuron: WindowLif, shape: tuple[int, ...], n_samples: int) -> None:
        super().__init__(neuron, shape, n_samples)
        self.carry, self.windows, self.keep = neuron.carry, neuron.windows, neuron.keep
        self.threshold = neuron.per_neuron("vth_mant", shape) << 6
        self.bias = neuron.per_neuron("bias_mant", shape).astype(np.int64)
        self.sine = np.asarray(neuron.sine, np.int64)
        self.table = np.zeros(ENTRIES, np.int64) if neuron.table is None else np.asarray(neuron.table, np.int64)
        self.index_shift, self.table_shift = np.int64(neuron.index_shift or 0), np.int64(neuron.table_shift or 0)
        self.product_shift = neuron.unit - PRODUCT_BITS

    def step(self, *arriving: Int32) -> Sent:
        """Take what arrives at input, potentials and cosines; which neurons spike."""
        current, potentials, cosines = (sums.astype(np.int64) for sums in arriving)
        first = self.states["window"] == 0
        start = np.where(first, 0, self._start(self.states["potential"].astype(np.int64), potentials, cosines))
        if self.carry == "omega":
            self.counted["table_products"] += np.sum(~first, axis=1)
        self.states["potential"] = saturated(start + ((current + self.bias) << 6))
        self.states["cosine"] = self._sine(self.states["potential"].astype(np.int64), QUARTER).astype(np.int32)
        self.states["window"] = (self.states["window"] + 1) % np.int32(self.windows)
        return self.states["potential"] > self.threshold

    def _start(self, before: Int64, potentials: Int64, cosines: Int64) -> Int64:
        """What the potential of a window after the first starts from."""
        if self.carry == "none":
            return np.zeros_like(before)
        if self.carry == "omega":
            product = self._sine(before, 0) * cosines
            return product << self.product_shift if self.product_shift >= 0 else product >> -self.product_shift
        total = before * (self.carry != "layer") + potentials * (self.carry != "group")
        if self.carry == "table":
            return self.table[np.clip(total >> self.index_shift, -128, 127) + 128] << self.table_shift
        return (total * self.keep) >> 12

    def _sine(self, potential: Int64, on: int) -> Int64:
        """The entry of a potential, so many entries on."""
        return self.sine[((potential >> self.index_shift) + on) % ENTRIES]
