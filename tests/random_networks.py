"""Random networks and events for property tests: every synapse kind and every corner of the integer arithmetic.

Hypothesis draws the structure (so that it can shrink it) and a seed; numpy fills in the numbers (so that it is quick).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from hypothesis import strategies as st
from random_neurons import pick, random_neuron
from random_synapses import random_exponent, random_join, random_rotary, random_taps, random_window_conv

from lapilli.lava_models.refusals import lava_refusals
from lapilli.netx_exports import INPUT, ConvSynapse, DenseSynapse, DirectSynapse, IdentitySynapse, Layer, Network
from lapilli.netx_exports.neurons.kinds import NEURONS, CubaLif, GatedLif, SpikeAttention, SpikingLstm
from lapilli.netx_exports.neurons.spiking_lstm import GATES
from lapilli.netx_exports.synapses.kinds import MAX_DELAY, WEIGHT_RANGE, Shape, Synapse
from lapilli.simulators import Events, Reset

KINDS = ("dense", "delayed", "recurrent", "two dense", "skip", "conv", "conv and skip", "direct", "self")

LATER_KINDS = ("taps", "rotary", "scaled conv", "window conv", "join")
"""Kinds that a test draws where it names them; in place of `KINDS` they would change the cases of all its seeds."""


@dataclass(frozen=True)
class Case:
    """A network, its input and how to run it."""

    network: Network
    events: Events
    n_steps: int
    reset: Reset | None

    def __repr__(self) -> str:
        layers = "; ".join(_describe(layer) for layer in self.network.layers)
        graded = "graded " if self.network.graded_input else ""
        return f"<{graded}input {self.network.input_shape}, {self.n_steps} steps, {self.reset}: {layers}>"


@st.composite
def cases(
    draw: st.DrawFn,
    *,
    max_layers: int = 3,
    max_samples: int = 2,
    conv_delays: bool = False,
    models: Sequence[str] = (CubaLif.model,),
    kinds: Sequence[str] = KINDS,
) -> Case:
    """Draw a case.

    Arguments:
        max_layers, max_samples: sizes.
        conv_delays: also convolutions with delays, which Lava does not know.
        models: neuron models to draw from.
        kinds: of synapses to draw from.
    """
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=max_layers))
    n_samples = draw(st.integers(1, max_samples))
    graded = draw(st.booleans())
    drawn = [draw(st.sampled_from(models)) for _ in chosen]
    return random_case(
        chosen, n_samples, graded, draw(st.integers(0, 2**32 - 1)), conv_delays=conv_delays, models=drawn
    )


def random_case(
    kinds: Sequence[str],
    n_samples: int,
    graded: bool,
    seed: int,
    *,
    conv_delays: bool = False,
    models: Sequence[str] = (),
) -> Case:
    """A case with one layer for each of `kinds`; a kind that does not fit its place becomes another.

    Arguments:
        kinds: of synapses, by layer.
        n_samples: samples.
        graded: whether the input is.
        seed: of everything else.
        conv_delays: as in `cases`.
        models: of neurons, by layer; "CUBA" for layers beyond.
    """
    rng = np.random.default_rng(seed)
    spatial = any("conv" in kind or kind == "join" for kind in kinds)
    shapes: dict[str, Shape] = {INPUT: _shape(rng, flat=not spatial and rng.random() < 0.6)}
    layers = []
    for number, kind in enumerate(kinds):
        name = f"layer{number}"
        shape, synapses = _synapses(rng, kind, name, shapes, graded, conv_delays)
        model = models[number] if number < len(models) else CubaLif.model
        if model == SpikeAttention.model and len(shape) > 1:
            model = GatedLif.model  # heads are of flat layers
        if model == SpikingLstm.model:
            # Its ports take four sums of a unit: only dense synapses have so many, to units in a row.
            wide = _at_wide_ports(rng, synapses) if len(shape) == 1 else ()
            model, synapses = (model, wide) if wide else (CubaLif.model, synapses)
        elif len(ports := [port for port in NEURONS[model].ports if port not in NEURONS[model].taking]) > 1:
            synapses = _with_imaginary(rng, synapses) if "imag" in ports else _at_ports(rng, synapses, ports)
        layers.append(Layer(name, shape, random_neuron(rng, shape, model), synapses))
        shapes[name] = shape
    network = Network(shapes[INPUT], tuple(layers), graded_input=graded)
    length = int(rng.integers(6, 17))
    events = _events(rng, network, n_samples, length)
    n_steps = max(1, length + int(rng.integers(-2, 5)))
    interval = int(rng.integers(1, n_steps + 3))
    reset = Reset(interval, int(rng.integers(0, 2 * interval))) if rng.random() < 0.15 else None
    return Case(network, events, n_steps, reset)


def _describe(layer: Layer) -> str:
    return f"{layer.name} {layer.shape} <- " + ", ".join(f"{s.kind} {s.source}" for s in layer.synapses)


def _shape(rng: np.random.Generator, flat: bool) -> Shape:
    if flat:
        return (int(rng.integers(1, 13)),)
    return (int(rng.integers(1, 5)), int(rng.integers(1, 7)), int(rng.integers(1, 7)))


def _synapses(
    rng: np.random.Generator, kind: str, name: str, shapes: dict[str, Shape], graded: bool, conv_delays: bool
) -> tuple[Shape, tuple[Synapse, ...]]:
    sources = list(shapes)
    source, other = sources[-1] if rng.random() < 0.7 else pick(rng, *sources), pick(rng, *sources)
    if kind == "direct" and graded:
        own = [_dense(rng, source, shapes, shapes[INPUT])] if len(shapes) > 1 else []
        return shapes[INPUT], (DirectSynapse(), *own)
    if "conv" in kind or kind == "join":
        spatial = [place for place in sources if len(shapes[place]) == 3]
        seen = source if source in spatial else spatial[-1]
        if kind == "join":
            return random_join(rng, seen, shapes[seen])
        if kind == "window conv":
            return random_window_conv(rng, seen, shapes[seen])
        conv = _conv(rng, source if source in spatial else spatial[-1], shapes, conv_delays)
        if kind == "scaled conv":
            conv = replace(conv, weight_exp=random_exponent(rng))
        shape = conv.output_shape(shapes[conv.source])
        same_size = [place for place in sources if prod(shapes[place]) == prod(shape)]
        if kind == "conv and skip" and same_size:
            return shape, (conv, _identity(rng, pick(rng, *same_size)))
        return shape, (conv,)
    if kind == "skip":
        return shapes[source], (_identity(rng, source), _dense(rng, other, shapes, shapes[source]))
    if kind == "taps":
        return shapes[source], (
            random_taps(rng, source, prod(shapes[source])),
            _dense(rng, other, shapes, shapes[source]),
        )
    if kind == "rotary" and prod(shapes[source]) % 2 == 0:
        return shapes[source], (random_rotary(rng, source, prod(shapes[source])),)
    shape = _shape(rng, flat=rng.random() < 0.8)
    dense = _dense(rng, source, shapes, shape, delayed=kind == "delayed")
    loop = _dense(rng, name, {name: shape}, shape, delayed=rng.random() < 0.3)
    if kind == "recurrent":
        return shape, (dense, loop)
    if kind == "self":
        return shape, (loop,)
    if kind == "two dense":
        return shape, (dense, _dense(rng, other, shapes, shape, delayed=rng.random() < 0.3))
    return shape, (dense,)


def _with_imaginary(rng: np.random.Generator, synapses: tuple[Synapse, ...]) -> tuple[Synapse, ...]:
    """Some of the synapses feed the imaginary port, some dense ones both ports with different weights."""
    found: list[Synapse] = []
    for synapse in synapses:
        imaginary = rng.random()
        if imaginary < 0.2:
            found.append(synapse)
        elif imaginary < 0.4 or not isinstance(synapse, DenseSynapse):
            found.append(replace(synapse, port="imag"))  # type: ignore[type-var]
        else:
            other = _weights(rng, np.shape(synapse.weights), *WEIGHT_RANGE[synapse.sign_mode])
            found += [synapse, replace(synapse, weights=other, port="imag")]
    return tuple(found)


def _at_ports(rng: np.random.Generator, synapses: tuple[Synapse, ...], ports: Sequence[str]) -> tuple[Synapse, ...]:
    """Each synapse feeds one port or several, and most ports are fed, by dense ones with weights of their own.

    These are mostly positive, and some feed two ports: several ports rarely see sums above 0 at once otherwise.
    """
    found: list[Synapse] = []
    for port in rng.permutation(ports).tolist():
        if found and rng.random() < 0.1:
            continue
        if found and found[-1].weighted and rng.random() < 0.5:
            found.append(replace(found[-1], port=port))  # type: ignore[type-var]
            continue
        synapse = synapses[len(found) % len(synapses)]
        if not synapse.weighted and not all(other.weighted for other in found):
            continue  # at most one may be direct
        if isinstance(synapse, DenseSynapse):
            own = _weights(rng, np.shape(synapse.weights), *WEIGHT_RANGE["mixed"])
            own = np.minimum(np.abs(own), 255) if rng.random() < 0.8 else own
            synapse = replace(synapse, weights=own, sign_mode="mixed")
        found.append(replace(synapse, port=port))  # type: ignore[type-var]
    return tuple(found)


def _at_wide_ports(rng: np.random.Generator, synapses: tuple[Synapse, ...]) -> tuple[Synapse, ...]:
    """The dense ones among the synapses, with a row of weights for each gate of a unit."""
    found: list[Synapse] = []
    for synapse in synapses:
        if isinstance(synapse, DenseSynapse):
            rows, columns = np.shape(synapse.weights)
            own = _weights(rng, (GATES * rows, columns), *WEIGHT_RANGE[synapse.sign_mode])
            found.append(replace(synapse, weights=own, delays=None, port=pick(rng, "input", "recurrent")))
    return tuple(found)


def _weights(rng: np.random.Generator, shape: Shape, low: int, high: int) -> Any:
    """Weights of one of several characters: all of the range, small, sparse, at the ends."""
    character = rng.integers(5)
    if character == 0:
        return rng.integers(low, high + 1, shape)
    if character == 1:
        return rng.integers(max(low, -3), min(high, 3) + 1, shape)
    if character == 2:
        return rng.integers(low, high + 1, shape) * (rng.random(shape) < 0.2)
    if character == 3:
        return rng.choice([low, high], shape)
    return rng.integers(low // 2, high // 2 + 1, shape) // 2 * 2


def _exponent(rng: np.random.Generator) -> int:
    return int(pick(rng, 0, 0, 7, 6, int(rng.integers(-8, 8))))


def _dense(
    rng: np.random.Generator, source: str, shapes: dict[str, Shape], shape: Shape, *, delayed: bool = False
) -> DenseSynapse:
    outputs, inputs = prod(shape), prod(shapes[source])
    sign_mode = pick(rng, "mixed", "mixed", "excitatory", "inhibitory")
    delays = None
    if delayed:
        delay_shape = pick(rng, (outputs, inputs), (outputs, 1), (1, inputs), (1, 1))
        delays = rng.integers(0, pick(rng, 2, 5, 5, MAX_DELAY) + 1, delay_shape)
    return DenseSynapse(
        source,
        _weights(rng, (outputs, inputs), *WEIGHT_RANGE[sign_mode]),
        weight_exp=_exponent(rng),
        delays=delays,
        weight_bits=int(pick(rng, 8, 8, 9, int(rng.integers(1, 10)))),
        sign_mode=sign_mode,
    )


def _identity(rng: np.random.Generator, source: str) -> IdentitySynapse:
    return IdentitySynapse(
        source,
        weight=int(pick(rng, 255, -256, 64, int(rng.integers(-256, 256)))),
        weight_exp=_exponent(rng),
        delay=int(pick(rng, 0, 0, int(rng.integers(0, 6)))),
    )


def _conv(rng: np.random.Generator, source: str, shapes: dict[str, Shape], delays: bool) -> ConvSynapse:
    channels, *sides = shapes[source]
    groups = int(rng.choice([n for n in range(1, channels + 1) if channels % n == 0]))
    geometry = [_axis(rng, side) for side in sides]
    taps, stride, padding, dilation = (tuple(values) for values in zip(*geometry))
    outputs = groups * int(rng.integers(1, 3))
    return ConvSynapse(
        source,
        _weights(rng, (outputs, channels // groups, *taps), -256, 255),
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        delays=rng.integers(0, 6, outputs) if delays and rng.random() < 0.5 else None,
    )


def _axis(rng: np.random.Generator, side: int) -> tuple[int, int, int, int]:
    """(taps, stride, padding, dilation) that leave at least one output along a side."""
    taps, stride, dilation = int(rng.integers(1, 4)), int(rng.integers(1, 4)), int(rng.integers(1, 3))
    padding = int(rng.integers(0, 3))
    while side + 2 * padding < dilation * (taps - 1) + 1:
        padding += 1
    return taps, stride, padding, dilation


def _events(rng: np.random.Generator, network: Network, n_samples: int, n_steps: int) -> Events:
    shape = (n_samples, *network.input_shape, n_steps)
    dense = (rng.random(shape) < pick(rng, 0.05, 0.3, 0.8, 1.0)).astype(np.int64)
    if network.graded_input:
        largest = int(pick(rng, 3, 255, 1 << 14, 1 << 23, 1 << 27))
        while lava_refusals(network, {INPUT: largest}) and largest > 1:
            largest //= 2
        dense *= rng.integers(-largest if rng.random() < 0.5 else 1, largest + 1, shape)
    return Events.from_dense(dense)
