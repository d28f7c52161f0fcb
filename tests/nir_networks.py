"""Random networks that NIR can say: every node type, delays and ways of different length, loops, biases, odd names."""

from math import prod
from typing import Any

import numpy as np

from lapilli.netx_exports import INPUT, ConvSynapse, CubaLif, DenseSynapse, IdentitySynapse, Layer, Network
from lapilli.netx_exports.neurons.kinds import NEVER_SPIKES
from lapilli.netx_exports.synapses.kinds import Shape, Synapse

NAMES = ("a", "output", "output_", "a_weight0", "b_current", "ein Name", "Schicht.ü", "node", "metadata", "b")


def chain(*neurons: CubaLif, size: int = 3, seed: int = 0, **options: Any) -> Network:
    """Dense layers a, b, … of `size` neurons each."""
    rng = np.random.default_rng(seed)
    names = ["input", *"abcdef"[: len(neurons)]]
    layers = [
        Layer(name, (size,), neuron, (DenseSynapse(before, rng.integers(-100, 200, (size, size)) // 2 * 2, **options),))
        for before, name, neuron in zip(names, names[1:], neurons)
    ]
    return Network((size,), tuple(layers))


def images() -> Network:
    """(2, 4, 4) -> convolution (3, 2, 2) -> dense 4 with a loop and a delayed way around the convolution."""
    conv = ConvSynapse("input", np.arange(54).reshape(3, 2, 3, 3) - 27, delays=[0, 1, 2])
    synapses = (
        DenseSynapse("conv", np.arange(48).reshape(4, 12) * 4 - 100, weight_exp=-2),
        DenseSynapse("dense", np.eye(4) * -60),
        DenseSynapse("input", np.ones((4, 32)), delays=np.arange(32)[None]),
    )
    return Network(
        (2, 4, 4),
        (
            Layer("conv", (3, 2, 2), CubaLif([64, 65, 66], 1000, 200), (conv,)),
            Layer("dense", (4,), CubaLif(64, 4096, 0), synapses),
        ),
    )


def random_nir_network(seed: int) -> Network:
    """One to four layers; each feeds the next, some of them others as well."""
    rng = np.random.default_rng(seed)
    shapes: dict[str, Shape] = {INPUT: _image(rng) if rng.random() < 0.4 else (int(rng.integers(1, 8)),)}
    biased = rng.random() < 0.3
    layers: list[Layer] = []
    n_layers = int(rng.integers(1, 5))
    # What is (C, H, W) in the graph too, so that a convolution can read it.
    images = {INPUT} if len(shapes[INPUT]) == 3 else set()
    for number, name in enumerate(rng.choice(NAMES, n_layers, replace=False).tolist()):
        source = list(shapes)[-1]
        synapse, shape = _first_synapse(rng, source, shapes[source], image=source in images)
        synapses = [synapse]
        if len(shape) == 1 or rng.random() < 0.3:
            # A way of another length, or the same way once more.
            synapses += [_dense(rng, other, prod(shapes[other]), prod(shape)) for other in shapes if rng.random() < 0.3]
        synapses += [_identity(rng, other) for other in shapes if shapes[other] == shape and rng.random() < 0.3]
        readout = number == n_layers - 1 and rng.random() < 0.3
        if len(shape) == 1 and not readout and rng.random() < 0.3:
            synapses.insert(int(rng.integers(len(synapses) + 1)), _dense(rng, name, shape[0], shape[0]))
        neuron = _neuron(rng, shape, biased=biased and rng.random() < 0.7, readout=readout)
        layers.append(Layer(name, shape, neuron, tuple(synapses)))
        shapes[name] = shape
        if all(one.source in images and not isinstance(one, DenseSynapse) for one in synapses) and len(shape) == 3:
            images.add(name)
    metadata = {"note": "ü" * int(rng.integers(5)), "n": [1, None]} if rng.random() < 0.3 else {}
    return Network(shapes[INPUT], tuple(layers), metadata)


def _image(rng: np.random.Generator) -> Shape:
    return (int(rng.integers(1, 4)), int(rng.integers(1, 6)), int(rng.integers(1, 6)))


def _first_synapse(rng: np.random.Generator, source: str, source_shape: Shape, *, image: bool) -> tuple[Synapse, Shape]:
    if image and rng.random() < 0.7:
        convolution = _conv(rng, source, source_shape)
        return convolution, convolution.output_shape(source_shape)
    if rng.random() < 0.2:
        return _identity(rng, source), source_shape if rng.random() < 0.5 else (prod(source_shape),)
    n_out = int(rng.integers(1, 8))
    shapes = [(n_out,), (n_out,), (n_out, 1, 1), (1, n_out, 1)]
    return _dense(rng, source, prod(source_shape), n_out), shapes[int(rng.integers(4))]


def _conv(rng: np.random.Generator, source: str, shape: Shape) -> ConvSynapse:
    taps, stride, dilation = int(rng.integers(1, 4)), rng.integers(1, 3, 2), rng.integers(1, 3, 2)
    reach = dilation * (taps - 1) + 1
    padding = [int(max(0, -(-(length - side) // 2), rng.integers(0, 2))) for length, side in zip(reach, shape[1:])]
    n_out = int(rng.integers(1, 4))
    return ConvSynapse(
        source,
        _weights(rng, (n_out, shape[0], taps, taps)),
        stride=tuple(stride),
        padding=(padding[0], padding[1]),
        dilation=tuple(dilation),
        delays=rng.integers(0, 4, n_out) if rng.random() < 0.3 else None,
    )


def _dense(rng: np.random.Generator, source: str, n_in: int, n_out: int) -> DenseSynapse:
    weights = _weights(rng, (n_out, n_in))
    exponent = int(rng.choice([0, 0, 0, 1, 2, -1, -3]))
    delay_shape = [None, None, (n_out, 1), (1, n_in), (1, 1)][int(rng.integers(5))]
    return DenseSynapse(
        source,
        weights >> -exponent << -exponent if exponent < 0 else weights,
        weight_exp=exponent,
        delays=None if delay_shape is None else rng.integers(0, int(rng.choice([1, 4, 62])) + 1, delay_shape),
        weight_bits=int(rng.choice([8, 9])),
    )


def _identity(rng: np.random.Generator, source: str) -> IdentitySynapse:
    exponent = int(rng.choice([0, 0, 2, -2]))
    weight = int(rng.integers(-64, 64)) * (4 if exponent < 0 else 1)
    return IdentitySynapse(source, min(weight, 255), exponent if weight % 4 == 0 else 0, int(rng.integers(0, 3)))


def _weights(rng: np.random.Generator, shape: Shape) -> Any:
    low, high = [(-256, 255), (-20, 60), (0, 100), (-3, 3)][int(rng.integers(4))]
    return rng.integers(low, high + 1, shape)


def _neuron(rng: np.random.Generator, shape: Shape, *, biased: bool, readout: bool) -> CubaLif:
    def spread(low: int, high: int) -> Any:
        choices = [(), (), shape[:1], shape]
        return rng.integers(low, high + 1, choices[int(rng.integers(4))])

    def decay(least: int = 0) -> Any:
        return [spread(1, 4096), spread(4095, 4096), 4096, 0 if not least else 7, spread(1, 3)][int(rng.integers(5))]

    return CubaLif(
        NEVER_SPIKES if readout else spread(0, int(rng.choice([0, 5, 50, 300, 131071]))),
        decay(),
        decay(1 if biased else 0),
        bias_mant=spread(-200, 300) if biased else 0,
        bias_exp=int(rng.choice([6, 6, 0, 3, 7])),
    )
