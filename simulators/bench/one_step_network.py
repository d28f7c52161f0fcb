"""A network of one time step with random weights, of the size that `one-step-cifar10` trains: 16, 32, 64 channels."""

from typing import Any

import numpy as np

from lapilli.netx_exports.network import Network
from lapilli.netx_exports.neurons.kinds import NEVER_SPIKES, CubaLif, Requantiser, WindowLif
from lapilli.netx_exports.one_step import Cut, Join, Part, one_step_network
from lapilli.netx_exports.readout import Readout
from lapilli.netx_exports.synapses.kinds import INPUT, ConvSynapse, DenseSynapse, HandOverSynapse, IdentitySynapse
from lapilli.simulators.events import Events

SIDE, CLASSES, WINDOWS = 32, 10, 4
WIDTHS, DEPTH, MLP_RATIO = (16, 32, 64), 2, 4

IMAGES = 4
"""Images of a sample, one after the other."""

_AT_ONCE = 4096
_ACTIVATION, _WEIGHT, _POTENTIAL = 5, 6, 13
"""Bits behind the point of 8-bit activations, of weights, and of potentials."""

_THRESHOLD = 1 << (_POTENTIAL - 7)
"""0.5."""


class _Builder:
    """The parts so far, and what the last of them is."""

    def __init__(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)
        self.parts: list[Part] = []
        self.source, self.channels, self.side = INPUT, 3, SIDE

    def add(self, name: str, neuron: Any, *synapses: Any, shape: tuple[int, int, int]) -> None:
        """A layer, which is the source of the next one."""
        self.parts.append(Part(name, shape, neuron, synapses))
        self.source = name

    def weights(self, outputs: int, inputs: int, side: int, spread: float, mean: float = 0.0) -> Any:
        """Random integers; a spread of 1 keeps the variance of what arrives."""
        scale = (1 << _WEIGHT) / np.sqrt(inputs * side * side)
        return np.rint(self.generator.normal(mean * scale, spread * scale, (outputs, inputs, side, side)))

    def merge(self, name: str, width: int, shift: int) -> None:
        """Patches of 2 × 2 become one position."""
        conv = ConvSynapse(self.source, self.weights(width, self.channels, 2, 1.4), stride=(2, 2))
        self.channels, self.side = width, self.side // 2
        self.add(name, Requantiser(1, shift), conv, shape=self.shape)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the map."""
        return (self.channels, self.side, self.side)

    def block(self, name: str, dilated: bool) -> None:
        """A window unit with its join, a token linear and a channel MLP, each added to the map."""
        kept, width = self.source, self.channels
        rows = self.side * 3 // 4 if dilated else self.side // 2
        window = (width, rows, rows)
        once = CubaLif(1 << (_ACTIVATION - 1), _AT_ONCE, _AT_ONCE)
        self.add(f"{name}_encoder", once, IdentitySynapse(kept, 1), shape=self.shape)
        cut = Cut(self.source, self.weights(width, width, 3, 1.2), dilated, (1, 1), weight_exp=1)
        self.add(f"{name}_conv1", self._window("group"), cut, shape=window)
        conv = ConvSynapse(self.source, self.weights(width, width, 3, 1.2), padding=(1, 1), weight_exp=1)
        taken = HandOverSynapse(self.source, "cosines", "cosines")
        self.add(f"{name}_conv2", self._window("omega"), conv, taken, shape=window)
        joined = Join(self.source, dilated, 2)
        self.add(f"{name}_join", CubaLif(1, _AT_ONCE, _AT_ONCE), joined, shape=self.shape)
        self._added(f"{name}_token", kept, width, _ACTIVATION)
        kept, hidden = self.source, MLP_RATIO * width
        inner = ConvSynapse(kept, self.weights(hidden, width, 1, 1.4))
        self.add(f"{name}_hidden", Requantiser(1, _WEIGHT, low=0), inner, shape=(hidden, self.side, self.side))
        self._added(f"{name}_mlp", kept, hidden, 0)

    def _window(self, carry: str) -> WindowLif:
        return WindowLif(_THRESHOLD, _POTENTIAL, carry, WINDOWS)

    def _added(self, name: str, kept: str, inputs: int, exponent: int) -> None:
        """A convolution of single positions, and the map before it."""
        conv = ConvSynapse(self.source, self.weights(self.channels, inputs, 1, 0.6), weight_exp=exponent)
        self.add(name, Requantiser(1, _WEIGHT), conv, IdentitySynapse(kept, 1 << _WEIGHT), shape=self.shape)


def one_step_bench_network(seed: int) -> Network:
    """The network: its wiring is that which training exports, with Ω between the windows."""
    build = _Builder(seed)
    for stage, width in enumerate(WIDTHS):
        # Pixels have 8 bits behind the point, activations 5.
        build.merge(f"s{stage}_merge" if stage else "stem", width, _WEIGHT if stage else _WEIGHT + 3)
        for block in range(DEPTH):
            build.block(f"s{stage}b{block}", dilated=block % 2 == 1)
    inputs = build.channels * build.side**2
    weights = np.rint(build.generator.normal(0, 8, (CLASSES, inputs)))
    readout = CubaLif(NEVER_SPIKES, _AT_ONCE, _AT_ONCE)
    build.parts.append(Part("readout", (CLASSES,), readout, (DenseSynapse(build.source, weights),)))
    return one_step_network((3, SIDE, SIDE), build.parts, WINDOWS, readout=Readout("voltage_sum"))


def pictures(n_samples: int, seed: int) -> Events:
    """Smooth random images of 0…255; a sample is `IMAGES` of them, each in its own step, `WINDOWS` steps apart."""
    generator = np.random.default_rng(seed)
    shape = (n_samples, IMAGES, 3, SIDE, SIDE)
    coarse = generator.integers(0, 256, (*shape[:3], SIDE // 4, SIDE // 4)).repeat(4, axis=3).repeat(4, axis=4)
    images = (coarse + generator.integers(-30, 31, shape)).clip(0, 255)
    dense = np.zeros((*shape, WINDOWS), np.int64)
    dense[..., 0] = images
    return Events.from_dense(dense.transpose(0, 2, 3, 4, 1, 5).reshape(n_samples, 3, SIDE, SIDE, IMAGES * WINDOWS))
