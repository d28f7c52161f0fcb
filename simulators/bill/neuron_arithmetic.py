"""Arithmetic of one step of one neuron, as its kind tells it."""

from typing import NamedTuple

import numpy as np

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Layer


class Arithmetic(NamedTuple):
    """Of one neuron in one step.

    Arguments:
        multiplications, additions: of its states.
        accesses: states and biases read or written.
    """

    multiplications: int
    additions: int
    accesses: int


def arithmetic(layer: Layer) -> Arithmetic:
    """What a neuron of the layer computes in a step: every state read and written, a bias added where one is not zero.

    Raises:
        LapilliError: for a kind of which nothing is known.
    """
    neuron = layer.neuron
    if neuron.arithmetic is None:
        raise LapilliError(f"layer {layer.name!r}: the arithmetic of neuron model {neuron.model!r} is not known")
    multiplications, additions = neuron.arithmetic
    biased = bool(np.any(neuron.bias(layer.shape)))
    return Arithmetic(multiplications, additions + neuron.rectifies + biased, 2 * neuron.updated_states + biased)
