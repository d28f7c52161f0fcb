"""S-TLLR as it stands in a YAML file: the rule, its controls, the network that they train."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod
from types import MappingProxyType
from typing import Annotated, Literal

from lapilli.simulators.configurations import Named, configuration, refuse
from lapilli.simulators.configurations.ranges import AboveZero, Count, Natural, Share, within
from lapilli.training.networks.config import ConvConfig
from lapilli.training.stllr.activations import PsiName

Signal = Literal["bp", "dfa", "sign dfa"]
Update = Literal["batch", "each step"]

MAX_WEIGHTS = 1 << 30
"""Of hidden layers, so that a slip of a digit is a sentence and no fight for memory."""

INTEGER_UNIT = 64
"""SLAYER's scale: an integer weight or threshold of 64 is 1."""


@configuration("method")
@dataclass(frozen=True)
class RuleConfig:
    """S-TLLR (arXiv 2306.15220): dw = -Σ_t d[t] (a_pre Ψ[t] q[t] + a_post h[t] x[t]), forward in time.

    q[t] = l_pre q[t-1] + x[t] is the trace of what comes in, h[t+1] = l_post h[t] + Ψ[t] that of Ψ. h is what the
    authors' code uses: one l_post less than in the publication's formula, so that a_post here is that of the formula
    times l_post.
    """

    name: Literal["s-tllr"] = "s-tllr"
    """The rule itself. OTTT and SLTT are values of it."""

    a_pre: float = 1.0
    """Weight of the causal term."""

    a_post: float = 1.0
    """Weight of the non-causal term. 0 with l_pre null is OTTT."""

    l_pre: Share | None = 1.0
    """Share of the trace q that is kept in a step, 0…1. With null, it is as much as the layer keeps of its voltage."""

    l_post: Share = 0.5
    """Share of the trace h that is kept in a step, 0…1."""

    l_readout: Share | None = None
    """Share of the readout's trace that is kept in a step, 0…1. With null, it is as much as the readout keeps of its
    voltage."""

    psi: PsiName = "fast sigmoid"
    """Secondary activation (`training/stllr/activations.py`)."""

    window: Count | None = None
    """Only the last so many steps of a sample teach; null: all."""

    signal: Signal = "bp"
    """Learning signal of hidden layers. "bp" is the error of the step, back through the layers of that step. "dfa"
    sends it through fixed random weights straight to each layer, and "sign dfa" sends its sign alone."""

    error_delay: Natural = 0
    """Steps that the error takes to hidden layers. It meets what they do then."""

    update: Update = "batch"
    """Whether weights change once for a batch, or in each step of the window."""

    trace_bits: Annotated[int, within(1, 23)] | None = None
    """Traces are whole numbers of so many bits, as on a chip, rounded at random in each step. The largest number is
    what a spike, or the largest Ψ, in every step adds up to. With null, they are real numbers."""


@configuration("method")
@dataclass(frozen=True)
class UnrolledConfig:
    """Control: back-propagation through time by autograd, on the very same network, Ψ, window and normalisation."""

    name: Literal["bptt"] = "bptt"
    """Full, or truncated."""

    steps: Count | None = None
    """Steps that gradients pass through. A sample is cut there, and states go on. With null, they pass through all
    steps."""

    recurrent_gradient: bool = True
    """Whether gradients pass from a layer's spikes to those of the step before, through its own synapses. These learn
    in any case. Rules that go forward in time have no such path."""

    psi: PsiName = "fast sigmoid"
    """Surrogate gradient of a spike."""

    window: Count | None = None
    """Only the last so many steps of a sample have a loss; null: all."""

    loss: Literal["each step", "mean"] = "each step"
    """Cross-entropy of each step's logits, added up, as S-TLLR has it, or of the mean over the window. The latter needs
    the whole sample, so that it cannot be truncated."""


MethodConfig = Annotated[RuleConfig | UnrolledConfig, Named((RuleConfig, UnrolledConfig))]

_VISION = RuleConfig(a_post=-1.0, l_pre=0.5, l_post=0.2, l_readout=0.0, psi="sigmoid", window=5)

PRESETS: Mapping[str, RuleConfig] = MappingProxyType(
    {
        "dvs gesture": replace(_VISION, l_pre=0.75, psi="triangle"),
        "dvs-cifar10": _VISION,
        "n-caltech101": _VISION,
        "shd": RuleConfig(l_readout=0.99, window=90),
        "shd dfa": RuleConfig(l_readout=0.99, window=90, signal="dfa"),
        "mvsec": RuleConfig(l_pre=0.8, a_post=-0.2, l_readout=0.0, psi="arctan", window=1),
    }
)
"""The publication's values for each task, as its released commands have them; Ψ of N-CALTECH101 and MVSEC is not
known. There, 0 for the readout says that it is instantaneous."""


def ottt(psi: PsiName = "fast sigmoid", window: int | None = None) -> RuleConfig:
    """OTTT (Xiao et al. 2022): no non-causal term, traces decay as voltages do."""
    return RuleConfig(a_post=0.0, l_pre=None, psi=psi, window=window)


def sltt(psi: PsiName = "fast sigmoid", window: int | None = None) -> RuleConfig:
    """SLTT (Meng et al. 2023): no non-causal term, no traces."""
    return RuleConfig(a_post=0.0, l_pre=0.0, l_readout=0.0, psi=psi, window=window)


@configuration("network")
@dataclass(frozen=True)
class OnlineNetworkConfig:
    """Leaky integrate-and-fire neurons without synaptic currents, layer by layer, and a readout.

    u = leak (u - reset) + Σ w x, spike where u exceeds the threshold.
    """

    conv: tuple[ConvConfig, ...] = ()
    """Convolutional layers in front, without groups, skips and pooling neurons. A stride pools."""

    hidden: tuple[Count, ...] = (128,)
    """Neurons of each hidden layer without convolutions."""

    recurrent: bool = False
    """Whether every layer of `hidden` also feeds itself, a step later."""

    leak: Share = 0.9933
    """Share of its voltage that a hidden neuron keeps in a step, 0…1."""

    threshold: AboveZero = 0.6
    """Voltage that a neuron must exceed to spike."""

    reset: Literal["subtract", "zero"] = "subtract"
    """What a spike takes from the voltage. It is the threshold, as published, or all, as in SLAYER and Lava."""

    readout: Literal["leaky", "instantaneous"] = "leaky"
    """Whether the readout's voltages remember what they did before."""

    readout_leak: Share = 0.9933
    """Share of its voltage that a leaky readout keeps in a step, 0…1."""

    gain: AboveZero = 1.0
    """Factor from the readout's voltage to logit."""

    bias: bool = False
    """Whether all neurons have a learned bias. Integers have none."""

    weight_standardisation: bool = False
    """Whether the weights of each hidden neuron are used with mean 0 and a learned length."""

    weight_scale: AboveZero = 1.0
    """Factor on torch's initial weights."""

    arithmetic: Literal["float", "integer"] = "float"
    """Real numbers, or SLAYER's and Lava's integers, with weights of 8 bits and voltages in fixed point. With "integer"
    and a reset to zero, the trained network is the exported one."""

    def __post_init__(self) -> None:
        refuse(self._contradictions())

    def _contradictions(self) -> Iterator[str]:
        if self.recurrent and not self.hidden:
            yield "recurrent: there is no layer in hidden"
        for number, layer in enumerate(self.conv):
            for name, usual in (("groups", 1), ("skip", 0), ("pool", 1)):
                if getattr(layer, name) != usual:
                    yield f"conv[{number}].{name}: must be {usual} here, got {getattr(layer, name)}"
        if self.arithmetic == "integer" and self.bias:
            yield "bias: integer arithmetic has none here"
        if self.arithmetic == "integer" and self.threshold * INTEGER_UNIT % 1:
            yield f"threshold: must be a multiple of 1/{INTEGER_UNIT} with integer arithmetic, got {self.threshold}"

    @property
    def readout_keeps(self) -> float:
        """Share of its voltage that the readout keeps in a step."""
        return self.readout_leak if self.readout == "leaky" else 0.0

    @property
    def depth(self) -> int:
        """Steps after which the exported network's readout has answered; here all layers answer in the same step."""
        return len(self.conv) + len(self.hidden) + 1


def rule_misfits(method: MethodConfig, n_steps: int) -> Iterator[str]:
    """What of a rule or control does not fit samples of `n_steps` steps."""
    if method.window is not None and method.window > n_steps:
        yield f"window: must be 1…{n_steps}, the steps of a sample, or null, got {method.window}"
    if isinstance(method, UnrolledConfig):
        if method.loss == "mean" and method.steps is not None and method.steps < n_steps:
            yield f"steps: the loss of the mean needs all {n_steps} steps at once, got {method.steps}"
    elif method.error_delay >= (method.window or n_steps):
        yield f"error_delay: must be at least 0 and less than the steps that teach, got {method.error_delay}"


def network_misfits(config: OnlineNetworkConfig, input_shape: Sequence[int]) -> Iterator[str]:
    """What of a network does not fit such an input."""
    if sum(size * max(below, size) for below, size in pairwise((prod(input_shape), *config.hidden))) > MAX_WEIGHTS:
        yield f"hidden: more than {MAX_WEIGHTS} weights, got {config.hidden}"
    if config.conv and len(input_shape) != 3:
        yield f"conv: needs an input of channels, rows and columns, got {tuple(input_shape)}"
    elif prod(input_shape) < 1:
        yield f"input: has no neurons, its shape is {tuple(input_shape)}"
    else:
        yield from _conv_misfits(config, input_shape)


def _conv_misfits(config: OnlineNetworkConfig, input_shape: Sequence[int]) -> Iterator[str]:
    sides = tuple(input_shape[1:])
    for number, layer in enumerate(config.conv):
        below, sides = sides, layer.sides(sides)
        if min(sides) < 1:
            yield f"conv[{number}]: a kernel of {layer.kernel} does not fit {below[0]} x {below[1]} neurons"
            return
