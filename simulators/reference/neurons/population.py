"""The neurons of one layer at work, samples side by side."""

from math import prod

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.neurons.neuron import Neuron

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
Sent = npt.NDArray[np.bool_] | Int32


class Population:
    """Base of the neuron kinds of this backend.

    Arguments:
        neuron: kind and parameters.
        shape: of the layer.
        n_samples: samples at once.

    `states` holds what is recorded, int32, (samples, neurons); `counted` what the kind counts, int64, (samples,), to
    which `step` adds.
    """

    def __init__(self, neuron: Neuron, shape: tuple[int, ...], n_samples: int) -> None:
        self.neuron = neuron
        self.shape = (n_samples, prod(shape))
        self._rest = neuron.rest
        self.states = {name: np.zeros(self.shape, np.int32) for name in neuron.states}
        self.counted = {name: np.zeros(n_samples, np.int64) for name in neuron.counters}
        self.reset()

    def reset(self) -> None:
        """Bring all neurons to rest."""
        for name, state in self.states.items():
            state[:] = self._rest.get(name, 0)

    def step(self, *arriving: Int32) -> Sent:
        """Take what arrives at each port, int32, (samples, neurons); which neurons spike, or the values they send."""
        raise NotImplementedError
