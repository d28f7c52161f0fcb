"""What a SLAYER network is built from, as it stands in a YAML file, and how long an answer takes to come out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Annotated, Literal

from pydantic import AfterValidator

from lapilli.netx_exports.synapses.kinds import MAX_DELAY, Shape
from lapilli.simulators.configurations import configuration, refuse
from lapilli.simulators.configurations.ranges import AboveZero, Bounds, Count, Natural, Share, within

Range = tuple[float, float]

MAX_GROUPS = 127
"""Groups of a convolution that Lava can have."""

ReadoutKind = Literal["voltage_sum", "spike_count", "softmax_sum"]


def _of_64ths(threshold: float) -> float:
    if not (threshold * 64).is_integer():
        raise ValueError("must be a multiple of 1/64")
    return threshold


def _shares_in_order(interval: Range) -> Range:
    if not 0 <= interval[0] <= interval[1] <= 1:
        raise ValueError("must be two values of 0…1, the smaller one first")
    return interval


Shares = Annotated[Range, AfterValidator(_shares_in_order)]


@configuration("conv")
@dataclass(frozen=True)
class ConvConfig:
    """A layer of convolutions; one with stride, or with as many groups as channels, pools with learned weights."""

    channels: Count
    """Channels of the layer."""

    kernel: Count = 3
    """Rows and columns of the kernels."""

    stride: Count = 1
    """Distance of neighbouring neurons, in neurons of the layer below."""

    padding: Natural | None = None
    """Zeros around the image below. With null, it is half an odd kernel, so that stride 1 keeps the size, and 0 for an
    even one."""

    groups: Annotated[int, within(1, MAX_GROUPS)] = 1
    """Blocks of channels that see only each other, 1…127."""

    skip: Natural = 0
    """Convolutional layers that a second synapse skips, a 1×1 convolution. With 1 it reads what the layer below reads,
    and so on. Where the channels are as many, each feeds its own only, at first with weights of one threshold. 0 is
    none."""

    pool: Count = 1
    """Side of windows of pooling neurons behind the layer, which spike when any neuron of theirs does. 1 is none."""

    @property
    def margin(self) -> int:
        """Zeros around the image below."""
        return self.kernel % 2 * (self.kernel // 2) if self.padding is None else self.padding

    def sides(self, below: Sequence[int]) -> tuple[int, ...]:
        """Rows and columns of the layer, before pooling, from those of the layer below."""
        return tuple((side + 2 * self.margin - self.kernel) // self.stride + 1 for side in below)


@configuration("network")
@dataclass(frozen=True)
class NetworkConfig:
    """Layers of CUBA LIF neurons and a readout."""

    name: Literal["slayer"] = "slayer"
    """The kind of network: "slayer"."""

    conv: tuple[ConvConfig, ...] = ()
    """Convolutional layers in front of the hidden ones. The input is then (channels, rows, columns)."""

    hidden: tuple[Count, ...] = (256,)
    """Neurons of each hidden layer without convolutions, from input to output."""

    hidden_skips: bool = False
    """Whether every layer of `hidden` but the first also reads what the layer below it reads."""

    aligned_skips: bool = False
    """Whether a skip waits for the longer way. Otherwise its spikes come earlier, and Lava, whose convolutions know no
    delays, runs the network too."""

    recurrent: bool = False
    """Whether every layer of `hidden` also feeds itself."""

    through_state: bool = False
    """Whether gradients of recurrent layers pass from step to step through current and voltage, not spikes alone."""

    threshold: Annotated[AboveZero, AfterValidator(_of_64ths)] = 1.0
    """Voltage at which a neuron spikes, a multiple of 1/64."""

    current_decay: Share = 0.1
    """Share of its current that a hidden neuron forgets in a step, 0…1."""

    voltage_decay: Share = 0.03
    """Share of its voltage that a hidden neuron forgets in a step, 0…1."""

    current_decay_range: Shares | None = None
    """Each neuron of `hidden` has a current decay of its own, drawn from here. With null, all have `current_decay`."""

    voltage_decay_range: Shares | None = None
    """Each neuron of `hidden` has a voltage decay of its own, drawn from here. With null, all have `voltage_decay`."""

    learn_decays: bool = False
    """Whether the decays of hidden layers and readout are learned. There is one for a layer, or one of each neuron with
    a range."""

    delays: Annotated[int, within(0, MAX_DELAY)] = 0
    """Largest learned axonal delay behind each layer of `hidden`, in steps, 0…62. 0 is none."""

    initial_delays: Range | None = None
    """The delays' first values are drawn uniformly from here. With null, they are drawn from 0 to `delays`."""

    readout: ReadoutKind = "voltage_sum"
    """How the class is decided. Neurons that never spike have their voltages summed over all steps, or the softmax of
    these in each step. Or spikes are counted."""

    readout_current_decay: Share = 1.0
    """Share of its current that a readout neuron forgets in a step, 0…1."""

    readout_voltage_decay: Share = 0.1
    """Share of its voltage that a readout neuron forgets in a step, 0…1."""

    surrogate_width: AboveZero = 1.0
    """Distance from the threshold, in thresholds, at which the surrogate gradient has fallen to 1/e of its peak."""

    surrogate_peak: AboveZero = 0.5
    """Surrogate gradient of a spike with respect to the voltage, at the threshold."""

    hidden_weight_scale: AboveZero = 2.0
    """Factor on torch's initial weights of the hidden layers."""

    recurrent_weight_scale: float | None = None
    """Factor on torch's initial weights of recurrent synapses. With null, it is `hidden_weight_scale`."""

    readout_weight_scale: AboveZero = 1.0
    """Factor on torch's initial weights of the readout."""

    weight_norm: bool = False
    """Whether length and direction of each neuron's input weights are learned apart (not of recurrent weights)."""

    batch_norm: bool = False
    """Whether the currents of hidden neurons are normalised by batch, folded into integer weights and biases."""

    norm_scale: AboveZero = 1.0
    """First standard deviation of normalised currents, learned for each neuron or channel."""

    bias_exp: Annotated[int, within(0, 6)] = 6
    """Biases of normalised neurons are multiples of 2^bias_exp / 4096, 0…6. Files that stock lava-dl reads have 6."""

    learn_threshold: bool = False
    """Whether a factor of each layer's weights is learned, which does what a learned threshold would."""

    dropout: Annotated[float, AfterValidator(Bounds(0, 1, below=True))] = 0.0
    """Share of hidden neurons silenced in training, each for a whole sample (recurrent layers: for a step), 0…1."""

    def __post_init__(self) -> None:
        refuse(self._contradictions())

    def _contradictions(self) -> Iterator[str]:
        first = self.initial_delays
        if first is not None and not 0 <= first[0] <= first[1] <= self.delays:
            words = f"must be two values of 0…{self.delays}, the smaller one first"
            yield f"initial_delays: {words}, got {list(first)}"
        if self.through_state and not self.recurrent:
            yield "through_state: is of recurrent layers; recurrent is false"
        scales = [name for name in ("weight_norm", "batch_norm", "learn_threshold") if getattr(self, name)]
        if len(scales) > 1:
            yield f"{' and '.join(scales)}: each learns the scale of the weights, choose one"
        if self.hidden_skips and self.recurrent:
            yield "hidden_skips: is of layers that do not feed themselves; recurrent is true"


DEFAULT_NETWORK = NetworkConfig()


def depth(config: NetworkConfig) -> int:
    """Steps after which the readout has answered an input spike, learned delays at their largest.

    The exported network's `depth` is this, or less where delays were learned to be shorter.
    """
    n_conv = sum(1 + (layer.pool > 1) for layer in config.conv)
    return n_conv + len(config.hidden) * (1 + config.delays) + 1


def conv_shapes(config: NetworkConfig, input_shape: Sequence[int]) -> list[Shape]:
    """(channels, rows, columns) of each convolutional layer, its pooling included, for an input of such a shape."""
    shapes: list[Shape] = []
    sides = tuple(input_shape[1:])
    for layer in config.conv:
        sides = tuple(side // layer.pool for side in layer.sides(sides))
        shapes.append((layer.channels, *sides))
    return shapes


def skip_stride(config: NetworkConfig, number: int) -> int:
    """Stride of the synapse that skips layers on the way to convolutional layer `number`: that of the way itself."""
    skipped = config.conv[number - config.conv[number].skip : number]
    return config.conv[number].stride * prod(layer.stride * layer.pool for layer in skipped)
