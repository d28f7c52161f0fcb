"""A network of one time step as a torch module: trained with integers in the forward pass, which are exported.

The network is that of arXiv 2401.10843, as the authors' code has it (iverss1/ACML_SNN, commit 31c9a7c), but for these
choices: potentials are mixed by the paper's equation 5, not by the code's, unless asked otherwise; a region threshold
passes gradients straight through; what lies in front of windows becomes spikes by a threshold unless asked otherwise;
batch norms may stand behind convolutions. Recurrent layers within windows have analogue gates, as published.

Real numbers in the module are multiples of powers of two. Weights have 8 bits, activations 8 bits, potentials 24 bits.
float32 holds their sums exactly, so that in evaluation the module computes the exported network. Gradients pass through
rounding as if it were not there. Where there are batch norms, weights are rounded only in the last epochs
(`integer_share`), in which the statistics are frozen; activations and potentials are integers always.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from math import prod
from typing import Any

import torch

from lapilli.netx_exports import Network
from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import MAX_NEURONS
from lapilli.netx_exports.synapses.kinds import INPUT
from lapilli.training.fused.autocast import autocast_on_cpu
from lapilli.training.networks.one_step.config import OneStepConfig
from lapilli.training.networks.one_step.costs import layer_costs
from lapilli.training.networks.one_step.export import exported
from lapilli.training.networks.one_step.layers import Weighted
from lapilli.training.networks.one_step.layout import Shape, nodes
from lapilli.training.networks.one_step.nodes.head import HEAD
from lapilli.training.networks.one_step.nodes.node import Map, Sent
from lapilli.training.networks.operations import Costs
from lapilli.training.networks.trainable import TrainableNetwork

_FRAMES = 2
"""Frames of the input that are read: SLAYER's empty one, and the image."""


class OneStepNetwork(TrainableNetwork):
    """A network of one time step.

    Arguments:
        config: what to build; initial weights come from torch's random generator.
        input_shape: (channels, side, side) of the images.
        n_classes: of the readout.
        graded_input: whether input events carry values; the exported network has the same.

    Raises:
        LapilliError: for images of another shape, no class, or maps that cannot be halved or cut.
    """

    # Its kernels are numba's.
    on_gpu = False

    def __init__(
        self, config: OneStepConfig, input_shape: Sequence[int], n_classes: int, graded_input: bool = True
    ) -> None:
        super().__init__()
        if len(input_shape) != 3 or input_shape[1] != input_shape[2] or n_classes < 1:
            found = f"shape {tuple(input_shape)} and {n_classes} classes"
            raise LapilliError(f"network: needs images of shape (channels, side, side) and a class, got {found}")
        self.config, self.graded_input, self.n_classes = config, graded_input, n_classes
        self.input_shape: Shape = (input_shape[0], input_shape[1], input_shape[2])
        self.n_inputs = prod(input_shape)
        self.nodes = nodes(config, self.input_shape, n_classes)
        made = {node.name: node.layer(config) for node in self.nodes}
        self.layers = torch.nn.ModuleDict({name: layer for name, layer in made.items() if layer is not None})
        reaches = {node.name: node.reach(config) for node in self.nodes}
        self.reaches = torch.nn.ModuleDict({name: reach for name, reach in reaches.items() if reach is not None})
        # As published, the readout begins with weights of 0.
        torch.nn.init.zeros_(self.weighted(HEAD).weight)
        self.integers = config.norm == "none"
        self.rounded = True

    @property
    def facts(self) -> dict[str, Any]:
        """What `from_facts` needs beside configuration and weights, as JSON values."""
        sizes = {"input_shape": list(self.input_shape), "n_classes": self.n_classes}
        return sizes | {"graded_input": int(self.graded_input)}

    @classmethod
    def from_facts(cls, config: OneStepConfig, facts: Mapping[str, Any]) -> "OneStepNetwork":
        """A network of that configuration and `facts`, with weights of its own.

        Raises:
            LapilliError: as the constructor.
            KeyError, TypeError, ValueError: for facts that are none.
        """
        shape = [_whole("input_shape", size) for size in facts["input_shape"]]
        return cls(config, shape, _whole("n_classes", facts["n_classes"]), bool(facts["graded_input"]))

    @property
    def groups(self) -> int:
        """Steps of the exported network from an image to the next."""
        return 1 if self.config.form == "ann" else self.config.groups

    @property
    def pixel_unit(self) -> int:
        """A pixel of 1.0 is the integer 2^this."""
        return self.config.pixel_unit.bit_length() - 1

    @cached_property
    def phases(self) -> dict[str, int]:
        """By the name of a layer: the exported network's step in which it first sends what belongs to an image."""
        # They depend on the graph alone, not on weights.
        return {layer.name: layer.clock.phase for layer in exported(self).layers}

    @property
    def depth(self) -> int:
        """Steps after which the exported readout has answered; none of a network that has no exported form."""
        return 0 if self.config.unexportable else self.phases[HEAD]

    def input_steps(self, n_steps: int) -> int:
        """Of the steps of a run: those that this module reads."""
        return _FRAMES

    @property
    def normalises(self) -> bool:
        """Whether batch norms take their statistics from the batch now."""
        return self.training and not self.integers and self.config.norm == "batch"

    @property
    def learns_units(self) -> bool:
        """Whether the units of activations still follow what is seen in training."""
        return self.config.norm == "none" or not self.integers

    def begin_epoch(self, epoch: int, max_epochs: int) -> None:
        """Choose the phase: whether statistics are frozen and weights are integers.

        Arguments:
            epoch: from 0.
            max_epochs: of the training.
        """
        last = epoch >= max_epochs - round(self.config.integer_share * max_epochs)
        self.integers = self.config.norm == "none" or last

    def weighted(self, name: str) -> Weighted:
        """The weights of a layer."""
        found = self.layers[name]
        assert isinstance(found, Weighted)
        return found

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Scores of the classes, (samples, classes, 1).

        Arguments:
            values: (samples, channels, side, side, steps), from `lapilli.training.networks.time.slayer_input`.
        """
        return self.answers(values)[-1]

    def answers(self, values: torch.Tensor) -> list[torch.Tensor]:
        """What each layer sends, and last the scores of the classes, (samples, classes, 1).

        What layers send is real: (samples, rows, columns, channels), or (windows, samples, …) of windows.

        Arguments:
            values: as of `forward`.
        """
        sent = self.sent(values)
        layers = [sent[node.name].values for node in self.nodes[:-1]]
        return [*layers, sent[HEAD].values[:, :, None]]

    def sent(self, values: torch.Tensor) -> Sent:
        """What each layer sends, by its name, and the input.

        Raises:
            LapilliError: on a GPU, in half precision, or where the input is of another shape.
        """
        if values.device.type != "cpu" or autocast_on_cpu():
            raise LapilliError("network: one_step runs on the CPU (accelerator cpu), in precision 32-true")
        if values.shape[1:-1] != self.input_shape or values.shape[-1] < _FRAMES:
            given = f"{tuple(values.shape[1:-1])} in {values.shape[-1]} frames"
            raise LapilliError(f"network: needs images of shape {self.input_shape} in frame 1, got {given}")
        image = values[..., 1].permute(0, 2, 3, 1).contiguous() / (1 << self.pixel_unit)
        found = {INPUT: Map(image, self.pixel_unit)}
        for node in self.nodes:
            found[node.name] = node.answer(self, found)
        return found

    def costs(self, values: torch.Tensor, answers: list[torch.Tensor]) -> Costs:
        """Spikes and messages of the layers, and the operations that these and the input meet.

        Of a network that has no exported form: no spikes, and its products.

        Arguments:
            values, answers: of `answers`.
        """
        return layer_costs(self, values[..., 1], answers)

    @contextmanager
    def unrounded(self) -> Iterator[None]:
        """While it is open, weights and biases are not rounded."""
        self.rounded = False
        try:
            yield
        finally:
            self.rounded = True

    def export(self) -> Network:
        """The integer network that this module computes, with its readout.

        Raises:
            UnsupportedError: for one whose configuration has no exported network.
        """
        return exported(self)


def _whole(name: str, fact: Any) -> int:
    if not isinstance(fact, int) or not 0 <= fact <= MAX_NEURONS:
        raise ValueError(f"{name}: must be a whole number of 0…{MAX_NEURONS}, got {fact!r}")
    return int(fact)
