"""The tensors that a layer reads, by name, in the one order in which autograd takes them and gives gradients."""

from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

import torch

T = TypeVar("T")


class Ordered:
    """A dataclass whose fields autograd knows by their places alone."""

    @property
    def in_order(self) -> tuple[Any, ...]:
        """The fields' values."""
        return tuple(getattr(self, part.name) for part in fields(self))  # type: ignore[arg-type]

    @property
    def need_gradient(self) -> bool:
        """Whether there is a way back."""
        return torch.is_grad_enabled() and any(map(learns, self.in_order))


def learns(tensor: torch.Tensor | None) -> bool:
    """Whether a gradient of it is asked for."""
    return tensor is not None and tensor.requires_grad


@dataclass(frozen=True)
class PerTensor(Ordered, Generic[T]):
    """Something for each tensor that a layer reads: the tensor, its gradient, or whether that is needed.

    Arguments:
        values: (samples, inputs, steps), whose events are known; None: no event-driven synapse.
        weight: quantised, (neurons, inputs), of that synapse; both in other shapes for a `Source`.
        feedback: quantised, (neurons, neurons), of a recurrent synapse; None: none.
        real: what else arrives, in SLAYER's unit, (samples, neurons, steps); None: nothing.
        current_decay, voltage_decay: quantised, of 4096.
        bias: quantised, in SLAYER's unit, (neurons), as the layer's; None: none.
        delay: steps by which each neuron's output is late; None: none, or no gradient asked for.
    """

    values: T
    weight: T
    feedback: T
    real: T
    current_decay: T
    voltage_decay: T
    bias: T
    delay: T


Tensors = PerTensor[torch.Tensor | None]
Gradients = PerTensor[torch.Tensor | None]
Needs = PerTensor[bool]
