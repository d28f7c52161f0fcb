"""A float network of NIR, step by step: the definition of what it does.

Explicit Euler, in double precision. A connection takes no time, a loop of a layer with itself takes a step, the voltage
adds up the current of its own step, and a spike is above the threshold, not at it. All states are 0 before the first
step. What a spike does to the voltage the graph does not say, and whoever steps through it must (`docs/how-to/nir.md`).
"""

from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Literal

import numpy as np

from lapilli.netx_exports.nir.floating.graph import FloatGraph, FloatLayer
from lapilli.netx_exports.nir.meaning import Floats
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.simulators.float_nir.operations import Held, passed

FloatReset = Literal["zero", "subtract"]
"""What a spike does to the voltage: takes it to `v_reset`, or takes the threshold off it."""


class FloatStepper:
    """A float network and its states for some samples.

    Arguments:
        graph: what is stepped through.
        n_samples: in a batch.
        reset: what a spike does.
    """

    def __init__(self, graph: FloatGraph, n_samples: int, reset: FloatReset) -> None:
        self.graph, self.reset = graph, reset
        of_layers = {layer.name: (n_samples, *layer.shape) for layer in graph.layers}
        self.currents = {name: np.zeros(shape) for name, shape in of_layers.items()}
        self.voltages = {name: np.zeros(shape) for name, shape in of_layers.items()}
        self.sent = {name: np.zeros(shape) for name, shape in of_layers.items()}
        self._held: defaultdict[tuple[str, int, int], Held] = defaultdict(deque)

    def step(self, frame: Floats) -> Mapping[str, Floats]:
        """What each layer sends in the next step, (samples, *shape): spikes, or the voltage where none are.

        Arguments:
            frame: what the input sends: (samples, *shape).
        """
        self.sent[INPUT] = frame
        for layer in self.graph.layers:
            self.sent[layer.name] = self._neurons(layer, self._arriving(layer))
        return self.sent

    def _arriving(self, layer: FloatLayer) -> Floats:
        total = np.zeros_like(self.voltages[layer.name])
        for number, connection in enumerate(layer.connections):
            values = self.sent[connection.source]
            for place, operation in enumerate(connection.operations):
                values = passed(operation, values, self._held[layer.name, number, place])
            total += values
        return total

    def _neurons(self, layer: FloatLayer, arriving: Floats) -> Floats:
        neurons, current = layer.neurons, arriving
        if neurons.current_decay is not None and neurons.current_gain is not None:
            current = (1 - neurons.current_decay) * self.currents[layer.name] + neurons.current_gain * arriving
        self.currents[layer.name] = current
        voltage = (1 - neurons.voltage_decay) * self.voltages[layer.name] + neurons.voltage_gain * current
        voltage += neurons.pull
        self.voltages[layer.name] = voltage
        if neurons.threshold is None or neurons.reset is None:
            return voltage
        spiking = voltage > neurons.threshold
        after = voltage - neurons.threshold if self.reset == "subtract" else neurons.reset
        self.voltages[layer.name] = np.where(spiking, after, voltage)
        return spiking.astype(np.float64)
