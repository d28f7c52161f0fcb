"""What happens in a layer of neurons, but for the numbers that it learns."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from lapilli.training.fused.dynamics import Dynamics
from lapilli.training.fused.form import Form
from lapilli.training.fused.source import Source

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Layer:
    """What happens in a layer, but for its weights.

    Arguments:
        form: how the neurons lie.
        dynamics: of the neurons.
        keep: what current and voltage keep in a step, of 4096, uint32 (neurons) each.
        state: current and voltage before the first step, in units, int32 (samples, neurons) each; the forward pass
            leaves those after the last step there.
        shift: steps by which the output of all neurons is late.
        delays: steps by which the output of each neuron is late beyond that, int64 (neurons); None: none.
        delay_scale: factor of the delays' gradient.
        noise: factors of dropout, (samples, steps or 1, neurons); None: none.
        through_state: whether gradients of a recurrent layer pass from step to step through current and voltage too.
        checkpoint_steps: keep states every so many steps only, and run each chunk of steps again on the way back; 0:
            keep those of every step.
        source: the synapse in front of the neurons, where it is not a dense one.
    """

    form: Form
    dynamics: Dynamics
    keep: tuple[Array, Array]
    state: tuple[Array, Array]
    shift: int = 0
    delays: torch.Tensor | None = None
    delay_scale: float = 1.0
    noise: torch.Tensor | None = None
    through_state: bool = True
    checkpoint_steps: int = 0
    source: Source | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Samples and neurons."""
        n_samples, n_neurons = self.state[0].shape
        return n_samples, n_neurons

    @property
    def n_steps(self) -> int:
        """Of all that arrives."""
        return self.form.shape[-1]

    @property
    def shifts(self) -> npt.NDArray[np.int64]:
        """Steps by which the output of each neuron is late."""
        delays = np.zeros(self.size[1], np.int64) if self.delays is None else self.delays.numpy()
        return delays + self.shift
