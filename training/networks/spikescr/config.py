"""What a SpikeSCR network is built from, as it stands in a YAML file."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator

from lapilli.netx_exports.neurons.attention import LARGEST_HEAD
from lapilli.netx_exports.neurons.kinds import DECAY_UNITY
from lapilli.netx_exports.synapses.kinds import MAX_DELAY
from lapilli.simulators.configurations import configuration, refuse
from lapilli.simulators.configurations.ranges import AboveZero, Bounds, Count, Share, within
from lapilli.training.networks.config import ReadoutKind

FULL = "full"
"""A look-ahead over the whole sample."""


def _steps_or_all(value: int | str) -> int | str:
    if value != FULL and not (isinstance(value, int) and value >= 0):
        raise ValueError(f"must be a number of steps, at least 0, or {FULL!r}")
    return value


@configuration("network")
@dataclass(frozen=True)
class SpikeScrConfig:
    """A spiking transformer with gated convolutions; the defaults are the published network for SHD, but causal."""

    name: Literal["spikescr"] = "spikescr"
    """The kind of network: "spikescr"."""

    blocks: Count = 1
    """Encoder blocks, one after the other."""

    heads: Count = 8
    """Heads of the attention, which divide `width`."""

    width: Count = 128
    """Channels of the residual stream."""

    ffn_ratio: Count = 1
    """Channels within the feed-forward parts over `width`."""

    look_ahead: Annotated[int | str, AfterValidator(_steps_or_all)] = 0
    """Steps that queries wait for keys to come. 0 is causal, and "full" sees the whole sample, as published."""

    convolutions: Literal["causal", "centred"] = "causal"
    """Whether taps in time see only the past, or as much of the future, as published."""

    kernel: Annotated[int, within(1, MAX_DELAY + 1)] = 31
    """Taps of the depthwise convolution, 1…63. Centred ones are odd."""

    attention: Literal["v2", "v1"] = "v2"
    """One of the authors' attentions. "v2", as published, has a matrix of keys times values in each head. In "v1" each
    channel counts the steps in which query and key spike together. It lets its values through from a threshold on."""

    rotary: bool = True
    """Whether queries and keys turn with their step, and spike a second time behind that."""

    gated_convolution: bool = True
    """Whether a block has its local part, the separable gated convolution."""

    gate: bool = True
    """Whether the local part has its gate."""

    memory_decay: Annotated[int, within(0, DECAY_UNITY)] = 0
    """Share of the attention's memory that is lost in a step, in 1/4096. With 0, nothing is lost, as published."""

    learn_memory_decay: bool = False
    """Whether that share is trained, for each attention its own, from `memory_decay` on (`optimizer.decay_lr`)."""

    mixed_axes: bool = False
    """Whether turned queries and keys spike along an axis that mixes samples, heads and steps, as in the authors' code.
    It is only for comparison. The answer to a sample then depends on the others of its batch, so that there is no
    exported network. `lapilli train` ends without one, with metrics and weights alone."""

    key_mask: bool = False
    """Whether keys count only in steps of the recording, as published, and not in padding. The data then need the line
    "keys"."""

    dropout: Annotated[float, AfterValidator(Bounds(0, 1, below=True))] = 0.1
    """Share of what layers send that is silenced in training, each neuron and step by itself, 0…1."""

    surrogate: Literal["atan", "slayer"] = "atan"
    """Derivative of a spike, either that of an arcus tangent, as published, or SLAYER's exponential."""

    surrogate_alpha: AboveZero = 5.0
    """Steepness of "atan". With x thresholds from the threshold it is `alpha / 2 / (1 + (pi / 2 * alpha * x)^2)`."""

    surrogate_width: AboveZero = 1.0
    """Distance from the threshold, in thresholds, at which "slayer" has fallen to 1/e of its peak."""

    surrogate_peak: AboveZero = 0.5
    """Value of "slayer" at the threshold."""

    largest_threshold: Literal[64, 128, 256, 512, 1024, 2048] = 1024
    """Each layer's threshold is the largest power of two up to this with which no weight leaves 8 bits."""

    integer_share: Share = 0.25
    """Share of the epochs, at the end of training, in which statistics are frozen and the forward pass is on
    integers."""

    momentum: Share = 0.1
    """Share of a batch in the running statistics of batch norms."""

    @property
    def readout(self) -> ReadoutKind:
        """What decides the class: the softmax of each step, summed over the sample."""
        return "softmax_sum"

    @property
    def head(self) -> int:
        """Channels of a head."""
        return self.width // self.heads

    @property
    def hidden(self) -> int:
        """Channels within a feed-forward part."""
        return self.width * self.ffn_ratio

    @property
    def attention_threshold(self) -> int:
        """Of the attention's neurons, in meetings of query, key and value: 1 over the scale 1 / sqrt(head), rounded."""
        return max(1, round(self.head**0.5))

    def waiting(self, n_steps: int) -> int:
        """Steps by which queries are later than keys, for samples of so many steps."""
        # Behind the end of a sample there is nothing to wait for.
        return min(self.look_ahead, n_steps) if isinstance(self.look_ahead, int) else n_steps

    def __post_init__(self) -> None:
        refuse(self._contradictions())

    def _contradictions(self) -> Iterator[str]:
        if self.width % self.heads:
            yield f"heads: must divide the width {self.width}, got {self.heads}"
        elif self.rotary and self.head % 2:
            yield f"heads: channels of a head turn in pairs, so {self.width} / heads must be even, got {self.head}"
        elif self.head > LARGEST_HEAD:
            yield f"heads: a head has at most {LARGEST_HEAD} channels, got {self.head}"
        if self.convolutions == "centred" and not self.kernel % 2:
            yield f"kernel: centred convolutions have an odd number of taps, got {self.kernel}"
        if self.mixed_axes and not self.rotary:
            yield "mixed_axes: is about queries and keys that are turned; rotary is false"
        if self.gate and not self.gated_convolution:
            yield "gate: is a part of the gated convolution; gated_convolution is false"
