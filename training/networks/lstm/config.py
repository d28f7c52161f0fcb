"""What a source LSTM and a spiking LSTM are built from, as it stands in a YAML file."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator

from lapilli.netx_exports.synapses.kinds import MAX_DELAY
from lapilli.simulators.configurations import configuration, refuse
from lapilli.simulators.configurations.ranges import AboveZero, Bounds, Count, within
from lapilli.training.networks.config import ReadoutKind

Activations = Literal["standard", "hard", "trainable clip"]
Reads = Literal["last", "every"]
Membrane = Literal["i", "f", "g", "o", "t"]
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
    """"standard" has sigmoid and tanh. "hard" has x/4 + 1/2 and x, both clipped. "trainable clip" has the same with
    learned places of the clips, one for each gate of a layer."""

    read: Reads = "last"
    """Whether the class is decided by the last element or by the mean of every element."""

    dropout: Dropped = 0.0
    """Share of what a layer sends upwards that is silenced in training, 0…1."""

    unit: Count = 16
    """Input value that stands for 1. It is the number of levels of direct encoding."""

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
    """Input value that stands for 1. It is the number of levels of direct encoding."""

    train: Literal["weights", "jointly"] = "jointly"
    """Whether weights and biases are trained alone, or with thresholds, leaks, start values and the clamp."""

    surrogate_peak: AboveZero = 0.3
    """Largest derivative of a spike by the membrane in thresholds. It falls to 0 one threshold away."""

    @property
    def readout(self) -> ReadoutKind:
        """What decides the class."""
        return "voltage_sum"


EXPORTED: tuple[Membrane, ...] = ("i", "f", "o", "t")
"""Activations that spike in an exported network: three gates and tanh of the cell."""


@configuration("network")
@dataclass(frozen=True)
class PartlySpikingConfig:
    """A spiking LSTM in floating point of which any activations spike: for comparisons, and never exported."""

    name: Literal["partly_spiking_lstm"] = "partly_spiking_lstm"
    """The kind of network: "partly_spiking_lstm"."""

    hidden: Widths = (128,)
    """As in `SpikingLstmConfig`, and so are those that follow."""

    copies: Annotated[int, within(1, LARGEST_COPIES)] = 2
    """SNN steps."""

    read: Reads = "last"
    """What decides."""

    dropout: Dropped = 0.0
    """In training."""

    unit: Count = 16
    """Input value that stands for 1."""

    train: Literal["weights", "jointly"] = "jointly"
    """What is trained."""

    surrogate_peak: AboveZero = 0.3
    """Of a spike's derivative."""

    spiking: tuple[Membrane, ...] = EXPORTED
    """Which activations spike: gates i, f, g, o, and tanh of the cell, t. The others are clipped."""

    encoding: Literal["direct", "rate"] = "direct"
    """Whether every copy reads the input's values, or spikes drawn with these values as probabilities."""

    @property
    def readout(self) -> ReadoutKind:
        """What decides the class."""
        return "voltage_sum"

    def __post_init__(self) -> None:
        refuse(self._contradictions())

    def _contradictions(self) -> Iterator[str]:
        if not self.spiking or len(set(self.spiking)) < len(self.spiking):
            yield f"spiking: must name activations, each once, got {list(self.spiking)}"


@configuration("conversion")
@dataclass(frozen=True)
class ConversionConfig:
    """How a source LSTM becomes a spiking one."""

    copies: Annotated[int, within(1, LARGEST_COPIES)] = 2
    """SNN steps of a sequence element."""

    shift: Literal["half", "calibrated", "none"] = "half"
    """Shift of the gates' currents. "half" is half a spike, V / 2T in each SNN step. With "calibrated", a gate opens as
    far as in the source, averaged over a batch. tanh of the cell spikes at half of its threshold always."""

    kept: Annotated[float, AfterValidator(Bounds(0, 1, above=True))] = 1.0
    """Share that membranes keep from SNN step to SNN step. With 1 they do not leak (IF)."""

    thresholds: Literal["matched", "as IF"] = "matched"
    """Thresholds and shift of leaky gates, either those that follow the source best, or those of IF neurons."""

    spiking: tuple[Membrane, ...] = EXPORTED
    """Which activations spike. All but the default are in floating point, and not exported."""

    encoding: Literal["direct", "rate"] = "direct"
    """As in `PartlySpikingConfig`. "rate" is in floating point, and not exported."""

    @property
    def exported(self) -> bool:
        """Whether the result is a network of integers."""
        return sorted(self.spiking) == sorted(EXPORTED) and self.encoding == "direct"
