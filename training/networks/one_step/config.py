"""What a network of one time step is built from, as it stands in a YAML file."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator

from lapilli.simulators.configurations import configuration, refuse
from lapilli.simulators.configurations.ranges import AboveZero, Bounds, Count, Share, within
from lapilli.training.networks.config import ReadoutKind

Mixer = Literal["convolution", "lstm", "rnn", "gru"]
Fusion = Literal["none", "group", "layer", "sum", "relu", "tanh", "sigmoid", "omega"]

OmegaForm = Literal["paper", "code"]

CARRIED_SHARE = 0.4
"""Share of a potential with which the next window begins."""

THRESHOLD = 0.5
"""Of every neuron."""


def _widths(values: tuple[int, ...]) -> tuple[int, ...]:
    if not values or min(values) < 1:
        raise ValueError("must be at least one whole number above 0")
    return values


def _theta(value: float) -> float:
    if value not in (0.25, 0.5, 1.0):
        raise ValueError("must be 0.25, 0.5 or 1")
    return value


@configuration("network")
@dataclass(frozen=True)
class OneStepConfig:
    """A network of one time step; the defaults are sized for a CPU, 14.6 million products an image of 32 × 32.

    The published network has widths 48, 96, 192, 384 and depths 2, 2, 6, 2.
    """

    name: Literal["one_step"] = "one_step"
    """The kind of network: "one_step"."""

    form: Literal["mixed", "strict", "ann"] = "mixed"
    """With "mixed", as published, residual sums and the channel MLP are real numbers, of 8 bits. With "strict",
    everything behind the first convolution is spikes and sums of spikes. "ann" is the same graph with ReLU in floating
    point, without windows. It is only for comparison. It has no exported network, and `lapilli train` ends without one,
    with metrics and weights alone."""

    widths: Annotated[tuple[int, ...], AfterValidator(_widths)] = (16, 32, 64)
    """Channels of each stage. The first stage's map has half of the image's side, each other half of the one before."""

    depths: Annotated[tuple[int, ...], AfterValidator(_widths)] = (2, 2, 2)
    """Blocks of each stage."""

    mixer: Mixer = "convolution"
    """What brings the places of a window together: two convolutions, or one recurrent layer that reads them row by row,
    "lstm", "rnn" or "gru". Gates of the latter are in floating point, as published, so that it has no exported network.
    "convolution" has one."""

    directions: Literal[1, 2] = 2
    """Directions in which a recurrent layer reads a window, each with as many units as the map has channels. The
    published LSTM has 2."""

    groups: Literal[1, 2, 4] = 4
    """Windows of a map, which are quarters, top and bottom halves, or the whole map. The latter carries nothing."""

    dilated: bool = True
    """Whether every second block has windows of 3/4 of the side, which overlap, where the map's side is divisible
    by 4."""

    fusion: Fusion = "omega"
    """Potentials with which a window's second convolution begins. "none" takes none. "group" takes those of the window
    before, and "layer" those of the first convolution in the same window. Others take their "sum", or a function of it.
    "omega" is a product of the sine of the first and the cosine of the second. The first convolution begins with those
    of the window before, but for "none" and "layer". Of a recurrent layer, the layer below is that of the block in
    front."""

    theta: Annotated[float, AfterValidator(_theta)] = 0.5
    """θ of "omega", which is 0.4 · 2 sin(θ π/2 a) cos(θ π/2 b). It is 0.25, 0.5 or 1, with which a table's index is a
    shift."""

    omega_form: OmegaForm = "paper"
    """Which Ω "omega" is. "paper" is equation 5, 2 sin(θ π/2 a) cos(θ π/2 b). "code" is 2 sin(θ π/2 a cos(θ π/2 b)), as
    the authors' code has it. It is in floating point, so that it has no exported network."""

    join: Literal["or", "median"] = "or"
    """How overlapping windows are joined. With "or" a spike of any is a spike. With "median" their mean is kept, in
    quarters."""

    encoder: Literal["threshold", "bernoulli"] = "threshold"
    """How the real map becomes spikes in front of the windows. "threshold" spikes above 0.5. "bernoulli" spikes with
    that probability in training alone, as in the authors' code, and above 0.5 in evaluation and when exported."""

    encoder_gradient: bool = True
    """Whether a gradient passes through the encoder, between 0 and 1. In the authors' code none does."""

    mlp_ratio: Count = 3
    """Channels within the channel MLP over those of the map."""

    activation: Literal["gelu", "relu"] = "gelu"
    """Activation within the channel MLP. "strict" has spikes there."""

    norm: Literal["none", "batch"] = "batch"
    """Batch norms behind all convolutions, folded into them. The published network has none."""

    integer_share: Share = 0.25
    """Share of the epochs, at the end, in which statistics are frozen and weights are integers. It is for networks with
    batch norms. Without them, weights always are integers. Activations and potentials always are."""

    momentum: Share = 0.1
    """Share of a batch in the running statistics of batch norms."""

    surrogate_width: AboveZero = 0.5
    """A spike's derivative is 1 as far as that from the threshold, else 0."""

    pixel_unit: Annotated[int, within(1, 256)] = 64
    """Value of a pixel that counts as 1.0, a power of two. It is about the standard deviation of pixels, which is a
    quarter of `framing.levels`."""

    largest_sigma: Annotated[float, AfterValidator(Bounds(1, 64))] = 5.0
    """Root mean squares of activations that 8 bits reach at least."""

    @property
    def readout(self) -> ReadoutKind:
        """What decides the class: the voltage."""
        return "voltage_sum"

    @property
    def first_carry(self) -> Fusion:
        """With which potentials a window's first convolution begins."""
        return "none" if self.fusion in ("none", "layer") else "group"

    @property
    def reads_below(self) -> bool:
        """Whether windows begin with potentials of the layer below."""
        return self.groups > 1 and self.fusion not in ("none", "group")

    @property
    def mixed_directions(self) -> int:
        """Channels of what windows give over those of the map that they read."""
        return 1 if self.mixer == "convolution" else self.directions

    @property
    def unexportable(self) -> tuple[str, ...]:
        """Why it has no exported network; nothing: it has one."""
        return tuple(self._unexportable())

    def _unexportable(self) -> Iterator[str]:
        if self.form == "ann":
            yield "network.form: ann is in floating point, for comparison alone"
        if self.mixer != "convolution":
            yield f"network.mixer: the gates of {self.mixer} are in floating point; convolution can be exported"
        if self.omega_form == "code":
            yield "network.omega_form: code is in floating point, no neuron has it; paper can be exported"

    def __post_init__(self) -> None:
        refuse(self._contradictions())

    def _contradictions(self) -> Iterator[str]:
        if len(self.widths) != len(self.depths):
            yield f"depths: must be one for each of the {len(self.widths)} widths, got {len(self.depths)}"
        if self.pixel_unit & (self.pixel_unit - 1):
            yield f"pixel_unit: must be a power of two, got {self.pixel_unit}"
        if self.mixer != "convolution" and self.form != "mixed":
            yield f"mixer: must be convolution in the form {self.form}, got {self.mixer}"
        if self.mixer == "convolution" and self.directions == 1:
            yield "directions: 1 needs the mixer lstm, rnn or gru, got convolution"
        if self.omega_form == "code" and self.fusion != "omega":
            yield f"omega_form: code needs the fusion omega, got {self.fusion}"
