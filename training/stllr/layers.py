"""Layers of leaky integrate-and-fire neurons and their readout, with the arithmetic of one step."""

from dataclasses import dataclass
from math import prod

import torch

from lapilli.netx_exports.neurons.kinds import DECAY_UNITY, STATE_LIMIT
from lapilli.training.stllr.config import INTEGER_UNIT, OnlineNetworkConfig
from lapilli.training.stllr.errors import UnusableRateError
from lapilli.training.stllr.synapses import Synapse

STATE_UNITS = 64 * INTEGER_UNIT
"""Units of a voltage of 1 in fixed point."""

_LARGEST = (STATE_LIMIT - 1) / STATE_UNITS


@dataclass(frozen=True)
class Neurons:
    """How voltages change.

    Arguments:
        leak: share of the voltage that is kept in a step.
        threshold: voltage that a neuron must exceed to spike; None: it never does.
        subtract: whether a spike takes the threshold off the voltage; else all of it.
        integer: whether voltages are integers over `STATE_UNITS`, rounded towards zero as in SLAYER and Lava.
    """

    leak: float
    threshold: float | None
    subtract: bool
    integer: bool

    @property
    def kept(self) -> int:
        """Of 4096 units, what integers keep in a step."""
        return round(self.leak * DECAY_UNITY)

    @property
    def share(self) -> float:
        """What is kept in a step, as the arithmetic has it."""
        return self.kept / DECAY_UNITY if self.integer else self.leak

    def start(self, like: torch.Tensor, n_samples: int, shape: tuple[int, ...]) -> torch.Tensor:
        """Voltages of silence; integers in double precision, which holds all of them and their products."""
        dtype = torch.float64 if self.integer else like.dtype
        return torch.zeros(n_samples, *shape, dtype=dtype, device=like.device)

    def decay_(self, voltage: torch.Tensor) -> None:
        """One step's leak, in place."""
        if self.integer:
            # A voltage of so many units times what is kept of 4096 units.
            voltage.mul_(self.kept).trunc_().div_(STATE_UNITS)
        else:
            voltage.mul_(self.leak)

    def add_(self, voltage: torch.Tensor, current: torch.Tensor) -> None:
        """Integrate what arrives, in place.

        Raises:
            UnusableRateError: for currents that would wrap around.
        """
        voltage.add_(current)
        if self.integer:
            if float(current.abs().max()) > _LARGEST:
                raise UnusableRateError(
                    f"a current exceeds {_LARGEST:g}, where integers wrap around; scale input or rate down"
                )
            voltage.clamp_(-_LARGEST, _LARGEST)

    def reset_(self, voltage: torch.Tensor, spikes: torch.Tensor) -> None:
        """What spikes take, in place."""
        if self.subtract and self.threshold is not None:
            voltage.sub_(spikes, alpha=self.threshold)
        else:
            voltage.mul_(1 - spikes)


class Layer(torch.nn.Module):
    """Neurons and the synapses that feed them: the first from below, a second one from themselves.

    Arguments:
        shape: of the neurons.
        neurons: how their voltages change.
        below: synapse from the layer below.
        recurrent: synapse from the layer itself, a step late; None: none.
        bias: whether each neuron, or channel, has one.
    """

    def __init__(
        self, shape: tuple[int, ...], neurons: Neurons, below: Synapse, recurrent: Synapse | None, bias: bool
    ) -> None:
        super().__init__()
        self.shape = shape
        self.neurons = neurons
        self.synapses = torch.nn.ModuleList([below, *([] if recurrent is None else [recurrent])])
        self.bias = torch.nn.Parameter(torch.zeros(shape[0], *[1] * (len(shape) - 1))) if bias else None

    @property
    def size(self) -> int:
        """Number of neurons."""
        return prod(self.shape)

    @property
    def parts(self) -> list[Synapse]:
        """The synapses."""
        return list(self.synapses)


def neurons_of(config: OnlineNetworkConfig) -> tuple[Neurons, Neurons]:
    """Hidden neurons and readout neurons."""
    integer = config.arithmetic == "integer"
    hidden = Neurons(config.leak, config.threshold, config.reset == "subtract", integer)
    return hidden, Neurons(config.readout_keeps, None, False, integer)


class LayerRun:
    """A layer at work on some samples: its state, and what it did in the current step. No graph is kept.

    Arguments:
        layer: whose neurons run.
        n_samples: at once.

    Attributes:
        weights: as the neurons meet them; `take_weights` reads them anew.
        voltage: after the last step's reset; right after `integrate`, before it.
        spikes: of the step, (samples, *neurons), 0 or 1.
        inputs: of each synapse in the step.
    """

    def __init__(self, layer: Layer, n_samples: int) -> None:
        self.layer = layer
        self.take_weights()
        self.voltage = layer.neurons.start(self.weights[0], n_samples, layer.shape)
        self.spikes = torch.zeros_like(self.voltage, dtype=self.weights[0].dtype)
        self.inputs: list[torch.Tensor] = []

    def take_weights(self) -> None:
        """The weights as they are now."""
        self.weights = [part.used().detach() for part in self.layer.parts]

    def integrate(self, values: torch.Tensor) -> torch.Tensor:
        """Decay, and add what arrives from below and from the layer's own spikes of the step before.

        Returns:
            What arrived.
        """
        neurons, parts = self.layer.neurons, self.layer.parts
        self.inputs = [values, self.spikes][: len(parts)]
        neurons.decay_(self.voltage)
        current = parts[0].currents(values, self.weights[0])
        for part, weight, arriving in zip(parts[1:], self.weights[1:], self.inputs[1:]):
            current += part.currents(arriving, weight)
        if self.layer.bias is not None:
            current += self.layer.bias.detach()
        neurons.add_(self.voltage, current)
        return current

    def fire(self) -> torch.Tensor:
        """Spikes of what was integrated, (samples, *neurons), and the reset."""
        assert self.layer.neurons.threshold is not None
        self.spikes = (self.voltage > self.layer.neurons.threshold).to(self.weights[0].dtype)
        self.layer.neurons.reset_(self.voltage, self.spikes)
        return self.spikes

    def distance(self) -> torch.Tensor:
        """Voltage before the reset less the threshold, a copy in the weights' type."""
        assert self.layer.neurons.threshold is not None
        return (self.voltage - self.layer.neurons.threshold).to(self.weights[0].dtype)
