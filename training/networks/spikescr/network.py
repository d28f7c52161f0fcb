"""SpikeSCR as a torch module: trained with lag 0 and time folded into the batch, evaluated as the exported integers.

The network is that of arXiv 2412.12858 as the authors' code has it (JackieWang9811/SpikeSCR, commit 095f418f), but for
these choices: queries and keys spike along the time of their own sample (the code's second LIF mixes axes); weights are
even integers of 8 bits with a power-of-two threshold for each layer, and their batch norms are folded into them.

Training has two phases. In the first, batch norms see their batch and neurons are floating-point numbers: one matrix
product for each layer, and the statistics are those that are used. In the last epochs (`integer_share`) the running
statistics are frozen and folded, so that the forward pass is that of the integers, but for what dropout leaves in
fractions, which is rounded. Integers with statistics of the batch would need a product more in each layer, because
the statistics must be known before weights are rounded. Attention, rotary positions and readout are integers always.
Evaluation is on integers in both phases.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from math import prod
from typing import Any, NamedTuple

import torch

from lapilli.netx_exports import Network
from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import MAX_NEURONS
from lapilli.netx_exports.neurons.kinds import DECAY_UNITY
from lapilli.netx_exports.synapses.rotary import MAX_POSITIONS
from lapilli.training.fused.autocast import autocast_on_cpu
from lapilli.training.fused.devices import on_gpu
from lapilli.training.networks.operations import Costs
from lapilli.training.networks.spikescr.config import SpikeScrConfig
from lapilli.training.networks.spikescr.costs import layer_costs
from lapilli.training.networks.spikescr.export import exported
from lapilli.training.networks.spikescr.functions.dropout import NO_DROPOUT, Dropout
from lapilli.training.networks.spikescr.functions.firing import Firing, Surrogate
from lapilli.training.networks.spikescr.topology import HEAD, lags, nodes
from lapilli.training.networks.trainable import TrainableNetwork


class Sample(NamedTuple):
    """What the network reads, without the steps that only its exported form needs.

    Arguments:
        values: (samples, steps, channels).
        write: 1 where keys count, (samples, steps).
    """

    values: torch.Tensor
    write: torch.Tensor


class SpikeScrNetwork(TrainableNetwork):
    """SpikeSCR with integer weights.

    Arguments:
        config: what to build; initial weights come from torch's random generator.
        inputs: input neurons, or their shape (N,): channels, the line "valid", and "keys" where keys are masked.
        n_classes: of the readout.
        n_steps: of a sample.
        graded_input: whether input events carry values, such as counts; the exported network has the same.

    Raises:
        LapilliError: for an input of another shape, no class, or too many steps.
    """

    # Its kernels there were not run on a GPU yet, so that only who asks for one gets it.
    on_gpu = False

    def __init__(
        self,
        config: SpikeScrConfig,
        inputs: int | Sequence[int],
        n_classes: int,
        n_steps: int,
        graded_input: bool = True,
    ) -> None:
        super().__init__()
        self.config = config
        self.n_inputs = inputs if isinstance(inputs, int) else prod(inputs)
        self.n_channels = self.n_inputs - 1 - config.key_mask
        if self.n_channels < 1:
            raise LapilliError(f"network: needs an input of channels and lines, got {self.n_inputs} neurons")
        if n_classes < 1 or not 1 <= n_steps <= MAX_POSITIONS:
            found = f"{n_classes} classes and {n_steps} steps"
            raise LapilliError(f"network: needs at least one class and 1…{MAX_POSITIONS} steps, got {found}")
        self.n_classes, self.n_steps, self.graded_input = n_classes, n_steps, graded_input
        self.nodes = nodes(config, self.n_channels, n_classes)
        made = {node.name: node.layer(config) for node in self.nodes}
        self.layers = torch.nn.ModuleDict({name: layer for name, layer in made.items() if layer is not None})
        self.decays = torch.nn.ParameterDict(
            {f"{node.name}_memory_decay": _decay(config) for node in self.nodes if node.remembers}
            if config.learn_memory_decay
            else {}
        )
        self.head = torch.nn.Parameter(torch.empty(n_classes, config.width))
        torch.nn.init.xavier_uniform_(self.head)
        self.integers = False
        self.rounded = True

    @property
    def facts(self) -> dict[str, Any]:
        """What `from_facts` needs beside configuration and weights, as JSON values."""
        sizes = {"n_inputs": self.n_inputs, "n_classes": self.n_classes, "n_steps": self.n_steps}
        return sizes | {"graded_input": int(self.graded_input)}

    @classmethod
    def from_facts(cls, config: SpikeScrConfig, facts: Mapping[str, Any]) -> "SpikeScrNetwork":
        """A network of that configuration and `facts`, with weights of its own.

        Raises:
            LapilliError: as the constructor.
            KeyError, TypeError, ValueError: for facts that are none.
        """
        names = ("n_inputs", "n_classes", "n_steps", "graded_input")
        n_inputs, n_classes, n_steps, graded = (_whole(name, facts[name]) for name in names)
        return cls(config, n_inputs, n_classes, n_steps, bool(graded))

    @property
    def lags(self) -> dict[str, int]:
        """By the name of a layer: in which step of the exported network it sends what belongs to step 0."""
        return lags(self.config, self.nodes, self.n_steps)

    @property
    def depth(self) -> int:
        """Steps by which the exported readout answers later than the input came."""
        return self.lags[HEAD]

    def begin_epoch(self, epoch: int, max_epochs: int) -> None:
        """Choose the phase: whether statistics are frozen and training is on integers.

        Arguments:
            epoch: from 0.
            max_epochs: of the training.
        """
        self.integers = epoch >= max_epochs - round(self.config.integer_share * max_epochs)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Voltages of the readout in SLAYER's unit, (samples, classes, steps of the sample).

        Arguments:
            values: (samples, inputs, steps), from `lapilli.training.networks.time.slayer_input`.
        """
        return self.answers(values)[-1]

    def answers(self, values: torch.Tensor) -> list[torch.Tensor]:
        """What each layer sends, (samples, steps, channels), and last what the readout does, (samples, classes, steps).

        Step t of a sample is at t in all of them, without the lags of the exported network.

        Arguments:
            values: as of `forward`.
        """
        sample = self.sample(values)
        sent = {"input": sample.values}
        for node in self.nodes:
            sent[node.name] = node.answer(self, sent, sample.write)
        return [*(sent[node.name] for node in self.nodes[:-1]), sent[HEAD].transpose(1, 2)]

    def sample(self, values: torch.Tensor) -> Sample:
        """The steps of the sample itself, and which keys count.

        Arguments:
            values: as of `forward`; behind the frame in front come the steps of the sample.

        Raises:
            LapilliError: where the line "valid" is not 1 in all of them, in half precision, or on a GPU without Triton.
        """
        if torch.is_autocast_enabled() or autocast_on_cpu():
            raise LapilliError("network: spikescr computes in precision 32-true")
        if on_gpu(values) and find_spec("triton") is None:
            raise LapilliError("network: spikescr on a GPU needs triton, which is not installed; or accelerator cpu")
        by_step = values.flatten(1, -2).transpose(1, 2)[:, 1 : 1 + self.n_steps]
        if by_step.shape[1:] != (self.n_steps, self.n_inputs) or not bool((by_step[..., self.n_channels] == 1).all()):
            found = f"{by_step.shape[2]} inputs and {by_step.shape[1]} steps"
            raise LapilliError(
                f"network: needs {self.n_inputs} inputs in {self.n_steps} steps, in all of which the line "
                f"'valid' ({self.n_channels}) is 1, got {found}"
            )
        write = by_step[..., self.n_channels + self.config.key_mask]
        return Sample(by_step[..., : self.n_channels], write.contiguous())

    def costs(self, values: torch.Tensor, answers: list[torch.Tensor]) -> Costs:
        """Spikes and operations of the layers' weights; lines, biases and attention are not counted.

        Arguments:
            values, answers: of `answers`.
        """
        names = ("input", *(node.name for node in self.nodes[:-1]))
        return layer_costs(self, dict(zip(names, (self.sample(values).values, *answers))))

    @contextmanager
    def unrounded(self) -> Iterator[None]:
        """While it is open, evaluation is in floating point, behind the running statistics."""
        self.rounded = False
        try:
            yield
        finally:
            self.rounded = True

    def export(self) -> Network:
        """The integer network that this module computes, with its readout."""
        return exported(self)

    def firing(self, drops: bool) -> Firing:
        """How neurons answer now; with `drops`, dropout is drawn for what they send in training."""
        share = Dropout.drawn(self.config.dropout) if drops and self.training else NO_DROPOUT
        return Firing(_surrogate(self.config), share)

    def memory_decay(self, name: str) -> torch.Tensor:
        """Share of the memory of the attention `name` that is lost in a step, in 1/4096, a whole number.

        Where it is learned, the gradient passes through rounding, and through the limits, as if these were not there.
        """
        if not self.config.learn_memory_decay:
            return torch.tensor(float(self.config.memory_decay), device="cpu")
        decay = self.decays[f"{name}_memory_decay"]
        return decay + (decay.clamp(0, DECAY_UNITY).round() - decay).detach()


def _decay(config: SpikeScrConfig) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.tensor(float(config.memory_decay)))


def _surrogate(config: SpikeScrConfig) -> Surrogate:
    if config.surrogate == "atan":
        return Surrogate.atan(config.surrogate_alpha)
    return Surrogate.slayer(config.surrogate_width, config.surrogate_peak)


def _whole(name: str, fact: Any) -> int:
    if not isinstance(fact, int) or not 0 <= fact <= MAX_NEURONS:
        raise ValueError(f"{name}: must be a whole number of 0…{MAX_NEURONS}, got {fact!r}")
    return int(fact)
