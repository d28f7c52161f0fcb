"""Random networks that have a plain NetX file: chains of what stock lava-dl reads, in every form that it reads."""

from typing import Any

import numpy as np

from lapilli.netx_exports import INPUT, ConvSynapse, CubaLif, DenseSynapse, DirectSynapse, Layer, Network
from lapilli.netx_exports.synapses.fitting import lossless_dense
from lapilli.netx_exports.synapses.kinds import MAX_DELAY, Shape


def random_plain_network(seed: int) -> Network:
    """A chain of one to four layers."""
    rng = np.random.default_rng(seed)
    images = rng.random() < 0.6
    shape: Shape = _image(rng) if images else (int(rng.integers(1, 12)),)
    input_shape, source, layers = shape, INPUT, []
    direct = rng.random() < 0.3
    if direct:
        layers.append(_direct(rng, "encoder", shape))
        source = layers[-1].name
    for number in range(int(rng.integers(1, 4))):
        images = images and rng.random() < 0.6
        kind = "conv" if images else str(rng.choice(["dense", "dense", "recurrent"]))
        name = f"{kind}{number}"
        layers.append(_conv(rng, name, source, shape) if images else _dense(rng, name, source, shape, kind))
        source, shape = name, layers[-1].shape
    return Network(input_shape, tuple(layers), graded_input=direct or bool(rng.random() < 0.2))


def _image(rng: np.random.Generator) -> Shape:
    return (int(rng.integers(1, 4)), int(rng.integers(3, 7)), int(rng.integers(3, 7)))


def _direct(rng: np.random.Generator, name: str, shape: Shape) -> Layer:
    synapse = DirectSynapse(INPUT, int(rng.integers(-256, 256)), int(rng.integers(-256, 256)))
    return Layer(name, shape, _neuron(rng, shape, biased=False), (synapse,))


def _conv(rng: np.random.Generator, name: str, source: str, source_shape: Shape) -> Layer:
    channels = source_shape[0]
    groups = int(rng.choice([number for number in range(1, channels + 1) if channels % number == 0]))
    features = groups * int(rng.integers(1, 3))
    kernel = [int(rng.integers(1, min(side, 3) + 1)) for side in source_shape[1:]]
    synapse = ConvSynapse(
        source,
        weights(rng, (features, channels // groups, *kernel)),
        stride=tuple(rng.integers(1, 3, 2)),
        padding=tuple(rng.integers(0, 2, 2)),
        dilation=(1, 2) if kernel[1] == 1 else (1, 1),
        groups=groups,
    )
    shape = synapse.output_shape(source_shape)
    return Layer(name, shape, _neuron(rng, shape, biased=bool(rng.random() < 0.3)), (synapse,))


def _dense(rng: np.random.Generator, name: str, source: str, source_shape: Shape, kind: str) -> Layer:
    n_out, n_in = int(rng.integers(1, 10)), int(np.prod(source_shape))
    shape: Shape = (n_out, 1, 1) if rng.random() < 0.2 else (n_out,)
    values = weights(rng, (n_out, n_in))
    if kind == "recurrent":
        synapses = (lossless_dense(source, values), lossless_dense(name, weights(rng, (n_out, n_out))))
        return Layer(name, shape, _neuron(rng, shape, biased=False), synapses)
    delays = _delays(rng, n_out, n_in)
    synapse = lossless_dense(source, values, delays)
    if rng.random() < 0.2:
        # Low bits that the synapse drops: the file holds what runs.
        synapse = DenseSynapse(source, values, delays=delays, weight_bits=int(rng.integers(1, 10)))
    per_neuron = delays is None or np.shape(delays) == (n_out, 1) or np.all(delays == delays[:, :1])
    biased = bool(rng.random() < 0.3) and not (delays is not None and np.any(delays) and per_neuron)
    return Layer(name, shape, _neuron(rng, shape, biased=biased), (synapse,))


def _delays(rng: np.random.Generator, n_out: int, n_in: int) -> Any:
    choices = (None, None, (n_out, 1), (1, n_in), (n_out, n_in), (1, 1))
    shape = choices[int(rng.integers(len(choices)))]
    return None if shape is None else rng.integers(0, int(rng.choice([2, 5, MAX_DELAY])) + 1, shape)


def weights(rng: np.random.Generator, shape: Shape) -> Any:
    """Weights of one character: any, SLAYER's even ones, few, one sign, at the ends, none."""
    character = int(rng.integers(8))
    if character == 0:
        return rng.integers(-256, 256, shape)
    if character in (1, 2):
        return rng.integers(-128, 128, shape) * 2
    if character == 3:
        return rng.integers(-128, 128, shape) * 2 * (rng.random(shape) < 0.2)
    if character == 4:
        return rng.integers(0, 256, shape)
    if character == 5:
        return -rng.integers(0, 2 ** int(rng.integers(1, 9)), shape)
    if character == 6:
        return rng.choice([-256, -255, -128, 0, 127, 254, 255], shape)
    return np.zeros(shape, np.int64) if rng.random() < 0.3 else rng.integers(-3, 4, shape)


def _neuron(rng: np.random.Generator, shape: Shape, *, biased: bool) -> CubaLif:
    def parameter(low: int, high: int) -> Any:
        return rng.integers(low, high + 1, [(), (1,), shape[:1]][int(rng.choice([0, 0, 0, 1, 2]))])

    return CubaLif(
        vth_mant=int(rng.choice([0, 1, 25, 64, 80, 500, 5000, (1 << 18) - 1])),
        current_decay=parameter(0, 4096),
        voltage_decay=parameter(0, 4096),
        bias_mant=parameter(-300, 300) if biased else 0,
    )
