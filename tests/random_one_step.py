"""Random blocks of one time step: maps, windows, carries, units, joins, skip paths, saturations, images in a row."""

from dataclasses import replace
from typing import Any

import numpy as np
from random_networks import Case
from random_neurons import pick, random_requantiser, random_window_lif
from random_synapses import random_weights

from lapilli.netx_exports import (
    INPUT,
    Clock,
    ConvSynapse,
    CubaLif,
    DenseSynapse,
    HandOverSynapse,
    IdentitySynapse,
    JoinSynapse,
    Layer,
    Network,
    Requantiser,
    Windows,
)
from lapilli.netx_exports.neurons.kinds import NEVER_SPIKES
from lapilli.netx_exports.one_step import Cut, Join, Part, one_step_network, window_schedule_of
from lapilli.simulators import Events, Reset

MEMORYLESS = (4096, 4096)
"""Decays of a `CubaLif` that remembers nothing."""


def random_one_step(seed: int, *, most_side: int = 16, most_channels: int = 3, resets: bool = True) -> Case:
    """One or two blocks behind whatever stem, sometimes with clocks, phases and delays that no exporter gives."""
    rng = np.random.default_rng(seed)
    groups, dilated = int(pick(rng, 1, 2, 4, 4, 4)), bool(rng.random() < 0.5)
    channels = int(rng.integers(1, most_channels + 1))
    height, width = (4 * int(rng.integers(2, most_side // 4 + 1)) for _ in range(2))
    size = (height, width) if rng.random() < 0.3 else (height, height)
    graded = bool(rng.random() < 0.7)
    shape = (int(pick(rng, channels, 2)), *size)
    parts = [
        Part("x", (channels, *size), _stem_neuron(rng, (channels, *size)), (_conv(rng, INPUT, shape[0], channels),))
    ]
    parts += _block(rng, "a", "x", (channels, *size), groups, dilated)
    if rng.random() < 0.25:
        parts += _block(rng, "b", "a.out", (channels, *size), groups, not dilated)
    last, outputs = parts[-1].name, int(rng.integers(1, 5))
    dense = DenseSynapse(last, random_weights(rng, (outputs, channels * size[0] * size[1]), "mixed"), weight_bits=9)
    parts.append(Part("readout", (outputs,), CubaLif(NEVER_SPIKES, *MEMORYLESS, rng.integers(-50, 50)), (dense,)))
    network = _with_hand_overs(one_step_network(shape, parts, groups, graded_input=graded), rng)
    schedule = window_schedule_of(network)
    images = int(pick(rng, 1, 2, 2, 3))
    n_steps = network.depth + 1 + (images - 1) * groups if schedule is None else schedule.steps(images)
    events = _events(rng, network, images, groups, n_steps)
    if rng.random() < 0.25:
        network = replace(network, layers=tuple(_disturbed(rng, layer) for layer in network.layers))
    interval = int(rng.integers(2, n_steps + 3))
    reset = Reset(interval, int(rng.integers(0, interval))) if resets and rng.random() < 0.1 else None
    return Case(network, events, n_steps, reset)


def _stem_neuron(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Neurons that send graded messages of a few bits, spikes, or anything."""
    if rng.random() < 0.2:
        return random_requantiser(rng, shape)
    return Requantiser(int(rng.integers(10, 300)), int(pick(rng, 8, 8, 12)), int(rng.integers(-500, 1000)))


def _conv(rng: np.random.Generator, source: str, inputs: int, outputs: int, side: int = 1, **more: Any) -> ConvSynapse:
    weights = _weights(rng, (outputs, inputs, side, side))
    return ConvSynapse(source, weights, padding=(side // 2, side // 2), weight_exp=_exponent(rng), **more)


def _exponent(rng: np.random.Generator) -> int:
    return int(pick(rng, 0, 0, 0, 0, 0, 0, -1, -2, 1, 2, int(rng.integers(-16, 8))))


def _block(
    rng: np.random.Generator, name: str, source: str, shape: tuple[int, ...], groups: int, dilated: bool
) -> list[Part]:
    """Encoder, two convolutions in windows, join, token linear with a skip path."""
    channels, *size = shape
    windows = Windows(groups, dilated)
    rows, columns = windows.window_shape(*size)
    parts, seen = [], source
    if rng.random() < 0.8:
        seen = f"{name}.encoder"
        encoder = IdentitySynapse(source, int(pick(rng, 64, 64, 255, -3)))
        threshold = int(pick(rng, 64 * 5, 0, 0))
        parts.append(Part(seen, shape, CubaLif(threshold, *MEMORYLESS), (encoder,)))
    # Without padding a window shrinks, and with twice as much the next convolution gives back what was lost.
    taps = int(pick(rng, 1, 3, 3))
    lost = 2 if taps == 3 and min(rows, columns) > 2 and rng.random() < 0.2 else 0
    inner = (channels, rows - lost, columns - lost)
    apart = channels if channels > 1 and rng.random() < 0.2 else 1
    weights = _weights(rng, (channels, channels // apart, taps, taps))
    pad = 0 if lost else taps // 2
    cut = Cut(seen, weights, dilated, (pad, pad), apart, _exponent(rng))
    parts.append(Part(f"{name}.first", inner, _window_neuron(rng, inner, groups), (cut,)))
    last = f"{name}.first"
    if lost or rng.random() < 0.7:
        last = f"{name}.second"
        parts.append(_second(rng, name, (channels, rows, columns), inner, groups, lost))
    parts.append(_joined(rng, name, last, shape, windows))
    token = _conv(rng, f"{name}.join", channels, channels)
    skip = IdentitySynapse(source, int(pick(rng, 1, 64, -128)), _exponent(rng))
    parts.append(Part(f"{name}.out", shape, random_requantiser(rng, shape), (token, skip)))
    return parts


def _window_neuron(rng: np.random.Generator, shape: tuple[int, ...], groups: int, carry: str | None = None) -> Any:
    if carry is None and rng.random() < 0.15:
        return CubaLif(int(pick(rng, 64, 500)), *MEMORYLESS, int(rng.integers(-100, 100)))
    neuron = random_window_lif(rng, shape, groups, carry)
    if rng.random() < 0.3:
        return neuron
    # A threshold that the sums of some windows reach.
    half = 1 << (neuron.unit - 7)
    return replace(neuron, vth_mant=int(pick(rng, half, half // 4)), bias_mant=int(pick(rng, 0, 0, half // 8)))


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Mostly positive, so that neurons spike, or of any character."""
    return rng.integers(-60, 120, shape) if rng.random() < 0.6 else random_weights(rng, shape, "mixed")


def _second(
    rng: np.random.Generator, name: str, shape: tuple[int, ...], inner: tuple[int, ...], groups: int, lost: int
) -> Part:
    """The second convolution of a window, whose neurons may take over from those of the first."""
    side = 3 if lost else int(pick(rng, 1, 3))
    conv = _conv(rng, f"{name}.first", inner[0], shape[0], side)
    if lost:
        return Part(f"{name}.second", shape, _window_neuron(rng, shape, groups), (replace(conv, padding=(2, 2)),))
    carry = str(pick(rng, "none", "layer", "sum", "table", "omega", "omega"))
    return Part(f"{name}.second", shape, _window_neuron(rng, shape, groups, carry), (conv,))


def _joined(rng: np.random.Generator, name: str, source: str, shape: tuple[int, ...], windows: Windows) -> Part:
    """OR, median spikes, or whatever else the windows may add up to."""
    character = int(rng.integers(3))
    if character == 0:
        return Part(f"{name}.join", shape, CubaLif(0, *MEMORYLESS), (Join(source, windows.dilated),))
    if character == 1:
        median = Join(source, windows.dilated, 4 // windows.cover(*shape[1:]))
        return Part(f"{name}.join", shape, Requantiser(1, 0), (median,))
    weights = rng.choice([-256, -3, 1, 64, 255], shape[1:])
    join = Join(source, windows.dilated, weights, _exponent(rng))
    return Part(f"{name}.join", shape, random_requantiser(rng, shape), (join,))


def _with_hand_overs(network: Network, rng: np.random.Generator) -> Network:
    """The network whose second window neurons take over potentials and cosines of the first, most of the time."""
    layers, firsts = [], {layer.name for layer in network.layers if layer.neuron.model == "WINDOW"}
    for layer in network.layers:
        first, synapses = layer.name.replace("second", "first"), list(layer.synapses)
        if layer.neuron.model == "WINDOW" and first != layer.name and first in firsts:
            same = network.shapes[first] == layer.shape
            for carried in ("potentials", "cosines"):
                if same and rng.random() < 0.85:
                    synapses.append(HandOverSynapse(first, carried, carried))
        layers.append(replace(layer, synapses=tuple(synapses)))
    return replace(network, layers=tuple(layers))


def _disturbed(rng: np.random.Generator, layer: Layer) -> Layer:
    """Other clocks, and joins and windows that come at other times: exact, if useless."""
    synapses = []
    for synapse in layer.synapses:
        if isinstance(synapse, JoinSynapse) and rng.random() < 0.3:
            synapse = replace(synapse, phase=int(rng.integers(0, 9)))
        elif synapse.kind == "window_conv" and rng.random() < 0.2:
            synapse = synapse.with_delays(np.full((1, 1), int(rng.integers(0, 6))))
        synapses.append(synapse)
    clock = Clock(int(rng.integers(1, 4)), int(rng.integers(0, 5))) if rng.random() < 0.3 else layer.clock
    return replace(layer, synapses=tuple(synapses), clock=clock)


def _events(rng: np.random.Generator, network: Network, images: int, groups: int, n_steps: int) -> Events:
    """Images one after the other; now and then what comes in other steps too."""
    shape = (int(pick(rng, 1, 1, 2)), *network.input_shape, n_steps)
    dense = (rng.random(shape) < pick(rng, 0.3, 0.8, 1.0)).astype(np.int64)
    if network.graded_input:
        largest = int(pick(rng, 1, 20, 255, 255, 1 << 15))
        dense *= rng.integers(-largest if rng.random() < 0.5 else 0, largest + 1, shape)
    if rng.random() < 0.9:
        dense *= (np.arange(n_steps) % groups == 0) & (np.arange(n_steps) < images * groups)
    return Events.from_dense(dense)
