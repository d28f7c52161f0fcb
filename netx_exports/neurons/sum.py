"""Neurons that send what they receive."""

from dataclasses import dataclass
from typing import ClassVar

from lapilli.netx_exports.neurons.neuron import Neuron


@dataclass(frozen=True, eq=False)
class Sum(Neuron):
    """Neurons without memory that send what arrives in a step, held within ±(2^23 - 1), as the value of one event.

    They add up the sources of a residual path between blocks, so that the next block reads one source. Where the sum
    is 0 nothing is sent.
    """

    model: ClassVar[str] = "SUM"
    states = ("total",)
    graded = True
    arithmetic = (0, 0)
