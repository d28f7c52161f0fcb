"""How a network learns online: S-TLLR in Lava's integers. Frozen records; every number is one that the engine takes.

The rule of a connection (arXiv 2306.15220 in the form of Lava's sum of products, `docs/learning.md`):

    dw = causal * x1 * y1 * d + non_causal * x0 * y2 * d

x1: trace of incoming spikes, y1: Ψ of the voltage, y2: trace of Ψ, x0: an incoming spike, d: learning signal. Both
factors are m * 2^e. What stands for the learning rate has a minus sign, because d is the error.
"""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lapilli.netx_exports.errors import ProblemsError

MANTISSA_RANGE = (-7, 7)
"""Lava halves -8 and raises the exponent instead, which rounds otherwise."""

EXPONENT_RANGE = (-7, 8)

SIGNAL_ZERO, SIGNAL_RANGE, TRACE_MAX = 64, (-64, 63), 127

Y_TAU = 65535
"""Time constant with which Lava's three-factor rule lets y1, y2 and y3 decay, between the neuron and the product."""


class LearningError(ProblemsError):
    """Learning parameters, labels or networks that contradict what can be learnt."""


@dataclass(frozen=True)
class Term:
    """Factor of a product of the rule, mantissa * 2^exponent."""

    mantissa: int
    """-7…7; 0 leaves the product out."""

    exponent: int = -7
    """-7…8. The smaller, the finer the product's steps before it is rounded."""


@dataclass(frozen=True)
class HiddenRule:
    """How spiking layers learn."""

    causal: Term = Term(-1)
    """Factor of pre-synaptic trace times Ψ times learning signal."""

    non_causal: Term = Term(0)
    """Factor of spike times trace of Ψ times learning signal."""

    pre_tau: float = 2.0
    """Time constant, in steps, of the trace of incoming spikes; 0: no memory."""

    pre_impulse: float = 1.0
    """What a spike adds to the trace, which ends at 127."""

    post_decay: int = 819
    """Factor of the trace of Ψ in a step, in units of 1/4096."""

    post_shift: int = 0
    """The trace of Ψ is divided by 2^post_shift and ends at 127."""

    psi_peak: int = 127
    """Ψ where the voltage is the threshold."""

    psi_shift: int | None = None
    """Ψ falls by 1 where the voltage is 2^psi_shift farther from the threshold; None: Ψ is as wide as the threshold."""


@dataclass(frozen=True)
class ReadoutRule:
    """How the readout learns: error times trace of the spikes that reach it."""

    causal: Term = Term(-1)
    """Factor of pre-synaptic trace times error."""

    pre_tau: float = 0.0
    """Time constant, in steps, of the trace of incoming spikes; 0: no memory."""

    pre_impulse: float = 1.0
    """What a spike adds to the trace, which ends at 127."""


@dataclass(frozen=True)
class LearningConfig:
    """How a network learns."""

    hidden: HiddenRule = HiddenRule()
    """Of spiking layers."""

    readout: ReadoutRule = ReadoutRule()
    """Of the last layer."""

    window: int | None = None
    """The error counts in the last steps of a sample only, so many; None: in all."""

    voltage_exp: int = 12
    """The error is the softmax of voltages / 2^voltage_exp, less 1 for the label; SLAYER's unit is 12."""

    feedback_shift: int = 7
    """A hidden neuron's learning signal is the sum of feedback weights times errors, divided by 2^feedback_shift."""

    feedback_seed: int = 0
    """Of the random feedback weights."""

    seed: int = 0
    """Of the random rounding of traces."""

    def __post_init__(self) -> None:
        if problems := list(_problems(self)):
            raise LearningError("learning", problems)

    def as_dict(self) -> dict[str, Any]:
        """Nested plain values."""
        return dataclasses.asdict(self)


def _problems(config: LearningConfig) -> Iterator[str]:
    for where, rule in (("hidden", config.hidden), ("readout", config.readout)):
        for name in ("causal", "non_causal"):
            term = getattr(rule, name, None)
            if term is not None:
                yield from _outside(f"{where}.{name}.mantissa", term.mantissa, *MANTISSA_RANGE)
                yield from _outside(f"{where}.{name}.exponent", term.exponent, *EXPONENT_RANGE)
        for name, high in (("pre_tau", 1e6), ("pre_impulse", float(TRACE_MAX))):
            value = getattr(rule, name)
            if not (isinstance(value, int | float) and math.isfinite(value) and 0 <= value <= high):
                yield f"{where}.{name}: must be a number in 0…{high:g}, got {value!r}"
    hidden = config.hidden
    yield from _outside("hidden.post_decay", hidden.post_decay, 0, 4096)
    yield from _outside("hidden.post_shift", hidden.post_shift, 0, 16)
    yield from _outside("hidden.psi_peak", hidden.psi_peak, 1, TRACE_MAX)
    if hidden.psi_shift is not None:
        yield from _outside("hidden.psi_shift", hidden.psi_shift, 0, 23)
    if config.window is not None:
        yield from _outside("window", config.window, 1, 1 << 24)
    yield from _outside("voltage_exp", config.voltage_exp, 0, 23)
    yield from _outside("feedback_shift", config.feedback_shift, 0, 16)
    yield from _outside("feedback_seed", config.feedback_seed, 0, (1 << 31) - 1)
    yield from _outside("seed", config.seed, 0, (1 << 31) - 1)


def _outside(name: str, value: int, low: int, high: int) -> Iterator[str]:
    if not isinstance(value, int) or not low <= value <= high:
        yield f"{name}: must be a whole number in {low}…{high}, got {value!r}"
