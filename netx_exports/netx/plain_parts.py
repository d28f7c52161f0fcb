"""Parts of a group of the plain layout: shape, weights, delays and bias, with lava-dl's meaning of each."""

from math import prod

import numpy as np

from lapilli.netx_exports.arrays import IntArray
from lapilli.netx_exports.hdf5.fields import Fields
from lapilli.netx_exports.synapses.kinds import MAX_DELAY, Shape

_DELAY_AND_BIAS = (
    "delays of a layer with a bias have no one meaning: SLAYER delays what leaves the layer, lava-dl what enters it"
)
_COMPLEX = "complex weights need resonate-and-fire neurons in a dense layer"


def read_shape(fields: Fields, ndim: tuple[int, ...] = (1, 3)) -> Shape | None:
    """Shape of a layer."""
    shape = fields.shape()
    if shape is not None and len(shape) not in ndim:
        allowed = " or ".join({1: "(N,)", 3: "(C, H, W)"}[number] for number in ndim)
        fields.wrong("shape", f"must be {allowed}, got {shape}")
        return None
    return shape


def read_count(fields: Fields, name: str, allowed: set[int]) -> None:
    """Remark on a number that stands in the file twice and differs; lava-dl builds the layer from the weights."""
    found = fields.integer(name) if fields.has(name) else None
    if found is not None and found not in allowed:
        known = " or ".join(map(str, sorted(allowed)))
        fields.remark(name, f"says {found}, the weights are of {known}, and so is the layer")


def read_dense_weights(fields: Fields, name: str, shape: Shape | None) -> IntArray | None:
    """Weights (neurons, source neurons); one-dimensional ones and those with trailing axes of 1 are reshaped."""
    if name in fields.group.groups:
        fields.wrong(name, _COMPLEX)
        return None
    weights = fields.integers(name, low=-256, high=255, dtype=np.int16)
    if weights is None or shape is None:
        return None
    if weights.size % prod(shape) or (weights.ndim > 1 and weights.shape[0] != prod(shape)):
        fields.wrong(name, f"must have {prod(shape)} rows, one for each neuron, got shape {weights.shape}")
        return None
    return weights.reshape(prod(shape), -1)


def read_conv_weights(fields: Fields) -> IntArray | None:
    """Weights (out, in / groups, height, width)."""
    if "weight" in fields.group.groups:
        fields.wrong("weight", _COMPLEX)
        return None
    weights = fields.integers("weight", low=-256, high=255, dtype=np.int16, ndim=(4, 5))
    if weights is None:
        return None
    if weights.ndim == 5 and weights.shape[4] != 1:
        fields.wrong("weight", f"must be (out, in / groups, height, width), got shape {weights.shape}")
        return None
    weights = weights.reshape(weights.shape[:4])
    kernel = fields.integers("kernelSize", ndim=(0, 1)) if fields.has("kernelSize") else None
    if kernel is not None and (kernel.size > 2 or np.any(kernel != weights.shape[2:])):
        height, width = weights.shape[2:]
        fields.remark(
            "kernelSize", f"says {kernel.tolist()}, the weights are of {height} x {width}, and so is the layer"
        )
    return weights


def read_pair(fields: Fields, name: str, low: int) -> tuple[int, int] | None:
    """(height, width), from two numbers or one for both."""
    numbers = fields.integers(name, low=low, high=127, ndim=(0, 1))
    if numbers is None:
        return None
    if numbers.size > 2:
        fields.wrong(name, f"must be (height, width), got shape {numbers.shape}")
        return None
    both = np.broadcast_to(numbers, 2)
    return int(both[0]), int(both[1])


def read_dense_delays(fields: Fields, weights: IntArray | None, bias: IntArray | None) -> IntArray | None:
    """Delays that broadcast to the weights: of one number, of each neuron, of each source, or of each weight."""
    if not fields.has("delay"):
        return np.zeros((1, 1), np.int16)
    delays = fields.integers("delay", low=0, high=MAX_DELAY, dtype=np.int16, ndim=(0, 1, 2))
    if delays is None or weights is None:
        return None
    n_out, n_in = weights.shape
    # Of neurons before of sources, where both have the same number: lava-dl looks in this order.
    if delays.shape in {(), (n_out,)}:
        _refuse_delays_with_bias(fields, delays, bias)
        return delays.reshape(-1, 1)
    if delays.shape == (n_in,):
        return delays.reshape(1, -1)
    if delays.shape != (n_out, n_in):
        fields.wrong("delay", f"must have shape ({n_out},), ({n_in},) or ({n_out}, {n_in}), got {delays.shape}")
        return None
    return delays


def read_own_delays(fields: Fields, name: str, weights: IntArray | None) -> IntArray | None:
    """Delays of one of two synapses into the same neurons, which mean it alone: one number, or one for each weight."""
    if not fields.has(name):
        return np.zeros((1, 1), np.int16)
    delays = fields.integers(name, low=0, high=MAX_DELAY, dtype=np.int16, ndim=(0, 1, 2))
    if delays is None or weights is None:
        return None
    if delays.size == 1:
        return delays.reshape(1, 1)
    if delays.shape != weights.shape:
        fields.wrong(name, f"must be one number or of shape {weights.shape}, one for each weight, got {delays.shape}")
        return None
    return delays


def read_conv_delays(fields: Fields, shape: Shape | None, bias: IntArray | None) -> IntArray | None:
    """Delays of each output channel."""
    if not fields.has("delay"):
        return np.zeros(1, np.int16)
    delays = fields.integers("delay", low=0, high=MAX_DELAY, dtype=np.int16, ndim=(0, 1))
    if delays is None or shape is None:
        return None
    _refuse_delays_with_bias(fields, delays, bias)
    if delays.size not in (1, shape[0]):
        fields.wrong("delay", f"must be one for each of {shape[0]} channels, got shape {delays.shape}")
        return None
    return delays.reshape(-1)


def read_bias(fields: Fields, shape: Shape | None) -> IntArray | None:
    """Bias mantissa: one number, one for each channel, or one for each neuron of an image."""
    if not fields.has("bias"):
        return np.asarray(0, np.int32)
    bias = fields.integers("bias", low=-(1 << 15), high=(1 << 15) - 1, dtype=np.int32)
    if bias is None or shape is None:
        return None
    if bias.ndim == 3 and prod(shape[1:]) > 1 and bias.shape == shape[::-1]:
        # The one array of the format that lava-dl reads as (W, H, C).
        return bias.transpose(2, 1, 0)
    if bias.size == 1:
        return bias.reshape(bias.shape[:1])
    if bias.shape != shape[:1]:
        fields.wrong("bias", f"must be one number, or one for each of {shape[0]} channels, got shape {bias.shape}")
        return None
    return bias


def _refuse_delays_with_bias(fields: Fields, delays: IntArray, bias: IntArray | None) -> None:
    if bias is not None and np.any(bias) and np.any(delays):
        fields.unsupported("delay", _DELAY_AND_BIAS)
