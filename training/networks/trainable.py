"""What recipes ask of a network, whatever it is made of; `kinds.py` has all of them."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import torch

from lapilli.netx_exports import Network
from lapilli.training.networks.operations import Costs


class TrainableNetwork(torch.nn.Module):
    """Base of the modules that recipes train: each computes, in evaluation mode, the network that it exports.

    Attributes:
        config: from which it was built; its `readout` says how a class is decided.
        n_inputs: input neurons.
        n_classes: output neurons.
    """

    on_gpu: ClassVar[bool] = True
    """Whether it can be trained on a GPU."""

    config: Any
    n_inputs: Any
    n_classes: int

    @classmethod
    def from_facts(cls, config: Any, facts: Mapping[str, Any]) -> "TrainableNetwork":
        """A network of that configuration and `facts`, with weights of its own.

        Arguments:
            config: what to build.
            facts: what `facts` gave, or those of a task: `input_shape`, `n_inputs`, `n_classes`, `n_steps` of a sample,
                `graded_input`.

        Raises:
            LapilliError: for what does not fit.
            KeyError, TypeError, ValueError: for facts that are none.
        """
        raise NotImplementedError

    @property
    def facts(self) -> dict[str, Any]:
        """What `from_facts` needs beside configuration and weights, as JSON values."""
        raise NotImplementedError

    @property
    def depth(self) -> int:
        """Steps after which the exported readout has answered an input, learned delays at their largest."""
        raise NotImplementedError

    def input_steps(self, n_steps: int) -> int:
        """Of the steps of a run, from the first on, so many as this module has to be given."""
        return n_steps

    @property
    def silent_steps(self) -> int:
        """Steps of `answers` before anything of the input can have come through."""
        return 0

    @property
    def late_steps(self) -> int:
        """Steps, silent ones cut off, by which an answer may come later than what it answers to."""
        return 0

    def begin_epoch(self, epoch: int, max_epochs: int) -> None:
        """Be told of an epoch of training, counted from 0, before it begins."""

    def answers(self, values: torch.Tensor) -> list[torch.Tensor]:
        """What each layer sends, and last what the readout gives, (samples, classes, steps).

        Arguments:
            values: (samples, *inputs, steps), from `lapilli.training.networks.time.slayer_input`.
        """
        raise NotImplementedError

    def costs(self, values: torch.Tensor, answers: list[torch.Tensor]) -> Costs:
        """What a forward pass costs, with gradients.

        Arguments:
            values, answers: of `answers`.
        """
        raise NotImplementedError

    def take_over(self, before: "TrainableNetwork") -> None:
        """Have all weights and statistics of a network of the same layers.

        Raises:
            RuntimeError: where its layers are others.
        """
        self.load_state_dict(before.state_dict())

    def unrounded(self) -> AbstractContextManager[None]:
        """While it is open, the weights are what the optimiser left, not integers."""
        raise NotImplementedError

    def export(self) -> Network:
        """The integer network that this module computes, with its readout."""
        raise NotImplementedError
