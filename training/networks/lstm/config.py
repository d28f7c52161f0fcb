"""What a source LSTM and a spiking LSTM are built from, as it stands in a YAML file."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator

from lapilli.netx_exports.synapses.kinds import MAX_DELAY
from lapilli.simulators.configurations import configuration
from lapilli.simulators.configurations.ranges import AboveZero, Bounds, Count, within
from lapilli.training.networks.config import ReadoutKind

Activations = Literal["standard", "hard", "trainable clip"]
Reads = Literal["last", "every"]
Dropped = Annotated[float, AfterValidator(Bounds(0, 1, below=True))]
Widths = Annotated[tuple[Count, ...], AfterValidator(lambda widths: _some(widths))]

LARGEST_COPIES = MAX_DELAY + 1
"""Copies of a layer: the readout hears copy 0 as many steps later as there are copies behind it."""


def _some(widths: tuple[int, ...]) -> tuple[int, ...]:
    if not widths:
        raise ValueError("must name at least one layer")
    return widths


@configuration("network")
@dataclass(frozen=True)
class LstmConfig:
    """An LSTM that does not spike: the source of a conversion, and what it is compared with."""

    name: Literal["lstm"] = "lstm"
    """The kind of network: "lstm"."""

    hidden: Widths = (128,)
    """Units of each layer."""

    activations: Activations = "hard"
    """Sigmoid and tanh ("standard"); x/4 + 1/2 and x, both clipped ("hard"); or the same with learned places of the
    clips, one for each gate of a layer ("trainable clip")."""

    read: Reads = "last"
    """Whether the class is decided by the last element or by the mean of every element."""

    dropout: Dropped = 0.0
    """Share of what a layer sends upwards that is silenced in training, 0…1."""

    unit: Count = 16
    """Input value that stands for 1: the levels of direct encoding."""

    @property
    def readout(self) -> ReadoutKind:
        """What decides the class."""
        return "voltage_sum"


@configuration("network")
@dataclass(frozen=True)
class SpikingLstmConfig:
    """A spiking LSTM on integers: gates i, f, o and tanh of the cell spike, and the cell gate g is a clamp."""

    name: Literal["spiking_lstm"] = "spiking_lstm"
    """The kind of network: "spiking_lstm"."""

    hidden: Widths = (128,)
    """Units of each layer."""

    copies: Annotated[int, within(1, LARGEST_COPIES)] = 2
    """SNN steps of a sequence element, each a copy of every layer."""

    read: Reads = "last"
    """Whether the class is decided by the last element or by the sum of every element."""

    dropout: Dropped = 0.0
    """Share of what a layer sends upwards that is silenced in training, 0…1."""

    unit: Count = 16
    """Input value that stands for 1: the levels of direct encoding."""

    train: Literal["weights", "jointly"] = "jointly"
    """Whether weights and biases are trained alone, or with thresholds, leaks, start values and the clamp."""

    surrogate_peak: AboveZero = 0.3
    """Largest derivative of a spike by the membrane in thresholds; it falls to 0 one threshold away."""

    @property
    def readout(self) -> ReadoutKind:
        """What decides the class."""
        return "voltage_sum"
