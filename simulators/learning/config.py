"""How a network learns online: S-TLLR in Lava's integers. Frozen records; every number is one that the engine takes.

The rule of a connection (arXiv 2306.15220 in the form of Lava's sum of products, `docs/how-to/learning.md`):

    dw = causal * x1 * y1 * d + non_causal * x0 * y2 * d

x1: trace of incoming spikes, y1: Ψ of the voltage, y2: trace of Ψ, x0: an incoming spike, d: learning signal. Both
factors are m * 2^e. What stands for the learning rate has a minus sign, because d is the error.
"""

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any

from lapilli.netx_exports.errors import ProblemsError
from lapilli.simulators.configurations import configuration
from lapilli.simulators.configurations.ranges import within

MANTISSA_RANGE = (-7, 7)
"""Lava halves -8 and raises the exponent instead, which rounds otherwise."""

EXPONENT_RANGE = (-7, 8)

SIGNAL_ZERO, SIGNAL_RANGE, TRACE_MAX = 64, (-64, 63), 127

Y_TAU = 65535
"""Time constant with which Lava's three-factor rule lets y1, y2 and y3 decay, between the neuron and the product."""


class LearningError(ProblemsError):
    """Learning parameters, labels or networks that contradict what can be learnt."""


Tau = Annotated[float, within(0, 1e6)]
Impulse = Annotated[float, within(0, TRACE_MAX)]
Shift = Annotated[int, within(0, 16)]
VoltageShift = Annotated[int, within(0, 23)]
Seed = Annotated[int, within(0, (1 << 31) - 1)]


@configuration("learning", LearningError)
@dataclass(frozen=True)
class Term:
    """Factor of a product of the rule, mantissa * 2^exponent."""

    mantissa: Annotated[int, within(*MANTISSA_RANGE)]
    """-7…7; 0 leaves the product out."""

    exponent: Annotated[int, within(*EXPONENT_RANGE)] = -7
    """-7…8. The smaller, the finer the product's steps before it is rounded."""


@configuration("learning", LearningError)
@dataclass(frozen=True)
class HiddenRule:
    """How spiking layers learn."""

    causal: Term = Term(-1)
    """Factor of pre-synaptic trace times Ψ times learning signal."""

    non_causal: Term = Term(0)
    """Factor of spike times trace of Ψ times learning signal."""

    pre_tau: Tau = 2.0
    """Time constant, in steps, of the trace of incoming spikes. 0 is no memory."""

    pre_impulse: Impulse = 1.0
    """What a spike adds to the trace, which ends at 127."""

    post_decay: Annotated[int, within(0, 4096)] = 819
    """Factor of the trace of Ψ in a step, in units of 1/4096."""

    post_shift: Shift = 0
    """The trace of Ψ is divided by 2^post_shift and ends at 127."""

    psi_peak: Annotated[int, within(1, TRACE_MAX)] = 127
    """Ψ where the voltage is the threshold."""

    psi_shift: VoltageShift | None = None
    """Ψ falls by 1 where the voltage is 2^psi_shift farther from the threshold. With None, Ψ is as wide as the
    threshold."""


@configuration("learning", LearningError)
@dataclass(frozen=True)
class ReadoutRule:
    """How the readout learns: error times trace of the spikes that reach it."""

    causal: Term = Term(-4)
    """Factor of pre-synaptic trace times error."""

    pre_tau: Tau = 0.0
    """Time constant, in steps, of the trace of incoming spikes. 0 is no memory."""

    pre_impulse: Impulse = 1.0
    """What a spike adds to the trace, which ends at 127."""


@configuration("learning", LearningError)
@dataclass(frozen=True)
class LearningConfig:
    """How a network learns."""

    hidden: HiddenRule = HiddenRule()
    """Of spiking layers."""

    readout: ReadoutRule = ReadoutRule()
    """Of the last layer."""

    window: Annotated[int, within(1, 1 << 24)] | None = None
    """The error counts in the last steps of a sample only, so many. With None, it counts in all."""

    voltage_exp: VoltageShift = 12
    """The error is the softmax of voltages / 2^voltage_exp, less 1 for the label. SLAYER's unit is 12."""

    feedback_shift: Shift = 7
    """A hidden neuron's learning signal is the sum of feedback weights times errors, divided by 2^feedback_shift."""

    feedback_seed: Seed = 0
    """Of the random feedback weights."""

    seed: Seed = 0
    """Of the random rounding of traces."""

    def as_dict(self) -> dict[str, Any]:
        """Nested plain values."""
        return dataclasses.asdict(self)
