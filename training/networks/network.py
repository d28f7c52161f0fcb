"""SLAYER networks from a typed description."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from typing import Any

import torch

from lapilli.netx_exports import Network, Readout, from_slayer
from lapilli.netx_exports.errors import LapilliError
from lapilli.training.fused import Bias
from lapilli.training.networks.axonal_delays import delayed, later
from lapilli.training.networks.blocks import build_blocks
from lapilli.training.networks.config import DEFAULT_NETWORK, ConvConfig, NetworkConfig, depth
from lapilli.training.networks.folding import batch_statistics, refresh
from lapilli.training.networks.operations import Costs, costs
from lapilli.training.networks.problems import misfits
from lapilli.training.networks.time import clear_state
from lapilli.training.networks.trainable import TrainableNetwork

__all__ = ["DEFAULT_NETWORK", "ConvConfig", "NetworkConfig", "SlayerNetwork", "depth"]


class SlayerNetwork(TrainableNetwork):
    """SLAYER blocks run one after the other, each batch from empty state.

    Arguments:
        config: what to build; initial weights come from torch's random generator.
        inputs: input neurons, or their shape (N,) or (C, H, W).
        n_classes: output neurons.
        graded_input: whether input events carry values, such as counts, instead of being plain spikes.

    Raises:
        LapilliError: listing all that does not fit the input.
    """

    def __init__(
        self, config: NetworkConfig, inputs: int | Sequence[int], n_classes: int, graded_input: bool = False
    ) -> None:
        super().__init__()
        shape = (inputs,) if isinstance(inputs, int) else tuple(inputs)
        if problems := list(misfits(config, shape)):
            raise LapilliError("network: " + "; ".join(problems))
        self.config = config
        # Without convolutions an image is a row of neurons.
        self.input_shape = shape if config.conv else (prod(shape),)
        self.n_classes = n_classes
        self.graded_input = graded_input
        self.blocks = torch.nn.ModuleList(build_blocks(config, self.input_shape, n_classes))

    @property
    def n_inputs(self) -> int:
        """Input neurons."""
        return prod(self.input_shape)

    @property
    def facts(self) -> dict[str, Any]:
        """What `from_facts` needs beside configuration and weights, as JSON values."""
        image = {"input_shape": list(self.input_shape)} if len(self.input_shape) > 1 else {}
        graded = {"graded_input": 1} if self.graded_input else {}
        return {"n_inputs": self.n_inputs, "n_classes": self.n_classes} | image | graded

    @classmethod
    def from_facts(cls, config: NetworkConfig, facts: Mapping[str, Any]) -> "SlayerNetwork":
        """A network of that configuration and `facts`, with weights of its own.

        Raises:
            LapilliError: as the constructor.
            KeyError, TypeError, ValueError: for facts that are none.
        """
        shape = [int(side) for side in facts.get("input_shape", [facts["n_inputs"]])]
        return cls(config, shape, int(facts["n_classes"]), bool(facts.get("graded_input", 0)))

    @property
    def depth(self) -> int:
        """Steps after which the readout has answered an input spike, learned delays at their largest."""
        return depth(self.config)

    @property
    def silent_steps(self) -> int:
        """Steps of the readout before anything of the input can have come through."""
        return sum(hasattr(block, "neuron") for block in self.blocks)

    @property
    def late_steps(self) -> int:
        """Steps by which learned delays may make an answer later, at their largest."""
        return self.depth - self.silent_steps

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """What the last block gives, (samples, classes, steps): voltages of a readout that never spikes, or spikes.

        Arguments:
            values: (samples, *inputs, steps), from `lapilli.training.networks.time.slayer_input`.
        """
        return self.answers(values)[-1]

    def answers(self, values: torch.Tensor) -> list[torch.Tensor]:
        """What each block with neurons gives in the step in which they send it, (samples, *neurons, steps).

        The next block gets it one step later, and later by the learned delays of a block with a recurrence or a bias:
        as in the exported network, where such delays are on the synapses that read the layer, others on its own.

        Arguments:
            values: as of `forward`.
        """
        clear_state(self)
        if values.shape[1:-1] != self.input_shape:
            values = values.reshape(len(values), *self.input_shape, values.shape[-1])
        found: list[torch.Tensor] = []
        # What can be read: the input and what each block sent, a step later.
        sent = [values]
        for block in self.blocks:
            if not hasattr(block, "neuron"):
                sent.append(block(sent[-1]))
                continue
            inputs = _read(block, sent)
            with batch_statistics(block, inputs, self.training):
                late = block.delay if _delays_behind(block) else None
                with _unshifted(block, late):
                    found.append(block(inputs))
            sent.append(later(found[-1] if late is None else delayed(found[-1], late)))
        # SLAYER keeps a recurrent block's last spikes in the state dict, in the shape of the batch.
        clear_state(self)
        return found

    def costs(self, values: torch.Tensor, answers: list[torch.Tensor]) -> Costs:
        """As `lapilli.training.networks.operations.costs`."""
        return costs(self.blocks, values, answers)

    def take_over(self, before: TrainableNetwork) -> None:
        """Have all weights, statistics and delays of a network of the same layers."""
        super().take_over(before)
        # SLAYER draws delays when a block first runs; these are drawn already.
        blocks: Any = before.blocks
        for block, old in zip(self.blocks, blocks):
            if getattr(block, "delay", None) is not None:
                delays: Any = block.delay
                delays.init = old.delay.init

    @contextmanager
    def unrounded(self) -> Iterator[None]:
        """While it is open, synapses use their weights as they are; the fused kernels do not run then."""
        synapses: list[Any] = [part for part in self.modules() if getattr(part, "pre_hook_fx", None) is not None]
        hooks = [synapse.pre_hook_fx for synapse in synapses]
        for synapse in synapses:
            synapse.pre_hook_fx = _as_it_is
        try:
            yield
        finally:
            for synapse, hook in zip(synapses, hooks):
                synapse.pre_hook_fx = hook

    def export(self) -> Network:
        """The integer network that this module computes, with its readout."""
        network = from_slayer(self, self.input_shape, readout=Readout(self.config.readout))
        return replace(network, graded_input=True) if self.graded_input else network


def _as_it_is(weight: torch.Tensor) -> torch.Tensor:
    return weight


def _read(block: Any, sent: Sequence[torch.Tensor]) -> torch.Tensor | list[torch.Tensor]:
    """What a block reads of what was sent before it."""
    if not hasattr(block, "reads"):
        return sent[-1]
    return [sent[-back] if not delay else later(sent[-back], delay) for back, delay in block.reads]


def _delays_behind(block: Any) -> bool:
    """Whether the block's delays, if it has some, are on the synapses that read its layer in the exported network."""
    if hasattr(block, "recurrent_synapse"):
        refresh(block.recurrent_synapse)
        return True
    norm = block.neuron.norm
    return isinstance(norm, Bias) and bool(norm.quantised.detach().any())


@contextmanager
def _unshifted(block: Any, delay: torch.nn.Module | None) -> Iterator[None]:
    """Without the block's own shift by a step, which loses what is sent in the last step, and without `delay`."""
    shifts = getattr(block, "delay_shift", False)
    block.delay_shift = False
    if delay is not None:
        block.delay = None
    try:
        yield
    finally:
        block.delay_shift = shifts
        if delay is not None:
            block.delay = delay
