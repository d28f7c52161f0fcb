"""What a network of LSTM layers reads: the elements of a sequence, of as many steps as a sample has."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch

from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import MAX_NEURONS
from lapilli.training.fused.autocast import autocast_on_cpu


class Sizes(NamedTuple):
    """Sizes of a network, beside those of its layers.

    Arguments:
        n_inputs: input neurons.
        n_classes: of the readout.
        n_steps: elements of a sample.
        graded_input: whether input events carry values.
    """

    n_inputs: int
    n_classes: int
    n_steps: int
    graded_input: int

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Sizes":
        """From the facts of a task or of a run.

        Raises:
            KeyError, ValueError: for facts that are none.
        """
        sizes = cls(*(_whole(name, facts[name]) for name in cls._fields))
        if min(sizes[:3]) < 1:
            raise ValueError(f"needs inputs, classes and steps, got {sizes}")
        return sizes


def elements(values: torch.Tensor, sizes: Sizes) -> torch.Tensor:
    """The elements of all samples, (elements, samples, inputs).

    Arguments:
        values: (samples, *inputs, steps), from `lapilli.training.networks.time.slayer_input`; behind the frame in front
            come the elements.
        sizes: of the network.

    Raises:
        LapilliError: for fewer elements or other inputs, on a GPU, or in half precision.
    """
    if values.device.type != "cpu" or autocast_on_cpu():
        raise LapilliError("network: LSTMs run on the CPU (accelerator cpu), in precision 32-true")
    by_step = values.flatten(1, -2).permute(2, 0, 1)[1 : 1 + sizes.n_steps]
    if by_step.shape[0] != sizes.n_steps or by_step.shape[2] != sizes.n_inputs:
        found = f"{by_step.shape[2]} inputs in {by_step.shape[0]} steps"
        raise LapilliError(f"network: needs {sizes.n_inputs} inputs in {sizes.n_steps} steps, got {found}")
    return by_step.contiguous()


def _whole(name: str, fact: Any) -> int:
    if not isinstance(fact, int) or not 0 <= fact <= MAX_NEURONS:
        raise ValueError(f"{name}: must be a whole number of 0…{MAX_NEURONS}, got {fact!r}")
    return int(fact)
