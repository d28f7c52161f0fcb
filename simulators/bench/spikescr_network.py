"""A network of SpikeSCR's size for SHD with random weights: one causal block, 8 heads, 128 channels, 20 classes."""

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.cuba_lif import NEVER_SPIKES
from lapilli.netx_exports.neurons.kinds import CubaLif, GatedLif, Neuron, SpikeAttention
from lapilli.netx_exports.readout import Readout
from lapilli.netx_exports.synapses.kinds import (
    INPUT,
    DenseSynapse,
    IdentitySynapse,
    RotarySynapse,
    Synapse,
    TapsSynapse,
)

CHANNELS, WIDTH, HEAD, CLASSES, KERNEL, STEPS = 140, 128, 16, 20, 31, 100
"""Of the published network for SHD (arXiv 2412.12858): "1L-8-128" at 100 steps."""

UNIT = 128
"""Threshold of the layers with weights, and 1.0 in the table of positions."""

LIF = CubaLif(UNIT, 4096, 2048)

Integers = npt.NDArray[np.int64]


def rotary_table() -> Integers:
    """Cosine and sine of each position and pair, (steps, pairs, 2), times `UNIT`."""
    angles = np.outer(np.arange(STEPS), 10000.0 ** (-np.arange(0, HEAD, 2) / HEAD))
    return np.rint(UNIT * np.stack([np.cos(angles), np.sin(angles)], axis=-1)).astype(np.int64)


class _Builder:
    """Layers so far, and the step in which each sends the first step of a sample."""

    def __init__(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)
        self.layers: list[Layer] = []
        self.lags = {INPUT: 0}

    def add(self, name: str, lag: int, neuron: Neuron, *synapses: Synapse, size: int = WIDTH) -> None:
        """A layer that sends the first step of a sample in step `lag`."""
        self.lags[name] = lag
        self.layers.append(Layer(name, (size,), neuron, synapses))

    def dense(self, lag: int, spread: float, *sources: str, size: int = WIDTH) -> list[Synapse]:
        """The same random weights from each of the sources, so delayed that they meet."""
        inputs = CHANNELS + 1 if sources == (INPUT,) else WIDTH
        weights = 2 * np.rint(self.generator.normal(0, spread, (size, inputs))).clip(-128, 127)
        return [DenseSynapse(source, weights, delays=self._late(lag, source)) for source in sources]

    def one_to_one(self, lag: int, source: str, port: str) -> Synapse:
        """Spikes as they are, at a port."""
        return IdentitySynapse(source, 2, delay=lag - self.lags[source] - 1, port=port)

    def valid(self, lag: int, weights: npt.ArrayLike, port: str | None = None) -> Synapse:
        """The line that is on while the sample lasts."""
        return DenseSynapse("valid", np.reshape(weights, (-1, 1)), delays=self._late(lag, "valid"), port=port)

    def bias(self, lag: int) -> Synapse:
        """A bias for each neuron while the sample lasts."""
        return self.valid(lag, 2 * self.generator.integers(0, UNIT // 4, WIDTH))

    def lif(self, name: str, lag: int, spread: float, *sources: str) -> None:
        """A layer with weights and biases."""
        self.add(name, lag, LIF, *self.dense(lag, spread, *sources), self.bias(lag))

    def _late(self, lag: int, source: str) -> Integers:
        return np.array([[lag - self.lags[source] - 1]])


def spikescr_network(seed: int) -> Network:
    """The network: its wiring and lags are those that training exports for causal attention and convolutions."""
    build = _Builder(seed)
    build.add("valid", 1, CubaLif(0, 4096, 4096), DenseSynapse(INPUT, 2 * np.eye(1, CHANNELS + 1, CHANNELS)), size=1)
    taps = [build.dense(1, 8, INPUT)[0].with_delays(np.array([[tap]])) for tap in range(3)]
    build.add("sem", 1, LIF, *taps)
    for name in ("q", "k", "v"):
        build.lif(name, 2, 8, "sem")
    for name in ("q", "k"):
        build.add(f"{name}r", 3, LIF, RotarySynapse(name, rotary_table(), start=2))
    ports = [build.one_to_one(4, "qr", "query"), build.one_to_one(4, "kr", "key"), build.one_to_one(4, "v", "value")]
    build.add("attention", 4, SpikeAttention(HEAD, 4, 2048), *ports, build.valid(4, [2] * WIDTH, "write"))
    build.lif("proj", 5, 8, "attention")
    build.lif("ffn1a", 6, 6, "sem", "proj")
    build.lif("ffn1b", 7, 8, "ffn1a")
    build.lif("pw", 8, 5, "sem", "proj", "ffn1b")
    depthwise = TapsSynapse("pw", 2 * np.rint(build.generator.normal(4, 12, (KERNEL, WIDTH))))
    build.add("dw", 9, LIF, depthwise, build.bias(9))
    build.lif("g", 10, 8, "dw")
    build.lif("gate", 11, 8, "g")
    drive = [*build.dense(12, 8, "dw"), build.bias(12)]
    build.add("sgc", 12, GatedLif(UNIT, 4096, 2048), *drive, build.one_to_one(12, "gate", "gate"))
    build.lif("ffn2a", 13, 5, "sem", "proj", "ffn1b", "sgc")
    build.lif("ffn2b", 14, 8, "ffn2a")
    head = build.dense(15, 8, "sem", "proj", "ffn1b", "sgc", "ffn2b", size=CLASSES)
    gate = build.valid(15, [2] * CLASSES, "gate")
    build.add("head", 15, GatedLif(NEVER_SPIKES, 4096, 4096), *head, gate, size=CLASSES)
    return Network((CHANNELS + 1,), tuple(build.layers), graded_input=True, readout=Readout("softmax_sum"))
