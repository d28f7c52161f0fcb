"""S-TLLR as its equations say, sample by sample and synapse by synapse, in Python and double precision."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, log
from typing import Any

import numpy as np

from lapilli.training.stllr.config import RuleConfig
from lapilli.training.stllr.layers import Layer
from lapilli.training.stllr.learner import OnlineLearner
from lapilli.training.stllr.synapses import DenseSynapse

Array = np.ndarray[Any, np.dtype[np.float64]]


def plain_psi(name: str, v: float) -> float:
    """Ψ as published, (c) as the code has it."""
    if name == "fast sigmoid":
        return 1 / (100 * abs(v) + 1) ** 2
    if name == "triangle":
        return 0.3 * max(1 - abs(v), 0)
    if name == "sigmoid":
        share = 1 / (1 + exp(-4 * v))
        return 4 * share * (1 - share)
    return 1 / (1 + (10 * v) ** 2)


@dataclass
class PlainSynapse:
    """Connections (post, pre, place of the weight)."""

    connections: list[tuple[int, int, int]]
    weights: Array
    trace: Array
    change: Array = field(init=False)
    x: Array = field(init=False)

    def __post_init__(self) -> None:
        self.change = np.zeros_like(self.weights)
        self.x = np.zeros_like(self.trace)


@dataclass
class PlainLayer:
    """Neurons and what feeds them."""

    synapses: list[PlainSynapse]
    leak: float
    threshold: float | None
    subtract: bool
    bias: Array
    channel: list[int]
    u: Array = field(init=False)
    y: Array = field(init=False)
    h: Array = field(init=False)
    psi: Array = field(init=False)
    bias_change: Array = field(init=False)

    def __post_init__(self) -> None:
        self.u, self.y, self.h, self.psi = (np.zeros(len(self.channel)) for _ in range(4))
        self.bias_change = np.zeros_like(self.bias)


def connections_of(layer: Layer, number: int, source_shape: Sequence[int]) -> list[tuple[int, int, int]]:
    """All connections of a synapse of a layer."""
    synapse: Any = layer.parts[number]
    if isinstance(synapse, DenseSynapse):
        posts, pres = synapse.weight.shape
        return [(i, j, i * pres + j) for i in range(posts) for j in range(pres)]
    _, ins, height, width = synapse.weight.shape
    stride, padding = synapse.stride, synapse.padding
    rows, columns = source_shape[1:]
    found = []
    for o, r, c in np.ndindex(layer.shape):
        for i, y, x in np.ndindex(ins, height, width):
            row, column = r * stride + y - padding, c * stride + x - padding
            if 0 <= row < rows and 0 <= column < columns:
                post = (o * layer.shape[1] + r) * layer.shape[2] + c
                pre = (i * rows + row) * columns + column
                found.append((post, pre, ((o * ins + i) * height + y) * width + x))
    return found


def plain_changes(learner: OnlineLearner, inputs: Array, labels: Sequence[int]) -> dict[str, Array]:
    """-dw for a batch, by name of synapse and bias, each flat.

    Arguments:
        learner: network and rule; integers are not known here.
        inputs: (samples, *shape, steps).
        labels: classes.
    """
    found: dict[str, Array] = {}
    for values, label in zip(inputs, labels):
        one = _sample(learner, values.reshape(-1, values.shape[-1]), int(label), len(labels))
        for name, change in one.items():
            found[name] = found.get(name, 0) + change
    return found


def _sample(learner: OnlineLearner, values: Array, label: int, n_samples: int) -> dict[str, Array]:
    rule, network = learner.rule, learner.network
    layers = [_plain(layer, shape) for layer, shape in zip(network.hidden, [network.input_shape, *_shapes(network)])]
    readout = _plain(network.readout, (*_shapes(network), network.input_shape)[-1 if not layers else len(layers) - 1])
    feedback = [
        getattr(learner, f"feedback_{number}").numpy() if rule.signal != "bp" else None for number in range(len(layers))
    ]
    gain, n_steps = network.config.gain, values.shape[1]
    first = 0 if rule.window is None else n_steps - rule.window
    errors: list[Array] = []
    for t in range(n_steps):
        s = values[:, t]
        for layer in layers:
            s = _forward(layer, rule, s)
        _forward(readout, rule, s)
        if t >= first:
            z = readout.u * gain
            shares = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
            assert log(shares[label] + 1e-300) < 0
            shares[label] -= 1
            error = shares * gain / n_samples
            _learn_readout(readout, error)
            errors.append(error)
            if len(errors) > rule.error_delay:
                _teach(layers, readout, rule, errors[-1 - rule.error_delay], feedback, n_samples)
        for layer in layers:
            layer.h = rule.l_post * layer.h + layer.psi
    found = {}
    for name, layer in [*((f"layers.{i}", part) for i, part in enumerate(layers)), ("readout", readout)]:
        for number, synapse in enumerate(layer.synapses):
            found[f"{name}.synapses.{number}"] = synapse.change
        found[f"{name}.bias"] = layer.bias_change
    return found


def _shapes(network: Any) -> list[tuple[int, ...]]:
    return [layer.shape for layer in network.hidden]


def _plain(layer: Layer, source_shape: Sequence[int]) -> PlainLayer:
    n_neurons, neurons = layer.size, layer.neurons
    synapses = []
    for number, part in enumerate(layer.parts):
        shape = source_shape if number == 0 else layer.shape
        weights = part.used().detach().numpy().reshape(-1).copy()
        synapses.append(PlainSynapse(connections_of(layer, number, shape), weights, np.zeros(int(np.prod(shape)))))
    bias = np.zeros(layer.shape[0]) if layer.bias is None else layer.bias.detach().numpy().reshape(-1)
    channel = [i // (n_neurons // layer.shape[0]) for i in range(n_neurons)]
    return PlainLayer(synapses, neurons.leak, neurons.threshold, neurons.subtract, bias, channel)


def _forward(layer: PlainLayer, rule: RuleConfig, s: Array) -> Array:
    kept = rule.l_readout if layer.threshold is None else rule.l_pre
    kept = layer.leak if kept is None else kept
    layer.u = layer.leak * layer.u + layer.bias[layer.channel]
    for synapse, x in zip(layer.synapses, [s, layer.y]):
        synapse.x = x
        synapse.trace = kept * synapse.trace + x
        for i, j, k in synapse.connections:
            layer.u[i] += synapse.weights[k] * x[j]
    if layer.threshold is not None:
        layer.psi = np.array([plain_psi(rule.psi, u - layer.threshold) for u in layer.u])
        layer.y = (layer.u > layer.threshold).astype(float)
        layer.u = layer.u - layer.threshold * layer.y if layer.subtract else layer.u * (1 - layer.y)
    return layer.y


def _learn_readout(readout: PlainLayer, error: Array) -> None:
    for i, j, k in readout.synapses[0].connections:
        readout.synapses[0].change[k] += error[i] * readout.synapses[0].trace[j]
    readout.bias_change += error


def _teach(
    layers: list[PlainLayer], readout: PlainLayer, rule: RuleConfig, error: Array, feedback: list[Any], n_samples: int
) -> None:
    above, signal = readout, error
    for number in reversed(range(len(layers))):
        layer = layers[number]
        d = np.zeros(len(layer.psi))
        if rule.signal == "bp":
            for i, j, k in above.synapses[0].connections:
                d[j] += above.synapses[0].weights[k] * signal[i]
        else:
            sent = error if rule.signal == "dfa" else np.sign(error) / n_samples
            for c, j in np.ndindex(feedback[number].shape):
                d[j] += sent[c] * feedback[number][c, j]
        for synapse in layer.synapses:
            for i, j, k in synapse.connections:
                synapse.change[k] += d[i] * (
                    rule.a_pre * layer.psi[i] * synapse.trace[j] + rule.a_post * layer.h[i] * synapse.x[j]
                )
        for i, channel in enumerate(layer.channel):
            layer.bias_change[channel] += d[i] * layer.psi[i]
        above, signal = layer, d * layer.psi
