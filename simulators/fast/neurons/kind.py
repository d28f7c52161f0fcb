"""What the kernels must know of a neuron model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Shape = tuple[int, ...]


def _no_parameters(neuron: Any, shape: Shape) -> list[npt.NDArray[np.int32]]:
    return []


def _nothing_shared(neuron: Any) -> list[int]:
    return []


@dataclass(frozen=True)
class NeuronKind:
    """A neuron model in the kernels.

    Arguments:
        step: compiled, `(program, state, layer, shift)`: one step of a layer's neurons. It reads its inputs where
            `port_of` says, and sets `State.spiking`, and `State.outgoing` where spikes carry values. Padding must not
            spike (`without_padding`). `shift` is 0 but where `shifts`.
        per_neuron: parameters of each neuron, from the neuron model and the layer's shape: arrays of int32, flat in C
            order. They become the first rows of `Program.neuron_parameters`, 0 in the padding.
        shared: parameters of all neurons of a layer, from the neuron model: entries of `Program.layer_parameters`.
        shifts: whether `step` takes the left shift of a lone accumulator upon itself, which spares a pass over it.
    """

    step: Any
    per_neuron: Callable[[Any, Shape], Sequence[npt.NDArray[np.int32]]] = _no_parameters
    shared: Callable[[Any], Sequence[int]] = _nothing_shared
    shifts: bool = False
