"""Arithmetic of one step of one neuron, counted in `simulators/reference/neurons/population.py`.

A decay is one multiplication, a sum, difference or comparison one addition. Shifts, saturation and the reset of the few
that spike are not counted.
"""

from typing import NamedTuple

import numpy as np

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.neurons.kinds import (
    AdaptiveLif,
    CubaLif,
    Delta,
    IzhikevichResonateAndFire,
    ResonateAndFire,
    Sigma,
    SigmaDelta,
)


class Arithmetic(NamedTuple):
    """Of one neuron in one step.

    Arguments:
        multiplications, additions: of its states.
        accesses: states and biases read or written.
    """

    multiplications: int
    additions: int
    accesses: int


_OF_MODEL = {
    CubaLif.model: (2, 3),
    AdaptiveLif.model: (4, 6),
    ResonateAndFire.model: (4, 7),
    IzhikevichResonateAndFire.model: (4, 5),
    Delta.model: (0, 4),
    SigmaDelta.model: (0, 5),
    Sigma.model: (0, 1),
}


def arithmetic(layer: Layer) -> Arithmetic:
    """What a neuron of the layer computes in a step: every state read and written, a bias added where one is not zero.

    Raises:
        LapilliError: for a model of which nothing is known.
    """
    model = layer.neuron.model
    if model not in _OF_MODEL:
        raise LapilliError(f"layer {layer.name!r}: the arithmetic of neuron model {model!r} is not known")
    multiplications, additions = _OF_MODEL[model]
    rectifies = getattr(layer.neuron, "activation", "") == "relu"
    bias = getattr(layer.neuron, "bias", None)
    biased = bias is not None and bool(np.any(bias(layer.shape)))
    return Arithmetic(multiplications, additions + rectifies + biased, 2 * len(layer.neuron.states) + biased)
