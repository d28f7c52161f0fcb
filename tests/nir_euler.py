"""A NIR graph run as its equations say: explicit Euler, connections that take no time, loops that take a step.

It knows nothing of `Network`. What decays is rounded as the caller says: as Lava does it, or not at all.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import nir
import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

GRAIN = 4096


def lava(values: Values) -> Values:
    """Multiples of 1/4096, towards zero."""
    return np.fix(values * GRAIN) / GRAIN


def real(values: Values) -> Values:
    """Real numbers, as NIR has them."""
    return values


@dataclass
class Euler:
    """A graph and its state between steps."""

    graph: nir.NIRGraph
    dt: float
    rounding: Callable[[Values], Values] = lava
    state: dict[str, Values] = field(default_factory=dict)
    sent: dict[str, Values] = field(default_factory=dict)
    held: dict[str, list[Values]] = field(default_factory=dict)
    largest: float = 0.0

    def step(self, values: Values) -> Values:
        """What the output node gets in the next step."""
        before, self.sent = self.sent, {}
        (output,) = self.graph.outputs
        return self.value(output, values, before, ())

    def value(self, name: str, values: Values, before: dict[str, Values], above: tuple[str, ...]) -> Values:
        node = self.graph.nodes[name]
        if name in self.sent:
            return self.sent[name]
        if name in above:
            return before.get(name, np.zeros(node.output_type["output"]))
        if isinstance(node, nir.Input):
            return values
        sources = [source for source, target in self.graph.edges if target == name]
        arriving = sum(self.value(source, values, before, (*above, name)) for source in sources)
        self.sent[name] = self.passed(name, node, np.asarray(arriving))
        return self.sent[name]

    def passed(self, name: str, node: Any, arriving: Values) -> Values:
        if isinstance(node, nir.Output):
            return arriving
        if isinstance(node, nir.Flatten):
            return arriving.reshape(-1)
        if isinstance(node, nir.Linear):
            return node.weight.astype(float) @ arriving
        if isinstance(node, nir.Scale):
            return node.scale * arriving
        if isinstance(node, nir.Conv2d):
            return convolved(node, arriving)
        if isinstance(node, nir.Delay):
            return self.delayed(name, node, arriving)
        if isinstance(node, (nir.CubaLI, nir.CubaLIF)):
            current = self.current(name, node, arriving)
            return self.spikes(name, node, self.integrated(name, node.tau_mem, node.r, node.v_leak, current))
        if isinstance(node, (nir.LI, nir.LIF)):
            return self.spikes(name, node, self.integrated(name, node.tau, node.r, node.v_leak, arriving))
        assert isinstance(node, (nir.I, nir.IF))
        return self.spikes(name, node, self.integrated(name, None, node.r, 0.0, arriving))

    def current(self, name: str, node: Any, arriving: Values) -> Values:
        """What the voltage adds up in this step."""
        return self.integrated(f"{name} current", node.tau_syn, node.w_in, 0.0, arriving)

    def integrated(self, name: str, tau: Values | None, gain: Values, leak: Values | float, arriving: Values) -> Values:
        state = self.state.get(name, np.zeros(arriving.shape))
        rate = self.dt if tau is None else self.dt / tau
        kept = state if tau is None else state * self.kept(_whole(rate))
        self.state[name] = self.rounding(kept) + _whole(rate * leak) + _whole(rate * gain) * arriving
        self.largest = max(self.largest, float(np.abs(self.state[name]).max()) * GRAIN)
        return self.state[name]

    def kept(self, rate: Values) -> Values:
        """What a state of a step of dt / tau keeps of itself."""
        return 1 - rate

    def spikes(self, name: str, node: Any, voltage: Values) -> Values:
        if not hasattr(node, "v_threshold"):
            return voltage
        spiking = voltage > node.v_threshold
        self.state[name] = np.where(spiking, self.after_spike(node, voltage), voltage)
        return spiking.astype(float)

    def after_spike(self, node: Any, voltage: Values) -> Values:
        """The voltage of neurons that spiked."""
        return node.v_reset

    def delayed(self, name: str, node: nir.Delay, arriving: Values) -> Values:
        steps = np.rint(node.delay / self.dt).astype(int)
        held = self.held.setdefault(name, [np.zeros(arriving.shape)] * int(steps.max()))
        held.append(arriving)
        past = np.stack(held[-1 - int(steps.max()) :])
        return np.take_along_axis(past, (len(past) - 1 - steps)[None], axis=0)[0]


def _whole(number: Any) -> Any:
    """The multiple of 1/4096 that stands there but for the last digits of float64."""
    return np.rint(number * GRAIN) / GRAIN


def convolved(node: nir.Conv2d, image: Values) -> Values:
    """Cross-correlation of (C, H, W)."""
    (pad_y, pad_x), (step_y, step_x), (gap_y, gap_x) = node.padding, node.stride, node.dilation
    padded = np.pad(image, ((0, 0), (pad_y, pad_y), (pad_x, pad_x)))
    result = np.zeros(node.output_type["output"])
    taps_y, taps_x = node.weight.shape[2:]
    for channel, y, x in np.ndindex(result.shape):
        rows = slice(y * step_y, y * step_y + gap_y * (taps_y - 1) + 1, gap_y)
        columns = slice(x * step_x, x * step_x + gap_x * (taps_x - 1) + 1, gap_x)
        result[channel, y, x] = np.sum(padded[:, rows, columns] * node.weight[channel])
    return result
